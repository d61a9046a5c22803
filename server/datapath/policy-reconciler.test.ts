import { beforeEach, describe, expect, test } from 'vitest';
import type { ClusterState, NetworkPolicy, Pod } from '../cluster/model.ts';
import { ADDRESS_SUBJECT, ENDPOINT, SERVICE_SUBJECT, SUBJECTS } from '../kernel/layouts.gen.ts';
import { VERDICT } from '../wire/lists.gen.ts';
import { readStruct } from '../wire/struct.ts';
import { addressSubject } from './address-reconciler.ts';
import { desiredState, newAllocators } from './desired.ts';
import { type DatapathMaps, Reconciler } from './reconciler.ts';
import { MemoryMap } from './testing/memory-map.ts';
import { PolicyLookup } from './testing/policy-lookup.ts';
import { attachment, cluster, NODE, pod, policy } from './testing/small-cluster.ts';

class BreakableMap extends MemoryMap {
  broken = false;
  reads = 0;

  override setMany(keys: Buffer, values: Buffer, count: number): void {
    if (this.broken) throw new Error('the map is full');
    super.setMany(keys, values, count);
  }

  override *entries(): Generator<[Buffer, Buffer]> {
    this.reads++;
    yield* super.entries();
  }
}

let journal: string[];
let maps: Record<keyof DatapathMaps, BreakableMap>;
let generations: BigUint64Array;
let reconciler: Reconciler;
let ids: ReturnType<typeof newAllocators>;

beforeEach(() => {
  journal = [];
  const names = ['endpoints', 'interfaces', 'ipcache', 'policy', 'services', 'maglev', 'backends'];
  maps = Object.fromEntries(names.map((name) => [name, new BreakableMap(name, journal)])) as typeof maps;
  generations = new BigUint64Array(SUBJECTS);
  reconciler = new Reconciler(maps, generations);
  ids = newAllocators();
});

const LOCAL = [attachment('a', 16), attachment('b', 17), attachment('c', 18)];
const [A, B, C] = ['10.42.0.16', '10.42.0.17', '10.42.0.18'] as const;
const PODS = [pod('a'), pod('b'), pod('c')];

function apply(policies: NetworkPolicy[], pods: Pod[] = PODS, change: Partial<ClusterState> = {}) {
  journal.length = 0;
  const desired = desiredState(cluster(pods, policies, change), LOCAL, NODE, ids);
  return { changes: reconciler.apply(desired), desired };
}

const allow = (name: string, ...apps: string[]) =>
  policy(name, {
    podSelector: { matchLabels: { app: 'a' } },
    ingress: apps.map((app) => ({ from: [{ podSelector: { matchLabels: { app } } }] })),
  });

const verdict = (from: string, to: string, port = 80): number =>
  new PolicyLookup(maps).judge('ingress', to, from, 6, port).verdict;

const endpointGenerations = (): number[] =>
  [...maps.endpoints.contents.values()].map((it) => readStruct(ENDPOINT, it)).map((it) => it.generation);

describe('the order of steps', () => {
  test('a pod is isolated after its entries are there, and only its decisions are made anew', () => {
    apply([]);
    const before = generations.slice();
    apply([allow('p', 'b')]);
    expect(journal).toEqual(['set policy', 'set endpoints']);
    expect([verdict(B, A), verdict(C, A)]).toEqual([VERDICT.FORWARDED, VERDICT.DROPPED]);
    expect([...generations.entries()].filter(([i, it]) => it !== before[i])).toEqual([[16, before[16]! + 1n]]);
  });

  test('a pod is set free before its entries go', () => {
    apply([allow('p', 'b')]);
    apply([]);
    expect(journal).toEqual(['set endpoints', 'delete policy']);
    expect(maps.policy.contents.size).toBe(0);
    expect(verdict(C, A)).toBe(VERDICT.FORWARDED);
  });

  test('what is not allowed any more goes before the addresses change', () => {
    apply([allow('p', 'b', 'c')]);
    apply([allow('p', 'b')]);
    expect(journal).toEqual(['delete policy', 'set endpoints']);
    expect(generations[16]).toBe(2n);
  });

  test('a peer with new labels is allowed as the new one before it is it, and as the former one until then', () => {
    const p = policy('p', {
      podSelector: { matchLabels: { app: 'a' } },
      ingress: [
        { from: [{ podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['b', 'd'] }] } }] },
      ],
    });
    apply([p]);
    apply([p], [pod('a'), pod('b', { labels: { app: 'd' } }), pod('c')]);
    expect(journal).toEqual(['set policy', 'set endpoints', 'set interfaces', 'delete policy']);
    expect(verdict(B, A)).toBe(VERDICT.FORWARDED);
  });

  test('a subject with new labels has its new entries before it is it', () => {
    const deny = (app: string) => policy(`deny-${app}`, { podSelector: { matchLabels: { app } } });
    apply([deny('a'), deny('d')]);
    apply([deny('a'), deny('d')], [pod('a', { labels: { app: 'd' } }), pod('b'), pod('c')]);
    expect(journal).toEqual(['set policy', 'set endpoints', 'set interfaces', 'delete policy']);
    expect(verdict(B, A)).toBe(VERDICT.DROPPED);
  });
});

describe('what is written', () => {
  test('the same state is neither written nor read again', () => {
    apply([allow('p', 'b')]);
    const { reads } = maps.policy;
    expect(apply([allow('p', 'b')]).changes).toEqual({ written: 0, deleted: 0 });
    expect(maps.policy.reads).toBe(reads);
  });

  test('a verifying pass puts right what something else changed', () => {
    const { desired } = apply([allow('p', 'b')]);
    const good = new Map(Array.from(maps.policy.contents, ([key, value]) => [key, Buffer.from(value)]));
    maps.policy.contents.delete([...good.keys()][0] ?? '');
    maps.policy.contents.set('ff'.repeat(16), Buffer.alloc(8));
    for (const value of maps.policy.contents.values()) value.writeUInt8(7, 7);
    maps.ipcache.contents.clear();
    expect(reconciler.apply(desired, { verify: true }).written).toBeGreaterThan(0);
    expect(maps.policy.contents).toEqual(good);
    expect(maps.ipcache.contents.size).toBe(desired.ipcache.size);
    expect(reconciler.apply(desired, { verify: true })).toEqual({ written: 0, deleted: 0 });
  });
});

describe('a map that cannot be written', () => {
  test('leaves no pod open, and the next pass makes it good', () => {
    apply([]);
    maps.policy.broken = true;
    expect(() => apply([allow('p', 'b')])).toThrow('the map is full');
    expect([verdict(B, A), verdict(C, A)]).toEqual([VERDICT.DROPPED, VERDICT.DROPPED]);
    maps.policy.broken = false;
    apply([allow('p', 'b')]);
    expect([verdict(B, A), verdict(C, A)]).toEqual([VERDICT.FORWARDED, VERDICT.DROPPED]);
  });

  test('keeps what it had, but for what is not allowed any more', () => {
    apply([allow('p', 'b', 'c')]);
    maps.policy.broken = true;
    expect(() => apply([allow('q', 'c')])).toThrow('the map is full');
    expect([verdict(B, A), verdict(C, A)]).toEqual([VERDICT.DROPPED, VERDICT.FORWARDED]);
  });

  test('leaves pods that could not be set free what they were allowed', () => {
    apply([allow('p', 'b')]);
    maps.endpoints.broken = true;
    expect(() => apply([])).toThrow('the map is full');
    expect([verdict(B, A), verdict(C, A)]).toEqual([VERDICT.FORWARDED, VERDICT.DROPPED]);
    maps.endpoints.broken = false;
    apply([]);
    expect(maps.policy.contents.size).toBe(0);
    expect(verdict(C, A)).toBe(VERDICT.FORWARDED);
  });

  test('does not keep decisions of before in force', () => {
    apply([allow('p', 'b', 'c')]);
    maps.endpoints.broken = true;
    expect(() => apply([allow('p', 'b')])).toThrow('the map is full');
    expect(verdict(C, A)).toBe(VERDICT.DROPPED);
    expect(generations[16]).toBe(2n);
    maps.endpoints.broken = false;
    apply([allow('p', 'b')]);
    expect(endpointGenerations()).toEqual([3, 3, 1, 1, 1, 1]);
    expect(generations[16]).toBe(3n);
  });
});

describe('numbers', () => {
  const restart = (): void => {
    reconciler = new Reconciler(maps, generations);
    ids = newAllocators();
  };

  test('a new process with the former one’s numbers writes nothing', () => {
    ids.identities.get('filler');
    const policies = [allow('p', 'b'), policy('q', { egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }] })];
    apply(policies);
    const kept = [ids.identities.kept(), ids.cidrs.kept(), ids.rules.kept()] as const;
    restart();
    ids.identities.restore(kept[0]);
    ids.cidrs.restore(kept[1]);
    ids.rules.restore(kept[2]);
    reconciler.adopt(ids, new Map());
    expect(apply(policies).changes).toEqual({ written: 0, deleted: 0 });
  });

  test('without them, no number in the maps is given to something else', () => {
    apply([allow('p', 'b')]);
    const before = new Set([...ids.identities.kept().ids, ...ids.rules.kept().ids].map(([, id]) => id));
    restart();
    reconciler.adopt(ids, new Map());
    apply([allow('other', 'c')], [pod('a', { labels: { app: 'a', x: 'y' } }), pod('b'), pod('c')]);
    for (const [, id] of [...ids.identities.kept().ids, ...ids.rules.kept().ids]) expect(before).not.toContain(id);
    expect([verdict(B, A), verdict(C, A)]).toEqual([VERDICT.DROPPED, VERDICT.FORWARDED]);
  });
});

describe('generations of addresses', () => {
  const elsewhere = (app: string) => pod('r', { nodeName: 'n2', podIPs: ['10.43.0.9'], labels: { app } });
  const raised = (before: BigUint64Array): number[] =>
    [...generations.keys()].filter((i) => generations[i] !== before[i] && i >= SERVICE_SUBJECT);

  test('a changed address raises its own bucket', () => {
    apply([], [...PODS, elsewhere('r')]);
    const before = generations.slice();
    apply([], [...PODS, elsewhere('s')]);
    // ::ffff:10.43.0.9, its words as a little-endian machine reads them.
    const product = Number(((BigInt(0xffff_0000 ^ 0x0900_2b0a) & 0xffff_ffffn) * 2_654_435_761n) % 2n ** 32n);
    expect(raised(before)).toEqual([ADDRESS_SUBJECT + (product >>> 20)]);
  });

  test('a block raises all of them', () => {
    apply([]);
    const before = generations.slice();
    apply([policy('p', { ingress: [{ from: [{ ipBlock: { cidr: '192.0.2.0/24' } }] }] })]);
    expect(raised(before)).toHaveLength(4096);
    expect(raised(before).at(-1)).toBe(SUBJECTS - 1);
  });

  test('the bucket is in range for any address', () => {
    expect(addressSubject(Buffer.alloc(16, 0xff), 0)).toBe(ADDRESS_SUBJECT);
    expect(addressSubject(Buffer.from('ffffffff000000000000000000000000', 'hex'), 0)).toBeLessThan(SUBJECTS);
  });
});
