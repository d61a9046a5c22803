/** Hubble's monitor event classes: what `event_type` says of a flow, and the filter `type` asks for. */
import { DROP_REASON, OBSERVATION_POINT, OBSERVATION_POINT_NAME, RECORD_TYPE } from '../wire/lists.gen.ts';
import type { FlowFacts } from './facts.ts';

export const EVENT_DROP = 1;
export const EVENT_TRACE = 4;
export const EVENT_POLICY_VERDICT = 5;
export const EVENT_L7 = 129;

const EVENT_CLASSES: Readonly<Record<string, number>> = {
  drop: EVENT_DROP,
  capture: 3,
  trace: EVENT_TRACE,
  'policy-verdict': EVENT_POLICY_VERDICT,
  'trace-sock': 7,
  l7: EVENT_L7,
};

export function eventType(facts: FlowFacts): number {
  if (facts.type === RECORD_TYPE.L7) return EVENT_L7;
  return facts.type === RECORD_TYPE.DROP ? EVENT_DROP : EVENT_TRACE;
}

/** Drop reason of a drop, nothing of a message; trace point else, where to-endpoint is 0 (the enum has 101 there). */
export function eventSubType(facts: FlowFacts): number {
  if (facts.type === RECORD_TYPE.DROP) return facts.dropReason;
  if (facts.type === RECORD_TYPE.L7) return 0;
  return facts.observationPoint === OBSERVATION_POINT.TO_ENDPOINT ? 0 : facts.observationPoint;
}

/** The hubble command's word for a trace point: `to-endpoint`. */
export function pointWord(observationPoint: string): string {
  return observationPoint.toLowerCase().replaceAll('_', '-');
}

/** Reads `drop`, `trace`, `trace:to-endpoint`, `4`, `1:158`, …; null if there is no such type. */
export function parseEventType(text: string): { matches(facts: FlowFacts): boolean } | null {
  const [name = '', sub] = text.toLowerCase().split(':', 2);
  const type = /^\d{1,3}$/.test(name)
    ? Number(name)
    : Object.hasOwn(EVENT_CLASSES, name)
      ? EVENT_CLASSES[name]
      : undefined;
  if (type === undefined) return null;
  // Hubble has an event of its own for it beside trace and drop; here the same record tells both.
  if (type === EVENT_POLICY_VERDICT) return sub === undefined ? { matches: (facts) => facts.isPolicyVerdict } : null;
  if (sub === undefined) return { matches: (facts) => eventType(facts) === type };
  const subType = /^\d{1,3}$/.test(sub) ? Number(sub) : subTypeNumber(type, sub);
  if (subType === undefined) return null;
  return { matches: (facts) => eventType(facts) === type && eventSubType(facts) === subType };
}

function subTypeNumber(type: number, word: string): number | undefined {
  if (type === EVENT_DROP) {
    const key = word.toUpperCase().replaceAll('-', '_');
    return Object.hasOwn(DROP_REASON, key) ? DROP_REASON[key as keyof typeof DROP_REASON] : undefined;
  }
  if (type !== EVENT_TRACE) return undefined;
  for (const [number, name] of Object.entries(OBSERVATION_POINT_NAME)) {
    if (pointWord(name) === word) return Number(number) === OBSERVATION_POINT.TO_ENDPOINT ? 0 : Number(number);
  }
  return undefined;
}
