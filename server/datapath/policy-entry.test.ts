import { expect, test } from 'vitest';
import { POLICY_KEY, POLICY_VALUE } from '../kernel/layouts.gen.ts';
import { POLICY_MATCH, VERDICT } from '../wire/lists.gen.ts';
import { packStruct, readStruct } from '../wire/struct.ts';
import {
  ANY_PORT,
  ANY_TRAFFIC,
  newBatch,
  policyCode,
  portRange,
  readEntry,
  ruling,
  trafficCode,
  writeEntry,
} from './policy-entry.ts';

/** Ports below a place in the tree of ports. */
function ports(place: number): [first: number, last: number] {
  let [low, high] = [place, place];
  while (low < 65_536) [low, high] = [2 * low, 2 * high + 1];
  return [low - 65_536, high - 65_536];
}

test.each([
  [80, 80, 1],
  [1, 65_535, 16],
  [1024, 65_535, 6],
  [1023, 1025, 2],
  [32_768, 65_535, 1],
  [65_535, 65_535, 1],
])('ports %i to %i are covered exactly, by %i places', (first, last, count) => {
  const covered = portRange(first, last)
    .map(ports)
    .toSorted((a, b) => a[0] - b[0]);
  expect(covered).toHaveLength(count);
  expect(covered[0]?.[0]).toBe(first);
  expect(covered.at(-1)?.[1]).toBe(last);
  for (const [i, [from]] of covered.entries()) if (i > 0) expect(from).toBe((covered[i - 1]?.[1] ?? 0) + 1);
});

test.each([
  [0, ANY_TRAFFIC, { prefix_length: 72, protocol: 0, port_be: 0 }, POLICY_MATCH.ALL],
  [300, ANY_TRAFFIC, { prefix_length: 72, protocol: 0, port_be: 0 }, POLICY_MATCH.L3_ONLY],
  [0, trafficCode('UDP', ANY_PORT), { prefix_length: 80, protocol: 17, port_be: 0 }, POLICY_MATCH.PROTO_ONLY],
  [300, trafficCode('SCTP', ANY_PORT), { prefix_length: 80, protocol: 132, port_be: 0 }, POLICY_MATCH.L3_PROTO],
  [0, trafficCode('TCP', 65_536 + 0x1f90), { prefix_length: 96, protocol: 6, port_be: 0x901f }, POLICY_MATCH.L4_ONLY],
  [0xffff_ffff, trafficCode('TCP', 3), { prefix_length: 81, protocol: 6, port_be: 0x0080 }, POLICY_MATCH.L3_L4],
])('peer %i, traffic %i is the entry %j', (peer, traffic, fields, match) => {
  const batch = newBatch(2);
  const code = policyCode(peer, 'egress', traffic);
  const value = ruling(0xffff_ffff, VERDICT.FORWARDED);
  writeEntry(batch, 1, 400, code, value);
  const [key, bytes] = [batch.keys.subarray(POLICY_KEY.size), batch.values.subarray(POLICY_VALUE.size)];
  expect(readStruct(POLICY_KEY, key)).toEqual({ subject: 400, peer, direction: 2, ...fields });
  expect(readStruct(POLICY_VALUE, bytes)).toEqual({ rule: 0xffff_ffff, verdict: 1, match, padding: 0 });
  expect(readEntry(key, bytes)).toEqual({ subject: 400, code, value, rule: 0xffff_ffff });
});

test('a default has no match kind', () => {
  const batch = newBatch(1);
  writeEntry(batch, 0, 400, policyCode(0, 'ingress', ANY_TRAFFIC), ruling(7, VERDICT.AUDIT));
  expect(readStruct(POLICY_VALUE, batch.values)).toMatchObject({ rule: 7, verdict: VERDICT.AUDIT, match: 0 });
});

test('entries that this module would not write are told apart', () => {
  const value = packStruct(POLICY_VALUE, { rule: 1, verdict: 1, match: POLICY_MATCH.ALL });
  const key = { prefix_length: 72, subject: 400, peer: 0, direction: 1 };
  expect(readEntry(packStruct(POLICY_KEY, key), value)?.value).toBe(ruling(1, 1));
  expect(readEntry(packStruct(POLICY_KEY, key), packStruct(POLICY_VALUE, { rule: 1, verdict: 1 }))?.value).toBeNaN();
  for (const change of [
    { prefix_length: 71 },
    { prefix_length: 97 },
    { direction: 0 },
    { port_be: 1 },
    { protocol: 47 },
  ]) {
    expect(readEntry(packStruct(POLICY_KEY, { ...key, ...change }), value)).toBeNull();
  }
});
