/** Finds the other half of an exchange: the answer to a request, the request of an answer. */
import type { HubbleFlow } from '../../../server/wire/hubble.ts';
import type { FlowRow } from '../../../server/wire/live.ts';

/** The nearest of the same connection that is about the same; null if none of `rows` is. Ids grow with time. */
export function pairOf(row: FlowRow, rows: readonly FlowRow[]): FlowRow | null {
  const { flow } = row;
  if (flow.l7 === undefined || flow.l7.type === 'SAMPLE') return null;
  const isRequest = flow.l7.type === 'REQUEST';
  const subject = subjectOf(flow);
  let best: FlowRow | null = null;
  for (const other of rows) {
    if (other.flow.l7?.type !== (isRequest ? 'RESPONSE' : 'REQUEST') || subjectOf(other.flow) !== subject) continue;
    // The first answer after a request, the last request before an answer.
    if (isRequest ? other.id < row.id : other.id > row.id) continue;
    if (best === null || Math.abs(other.id - row.id) < Math.abs(best.id - row.id)) best = other;
  }
  return best;
}

function subjectOf({ l7, extensions }: HubbleFlow): string {
  const spyglass = extensions?.value.spyglass;
  const asked = l7?.http?.url ?? l7?.dns?.query ?? l7?.kafka?.correlation_id ?? '';
  return `${spyglass?.connection_id} ${spyglass?.l7?.route} ${asked}`;
}
