import { expect, it } from 'vitest';
import type { FlowRow } from '../../../server/wire/live.ts';
import { pairOf } from './pair-of.ts';

function row(id: number, type: 'REQUEST' | 'RESPONSE' | 'SAMPLE', connection = '1', url = '/'): FlowRow {
  const spyglass = { connection_id: connection, l7: { protocol: 'http', route: 'GET /' } };
  return { id, flow: { l7: { type, http: { url } }, extensions: { value: { spyglass } } } } as unknown as FlowRow;
}

const rows = [
  row(9, 'REQUEST', '2'),
  row(8, 'RESPONSE'),
  row(7, 'REQUEST'),
  row(6, 'RESPONSE'),
  row(5, 'REQUEST'),
  row(4, 'REQUEST', '1', '/other'),
];
const idOf = (of: FlowRow): number | undefined => pairOf(of, rows)?.id;

it('is the next answer after a request, the last request before an answer', () => {
  expect([row(5, 'REQUEST'), row(7, 'REQUEST'), row(8, 'RESPONSE'), row(6, 'RESPONSE')].map(idOf)).toEqual([
    6, 8, 7, 5,
  ]);
});

it('is none of another connection or of another subject, and a sample has none', () => {
  expect([row(9, 'REQUEST', '2'), row(4, 'REQUEST', '1', '/other'), row(5, 'SAMPLE')].map(idOf)).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
