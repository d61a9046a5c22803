import { expect, test } from 'vitest';
import { FLOW_ENTRY, FLOW_KEY } from '../kernel/layouts.gen.ts';
import { packStruct } from '../wire/struct.ts';
import { FlowSweeper, type SweptMap } from './flow-sweep.ts';

const S = 1_000_000_000n;
const [a, b] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];

/** Both directions of a connection from a to b. */
function pair(
  port: number,
  protocol: number,
  state: { closed?: number; answered?: number; tcp_flags?: number },
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
      ...state,
      last_ns: now - age,
    }),
  ];
  return [make(a, b, [port, 80], forwardAge), make(b, a, [80, port], replyAge)];
}

class FakeMap implements SweptMap {
  readonly held = new Map<string, [Buffer, Buffer]>();

  constructor(entries: [Buffer, Buffer][]) {
    for (const entry of entries) this.held.set(entry[0].toString('hex'), entry);
  }

  /** Three entries a batch, so that pairs lie in different ones. */
  *batches(): Generator<{ keys: Buffer; values: Buffer; count: number }> {
    const all = [...this.held.values()];
    for (let i = 0; i < all.length; i += 3) {
      const some = all.slice(i, i + 3);
      yield {
        keys: Buffer.concat(some.map(([key]) => key)),
        values: Buffer.concat(some.map(([, value]) => value)),
        count: some.length,
      };
    }
  }

  get(key: Buffer): Buffer | undefined {
    return this.held.get(key.toString('hex'))?.[1];
  }

  deleteMany(keys: Buffer, count: number): void {
    for (let i = 0; i < count; i++) {
      this.held.delete(keys.toString('hex', i * FLOW_KEY.size, (i + 1) * FLOW_KEY.size));
    }
  }
}

function sweeper(entries: [Buffer, Buffer][], overflow: [Buffer, Buffer][] = []): { maps: Maps; sweep: () => void } {
  const maps: Maps = {
    flow_cache: new FakeMap(entries),
    flow_overflow: new FakeMap(overflow),
    overflowing: {
      value: overflow.length > 0 ? 1 : 0,
      get: () => flag(),
      set: (_, to) => (maps.overflowing.value = to[0] ?? 0),
    },
  };
  const flag = (): Buffer => Buffer.from([maps.overflowing.value, 0, 0, 0]);
  const flows = new FlowSweeper(maps);
  return {
    maps,
    sweep: () => {
      for (let i = 0; i < 20; i++) flows.step(1000n * S);
    },
  };
}

interface Maps {
  flow_cache: FakeMap;
  flow_overflow: FakeMap;
  overflowing: { value: number; get(key: Buffer): Buffer; set(key: Buffer, value: Buffer): void };
}

function ports(map: FakeMap): number[] {
  const { source_port_be: source, destination_port_be: destination } = FLOW_KEY.fields;
  return [...map.held.values()].map(([key]) =>
    Math.max(key.readUInt16LE(source.offset), key.readUInt16LE(destination.offset)),
  );
}

function left(entries: [Buffer, Buffer][]): number[] {
  const { maps, sweep } = sweeper(entries);
  sweep();
  return ports(maps.flow_cache);
}

test('closed connections go soon, open ones stay for hours of silence, half-closed ones for minutes', () => {
  expect(left(pair(1001, 6, { closed: 1, answered: 1 }, 11n * S, 11n * S))).toEqual([]);
  expect(left(pair(1002, 6, { closed: 1, answered: 1 }, 2n * S, 2n * S))).toEqual([1002, 1002]);
  expect(left(pair(1003, 6, { answered: 1 }, 900n * S, 900n * S))).toEqual([1003, 1003]);
  expect(left(pair(1004, 6, { answered: 1, tcp_flags: 0x13 }, 900n * S, 900n * S))).toEqual([]);
  expect(left(pair(1005, 6, {}, 61n * S, 61n * S))).toEqual([]);
});

test('datagrams go when both directions are idle, never one direction alone', () => {
  const entries = [
    ...pair(1001, 17, {}, 200n * S, 200n * S),
    ...pair(1002, 17, {}, 200n * S, 5n * S),
    ...pair(1003, 17, {}, 1n * S, 300n * S),
  ];
  expect(left(entries)).toEqual([1002, 1002, 1003, 1003]);
});

test('the overflow map is swept too, and no longer asked once it is empty', () => {
  const { maps, sweep } = sweeper(pair(1001, 17, {}, 1n * S, 1n * S), pair(1002, 17, {}, 200n * S, 200n * S));
  sweep();
  expect(ports(maps.flow_overflow)).toEqual([]);
  expect(maps.overflowing.value).toBe(0);
  expect(ports(maps.flow_cache)).toEqual([1001, 1001]);
});

test('a connection with a direction in each map goes as any other, but not while one of them is busy', () => {
  const [forward, reply] = pair(1020, 17, {}, 200n * S, 200n * S);
  const [idle, busy] = pair(1021, 17, {}, 200n * S, 2n * S);
  if (!forward || !reply || !idle || !busy) throw new Error('a pair has two directions');
  const { maps, sweep } = sweeper([forward, busy], [reply, idle]);
  sweep();
  expect(ports(maps.flow_cache)).toEqual([1021]);
  expect(ports(maps.flow_overflow)).toEqual([1021]);
  expect(maps.overflowing.value).toBe(1);
});
