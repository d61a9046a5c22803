/** The native door against the running kernel. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile } from '../../e2e/kernel/programs.ts';
import { BpfObject } from './bpf-object.ts';
import { BPFFS, mountBpffs } from './bpffs.ts';
import { KernelError } from './errors.ts';
import { openBpfDescriptors } from './fd.ts';
import { kernelAtLeast } from './kernel-release.ts';
import { attachClsact, attachProgram, attachTcx, detachLink } from './link.ts';
import { withNetns } from './netns.ts';
import { RingBuffer } from './ring-buffer.ts';
import { MAX_PACKET_BYTES, testRun } from './test-run.ts';

const NAME = `spyglass-door-${process.pid}`;
const PINS = `${BPFFS}/${NAME}`;

let object: BpfObject;
let descriptors: string[];

beforeAll(() => {
  mountBpffs();
  descriptors = openBpfDescriptors();
  object = new BpfObject(compile('sequence'));
});

afterAll(() => {
  object[Symbol.dispose]();
  rmSync(PINS, { recursive: true, force: true });
  expect(openBpfDescriptors()).toEqual(descriptors);
});

function numbered(count: number): { keys: Buffer; values: Buffer } {
  const [keys, values] = [Buffer.alloc(count * 4), Buffer.alloc(count * 8)];
  for (let i = 0; i < count; i++) {
    keys.writeUInt32LE(i, i * 4);
    values.writeBigUInt64LE(BigInt(i * 3), i * 8);
  }
  return { keys, values };
}

describe('maps', () => {
  test('batches write, read and delete more entries than one call takes', () => {
    using map = object.map('numbers');
    const { keys, values } = numbered(9000);
    map.setMany(keys, values, 9000);
    const read = new Map(
      [...map.entries()].map(([key, value]) => [key.readUInt32LE(0), Number(value.readBigUInt64LE(0))]),
    );
    expect(read.size).toBe(9000);
    expect([read.get(0), read.get(4096), read.get(8999)]).toEqual([0, 12288, 26997]);
    // Keys that are not there are passed over, also in the middle of a batch.
    map.deleteMany(numbered(9100).keys, 9100);
    expect([...map.entries()]).toEqual([]);
  });

  test('a full map says what it holds', () => {
    using map = object.map('numbers');
    const { keys, values } = numbered(10_001);
    expect(() => map.setMany(keys, values, 10_001)).toThrow(
      /write \d+ entries to map numbers: .*at most 10000 entries/,
    );
    map.deleteMany(keys, 10_001);
  });

  test('get and delete tell what is not there', () => {
    using map = object.map('numbers');
    const { keys, values } = numbered(1);
    expect(map.get(keys)).toBeUndefined();
    map.set(keys, values);
    expect(map.get(keys)).toEqual(values);
    expect([map.delete(keys), map.delete(keys)]).toEqual([true, false]);
  });

  test('an array of per-CPU values is read whole', () => {
    using map = object.map('per_cpu');
    const key = Buffer.alloc(4);
    key.writeUInt32LE(4500);
    const value = Buffer.alloc(map.stride, 1);
    map.set(key, value);
    const all = map.readArray(5000, Buffer.alloc(5000 * map.stride));
    expect(all.subarray(4500 * map.stride, 4501 * map.stride)).toEqual(value);
    expect(all.subarray(0, 4500 * map.stride).every((it) => it === 0)).toBe(true);
  });

  test('a closed map and a map that is not in the object are errors', () => {
    const map = object.map('numbers');
    map[Symbol.dispose]();
    expect(() => map.get(Buffer.alloc(4))).toThrow('It has been closed');
    expect(() => object.map('nowhere')).toThrow('find map nowhere');
  });
});

describe('ring buffer', () => {
  test('every record is read once and in order, over many turns of the ring', () => {
    using events = object.map('events');
    using counts = object.map('counts');
    using ring = new RingBuffer(events);
    const seen: number[] = [];
    const sink = {
      take(words: Int32Array, at: number, bytes: number): boolean {
        expect(bytes).toBe(40);
        seen.push(words[at] ?? 0);
        return true;
      },
    };
    // 48 bytes a record with its header: 4096 bytes end in the middle of one.
    for (let turn = 0; turn < 100; turn++) {
      testRun(object.programFd('sequence'), Buffer.alloc(64), {}, 70);
      ring.drain(sink, Number.POSITIVE_INFINITY);
    }
    expect(seen).toEqual(Array.from({ length: 7000 }, (_, i) => i + 1));
    expect(ring.pending).toBe(0);

    // A full ring refuses and the reader gets what fitted.
    testRun(object.programFd('sequence'), Buffer.alloc(64), {}, 200);
    const taken = ring.drain(sink, Number.POSITIVE_INFINITY);
    const refused = counts.get(Buffer.of(1, 0, 0, 0))?.readBigUInt64LE(0);
    expect(taken + Number(refused)).toBe(200);
    expect(Number(refused)).toBeGreaterThan(100);
  });

  test('a sink without room leaves the record in the ring', () => {
    using events = object.map('events');
    using ring = new RingBuffer(events);
    testRun(object.programFd('sequence'), Buffer.alloc(64), {}, 3);
    let room = 1;
    const numbers: number[] = [];
    const sink = {
      take(words: Int32Array, at: number): boolean {
        if (room-- <= 0) return false;
        numbers.push(words[at] ?? 0);
        return true;
      },
    };
    expect(ring.drain(sink, 10)).toBe(1);
    room = 10;
    expect(ring.drain(sink, 10)).toBe(2);
    expect(new Set(numbers).size).toBe(3);
  });
});

describe('links', () => {
  const netns = `/run/netns/${NAME}`;
  const ip = (...args: string[]): string => execFileSync('ip', ['-n', NAME, ...args], { encoding: 'utf8' });
  let ifindex: number;

  beforeAll(() => {
    execFileSync('ip', ['netns', 'add', NAME]);
    // Neighbour discovery would be counted, too.
    const quiet =
      'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6';
    execFileSync('nsenter', [`--net=${netns}`, 'sh', '-c', quiet]);
    ip('link', 'add', 'name', 'left', 'type', 'veth', 'peer', 'name', 'right');
    ip('link', 'set', 'left', 'up');
    ip('link', 'set', 'right', 'up');
    ip('address', 'add', '10.9.0.1/24', 'dev', 'left');
    ip('neigh', 'add', '10.9.0.2', 'lladdr', '02:00:00:00:00:09', 'dev', 'left');
    ifindex = (JSON.parse(ip('-json', 'link', 'show', 'left')) as { ifindex: number }[])[0]?.ifindex ?? 0;
  });
  afterAll(() => execFileSync('ip', ['netns', 'delete', NAME]));

  /** How many times the program ran while three packets left the device. */
  function runs(): number {
    using counts = object.map('counts');
    const total = (): number =>
      [0, 1].reduce((sum, i) => sum + Number(counts.get(Buffer.of(i, 0, 0, 0))?.readBigUInt64LE(0)), 0);
    const before = total();
    spawnSync('nsenter', [`--net=${netns}`, 'ping', '-c3', '-i0.01', '-W0.05', '10.9.0.2']);
    return total() - before;
  }

  test.runIf(kernelAtLeast(6, 6))('a tcx link is pinned, adopted and replaced, and its pin takes it away', () => {
    const pin = join(PINS, 'links', 'a');
    const fd = object.programFd('sequence');
    withNetns(netns, () => attachTcx(fd, ifindex, 'egress', pin));
    expect(existsSync(pin)).toBe(true);
    expect(runs()).toBe(3);
    withNetns(netns, () => attachTcx(fd, ifindex, 'egress', pin));
    expect(runs()).toBe(3);
    detachLink(pin);
    expect(runs()).toBe(0);
    detachLink(pin);
  });

  test('without tcx, a clsact filter does the same', () => {
    const fd = object.programFd('sequence');
    withNetns(netns, () => attachClsact(fd, ifindex, 'egress'));
    expect(runs()).toBe(3);
    withNetns(netns, () => attachClsact(fd, ifindex, 'egress'));
    expect(runs()).toBe(3);
    ip('link', 'set', 'left', 'down');
    execFileSync('nsenter', [`--net=${netns}`, 'tc', 'qdisc', 'del', 'dev', 'left', 'clsact']);
    ip('link', 'set', 'left', 'up');
  });

  test('a device that is not there is named', () => {
    const attach = (): void =>
      withNetns(netns, () => attachProgram(object.programFd('sequence'), 9999, 'ingress', join(PINS, 'x')));
    expect(attach).toThrow(/(attach to|create clsact on) device 9999.*not in this network namespace/);
  });

  test('a block runs inside the namespace, and its failure leads back', () => {
    const inside = withNetns(netns, () => execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' }));
    expect(inside).toMatch(/ left@right/);
    expect(() =>
      withNetns(netns, () => {
        throw new Error('on purpose');
      }),
    ).toThrow('on purpose');
    expect(execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' })).not.toMatch(/ left@right/);
    expect(() => withNetns(netns, () => Promise.resolve())).toThrow('must not be async');
    expect(() => withNetns('/run/netns/nowhere', () => 0)).toThrow('open the network namespace /run/netns/nowhere');
  });
});

describe('a program on a packet', () => {
  test('sees the bytes and the metadata, and what it leaves comes back', () => {
    using mirror = new BpfObject(compile('mirror'));
    const packet = Buffer.alloc(60, 0xaa);
    const skb = { ifindex: 1, mark: 7, gsoSegs: 3, gsoSize: 1448 };
    for (const length of [60, MAX_PACKET_BYTES / 2]) {
      const { retval, data } = testRun(
        mirror.programFd('mirror'),
        Buffer.concat([packet, Buffer.alloc(length - 60)]),
        skb,
      );
      expect(retval).toBe(length);
      expect([0, 4, 8, 12].map((at) => data.readUInt32LE(at))).toEqual([1, 7, 3, 1448]);
      // It grew by four bytes; what it did not write is as it was.
      expect(data.length).toBe(length + 4);
      expect(data.subarray(16, 60).equals(packet.subarray(16))).toBe(true);
    }
  });

  test('a packet that the kernel or the door cannot take is refused', () => {
    const fd = object.programFd('sequence');
    expect(() => testRun(fd, Buffer.alloc(13))).toThrow(
      'run a program on a packet of 13 bytes: invalid argument (EINVAL)',
    );
    expect(() => testRun(fd, Buffer.alloc(MAX_PACKET_BYTES + 1))).toThrow(RangeError);
    expect(() => testRun(fd, Buffer.alloc(64), { ifindex: 9999 })).toThrow('ENODEV');
  });
});

describe('errors', () => {
  test('a refused program is explained by the telling line of the verifier', () => {
    expect(() => new BpfObject(compile('refused'))).toThrow(
      /into Linux \S+: .*The verifier says: .*(outside of the packet|invalid mem access)/,
    );
  });

  test('a missing object says how to get one', () => {
    expect(() => new BpfObject('/nowhere.bpf.o')).toThrow(/open \/nowhere.bpf.o: .*npm run build/);
  });

  test('a setting that does not exist is refused', () => {
    const config = { config_colour: 1 } as Record<string, number>;
    expect(() => new BpfObject('bpf/build/pod.bpf.o', { config })).toThrow(
      'set config_colour. The programs have no such setting',
    );
  });

  test('pinned maps of another shape are refused with what to do', () => {
    const pinDirectory = join(PINS, 'maps');
    const first = new BpfObject('bpf/build/pod.bpf.o', { pinDirectory });
    first[Symbol.dispose]();
    let error: unknown;
    try {
      new BpfObject('bpf/build/pod.bpf.o', { pinDirectory, maxEntries: { endpoints: 7 } });
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(KernelError);
    expect(String(error)).toMatch(/A pinned map has another shape/);
  });
});
