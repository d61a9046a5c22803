import { describe, expect, it } from 'vitest';
import type { FlowsMessage } from '../../../server/wire/live.ts';
import type { MapEdge } from '../../../server/wire/service-map.ts';
import { backOff } from './back-off.ts';
import { pointOf } from './edge-watch.ts';
import { addFlows, EMPTY_TAIL, MAX_ROWS } from './flow-tail.ts';
import { readMessage } from './message.ts';
import { subscriptionOf, type Wanted } from './wanted.ts';

function flows(ids: number[], change: Partial<FlowsMessage> = {}): FlowsMessage {
  const rows = ids.map((id) => ({ id, flow: {} })) as FlowsMessage['rows'];
  return { type: 'flows', rows, sampled: 1, matched: ids.length, tag: 0, ...change };
}

describe('messages', () => {
  it('are taken by their outer shape', () => {
    expect(readMessage('{"type":"error","detail":"No."}')).toEqual({ type: 'error', detail: 'No.' });
    expect(readMessage(JSON.stringify(flows([1])))?.type).toBe('flows');
  });

  it.each(['', 'x', '7', 'null', '{"type":"flows"}', '{"type":"map","map":null}', '{"type":"toString"}', '{"type":1}'])(
    'are refused if they are %j',
    (text) => expect(readMessage(text)).toBeNull(),
  );
});

describe('tail', () => {
  it('has the newest first, and says how many there were', () => {
    const tail = addFlows(EMPTY_TAIL, [flows([1, 2]), flows([5], { sampled: 4, matched: 12 })]);
    expect(tail.rows.map(({ id }) => id)).toEqual([5, 2, 1]);
    expect(tail).toMatchObject({ sampled: 4, matched: 14, isKnown: true });
  });

  it('shows rows once that come again after a reconnect', () => {
    const tail = addFlows(EMPTY_TAIL, [flows([1, 2])]);
    expect(addFlows(tail, [flows([1, 2, 3])]).rows.map(({ id }) => id)).toEqual([3, 2, 1]);
  });

  it('is bounded', () => {
    const ids = Array.from({ length: MAX_ROWS + 10 }, (_, index) => index);
    const { rows } = addFlows(EMPTY_TAIL, [flows(ids)]);
    expect([rows.length, rows[0]?.id]).toEqual([MAX_ROWS, MAX_ROWS + 9]);
  });
});

describe('subscription', () => {
  const wanted: Wanted = { group: 'workload', range: 300, filter: {}, mapFilter: {}, past: null };

  it('asks for all at first, then for what changed', () => {
    expect(Object.keys(subscriptionOf(wanted, null))).toEqual(['map', 'flows', 'timeline']);
    expect(subscriptionOf(wanted, { ...wanted })).toEqual({});
    expect(Object.keys(subscriptionOf({ ...wanted, group: 'pod' }, wanted))).toEqual(['map']);
    expect(Object.keys(subscriptionOf({ ...wanted, range: 60 }, wanted))).toEqual(['map', 'timeline']);
    // What the map cannot apply does not disturb it.
    expect(Object.keys(subscriptionOf({ ...wanted, filter: { ip: ['10.0.0.1'] } }, wanted))).toEqual(['flows']);
  });
});

describe('back-off', () => {
  it('grows to ten seconds', () => {
    expect([0, 1, 2, 20].map((attempt) => backOff(attempt, 0.999_999))).toEqual([500, 900, 1620, 10_000]);
    expect(backOff(0, 0)).toBe(375);
  });
});

describe('watched edge', () => {
  it('was idle if it is not in the map', () => {
    expect(pointOf(undefined, 5)).toEqual({ time: 5, connectionRate: 0, dropRate: 0, p95Ns: null, l7: null });
    const edge = {
      connection_rate: 3,
      drop_rate: 1,
      rtt: { count: 1, p50_ns: 1, p95_ns: 9 },
      l7: { rate: 4, errors: 10, p95_ns: 7 },
    } as MapEdge;
    expect(pointOf(edge, 5)).toMatchObject({
      time: 5,
      connectionRate: 3,
      dropRate: 1,
      p95Ns: 9,
      l7: { rate: 4, errorRate: 2, p95Ns: 7 },
    });
  });
});
