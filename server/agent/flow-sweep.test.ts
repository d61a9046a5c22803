import { expect, test } from 'vitest';
import { FLOW_ENTRY, FLOW_KEY } from '../kernel/layouts.gen.ts';
import { packStruct } from '../wire/struct.ts';
import { sweepFlows } from './flow-sweep.ts';

const S = 1_000_000_000n;
const [a, b] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];

/** Both directions of a connection from a to b. */
function pair(
  port: number,
  protocol: number,
  closed: number,
  forwardAge: bigint,
  replyAge: bigint,
): [Buffer, Buffer][] {
  const now = 1000n * S;
  const make = (
    source: Uint8Array,
    destination: Uint8Array,
    ports: [number, number],
    age: bigint,
  ): [Buffer, Buffer] => [
    packStruct(FLOW_KEY, { source, destination, source_port_be: ports[0], destination_port_be: ports[1], protocol }),
    packStruct(FLOW_ENTRY, {
      new_source: source,
      new_destination: destination,
      new_source_port_be: ports[0],
      new_destination_port_be: ports[1],
      closed,
      last_ns: now - age,
    }),
  ];
  return [make(a, b, [port, 80], forwardAge), make(b, a, [80, port], replyAge)];
}

function sweep(entries: [Buffer, Buffer][]): number[] {
  const left = new Map(entries.map(([key]) => [key.toString('hex'), key]));
  const deleteMany = (keys: Buffer, count: number): void => {
    for (let i = 0; i < count; i++) left.delete(keys.toString('hex', i * FLOW_KEY.size, (i + 1) * FLOW_KEY.size));
  };
  sweepFlows({ entries: () => entries, deleteMany }, 1000n * S);
  return [...left.values()].map((key) =>
    Math.max(
      key.readUInt16LE(FLOW_KEY.fields.source_port_be.offset),
      key.readUInt16LE(FLOW_KEY.fields.destination_port_be.offset),
    ),
  );
}

test('closed connections go after a while, open ones stay however long they are silent', () => {
  const entries = [
    ...pair(1001, 6, 1, 11n * S, 11n * S),
    ...pair(1002, 6, 1, 2n * S, 2n * S),
    ...pair(1003, 6, 0, 900n * S, 900n * S),
  ];
  expect(sweep(entries)).toEqual([1002, 1002, 1003, 1003]);
});

test('datagrams go when both directions are idle, never one direction alone', () => {
  const entries = [
    ...pair(1001, 17, 0, 200n * S, 200n * S),
    ...pair(1002, 17, 0, 200n * S, 5n * S),
    ...pair(1003, 17, 0, 1n * S, 300n * S),
  ];
  expect(sweep(entries)).toEqual([1002, 1002, 1003, 1003]);
});
