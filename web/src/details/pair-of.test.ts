import { expect, it } from 'vitest';
import type { HubbleFlow } from '../../../server/wire/hubble.ts';
import { pairOf, pairQuery } from './pair-of.ts';

const NAMES = { REQUEST: ['10.0.0.1', '10.0.0.2'], RESPONSE: ['10.0.0.2', '10.0.0.1'] } as const;

function half(type: 'REQUEST' | 'RESPONSE', time: string, latency?: number, connection = '1', url = '/'): HubbleFlow {
  const [source, destination] = NAMES[type];
  const [from, to] = type === 'REQUEST' ? [40_000, 80] : [80, 40_000];
  const spyglass = { connection_id: connection, l7: { protocol: 'http', route: 'GET /', latency_ns: latency } };
  return {
    time: `2026-03-04T10:15:${time}Z`,
    IP: { source, destination, ipVersion: 'IPv4' },
    l4: { TCP: { source_port: from, destination_port: to } },
    l7: { type, http: { url } },
    extensions: { value: { spyglass } },
  } as unknown as HubbleFlow;
}

const first = half('REQUEST', '30.000000100');
const second = half('REQUEST', '30.999999900');
const answerOfSecond = half('RESPONSE', '31.000000100', 200);
const answerOfFirst = half('RESPONSE', '31.000000300', 1_000_000_200);
const flows = [first, second, answerOfSecond, answerOfFirst];

it('is told by the time between, in whatever order answers come', () => {
  expect(pairOf(first, flows)).toBe(answerOfFirst);
  expect(pairOf(second, flows)).toBe(answerOfSecond);
  expect(pairOf(answerOfFirst, flows)).toBe(first);
  expect(pairOf(answerOfSecond, flows)).toBe(second);
});

it('is of the same connection, and of the same subject where two came in one packet', () => {
  const other = half('RESPONSE', '31.000000300', 1_000_000_200, '1', '/other');
  expect(pairOf(first, [half('RESPONSE', '31.000000300', 1_000_000_200, '2'), other])).toBeNull();
  expect(pairOf(first, [other, answerOfFirst])).toBe(answerOfFirst);
});

it('is none of a sample, and of an answer whose request was not seen', () => {
  const sample = { ...first, l7: { type: 'SAMPLE' } } as HubbleFlow;
  expect([pairOf(sample, flows), pairQuery(sample)]).toEqual([null, null]);
  const orphan = half('RESPONSE', '31.000000300');
  expect([pairOf(orphan, flows), pairQuery(orphan)]).toEqual([null, null]);
});

it('is asked for by both ends, at the time of the request or for a minute after it', () => {
  expect(Object.fromEntries(pairQuery(answerOfFirst) ?? [])).toMatchObject({
    since: '2026-03-04T10:15:30.000000100Z',
    until: '2026-03-04T10:15:30.000000100Z',
    reply: 'false',
    'from-ip': '10.0.0.1',
    'to-port': '80',
  });
  expect(Object.fromEntries(pairQuery(second) ?? [])).toMatchObject({
    since: '2026-03-04T10:15:30.999999900Z',
    until: '2026-03-04T10:16:30.999999900Z',
    reply: 'true',
    'from-port': '80',
    'to-ip': '10.0.0.1',
  });
});
