/** Reads what the hub sends. Hub and page are of one build, so the kind and the outer shape are checked, not each field. */
import type { LiveMessage } from '../../../server/wire/live.ts';

const OUTER: Readonly<Record<string, string>> = {
  status: 'nodes',
  map: 'map',
  l7: 'table',
  datapath: 'datapath',
  flows: 'rows',
  timeline: 'buckets',
  error: 'detail',
} satisfies Record<LiveMessage['type'], string>;

/** Null for what is no message of the live protocol. */
export function readMessage(text: string): LiveMessage | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  return isMessage(value) ? value : null;
}

function isMessage(value: unknown): value is LiveMessage {
  if (typeof value !== 'object' || value === null || !('type' in value) || typeof value.type !== 'string') return false;
  const key = Object.hasOwn(OUTER, value.type) ? OUTER[value.type] : undefined;
  if (key === undefined) return false;
  const content: unknown = (value as Record<string, unknown>)[key];
  return value.type === 'error' ? typeof content === 'string' : typeof content === 'object' && content !== null;
}
