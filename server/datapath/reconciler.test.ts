import { beforeEach, describe, expect, test } from 'vitest';
import type { Attachment } from '../cluster/attachment.ts';
import type { ClusterState, Pod } from '../cluster/model.ts';
import { BACKEND, ENDPOINT, SERVICE, SERVICE_SUBJECT, SUBJECTS } from '../kernel/layouts.gen.ts';
import { readStruct } from '../wire/struct.ts';
import { desiredState, newAllocators } from './desired.ts';
import type { MapWriter } from './map-writer.ts';
import { type DatapathMaps, Reconciler } from './reconciler.ts';
import { networkOrder } from './services.ts';

/** A map in memory that keeps the order of what was done to all of them. */
class MemoryMap implements MapWriter {
  readonly contents = new Map<string, Buffer>();
  readonly #name: string;
  readonly #journal: string[];

  constructor(name: string, journal: string[]) {
    this.#name = name;
    this.#journal = journal;
  }

  setMany(keys: Buffer, values: Buffer, count: number): void {
    const [k, v] = [keys.length / count, values.length / count];
    for (let i = 0; i < count; i++) {
      this.contents.set(keys.toString('hex', i * k, (i + 1) * k), Buffer.from(values.subarray(i * v, (i + 1) * v)));
    }
    this.#journal.push(`set ${this.#name}`);
  }

  deleteMany(keys: Buffer, count: number): void {
    const k = keys.length / count;
    for (let i = 0; i < count; i++) this.contents.delete(keys.toString('hex', i * k, (i + 1) * k));
    this.#journal.push(`delete ${this.#name}`);
  }

  *entries(): Generator<[Buffer, Buffer]> {
    for (const [key, value] of this.contents) yield [Buffer.from(key, 'hex'), value];
  }
}

let journal: string[];
let maps: Record<keyof DatapathMaps, MemoryMap>;
let generations: BigUint64Array;
let reconciler: Reconciler;
let ids: ReturnType<typeof newAllocators>;

beforeEach(() => {
  journal = [];
  const names = ['endpoints', 'interfaces', 'ipcache', 'policy', 'services', 'service_slots', 'backends'];
  maps = Object.fromEntries(names.map((name) => [name, new MemoryMap(name, journal)])) as typeof maps;
  generations = new BigUint64Array(SUBJECTS);
  reconciler = new Reconciler(maps, generations);
  ids = newAllocators();
});

function pod(name: string, labels: Record<string, string> = { app: name }): Pod {
  return {
    uid: name,
    namespace: 'shop',
    name,
    labels,
    annotations: {},
    nodeName: 'n1',
    hostNetwork: false,
    podIPs: [],
    serviceAccountName: 'default',
    workload: { kind: 'Pod', name },
    containerPorts: [],
    ready: true,
    terminating: false,
    creationTimestamp: '2026-01-01T00:00:00Z',
  };
}

function attachment(name: string, endpointId: number): Attachment {
  return {
    podUid: name,
    namespace: 'shop',
    name,
    endpointId,
    netns: name,
    hostInterface: `sg${endpointId}`,
    hostIfindex: endpointId + 100,
    hostMac: '02:00:00:00:00:01',
    podMac: '02:00:00:00:00:02',
    addresses: [`10.42.0.${endpointId}`, `fd42::${endpointId}`],
  };
}

/** A state with the named pods and one service over those in `backends`. */
function state(
  pods: Pod[],
  backends: string[],
  conditions = { ready: true, serving: true, terminating: false },
): ClusterState {
  return {
    nodes: [{ name: 'n1', labels: {}, addresses: ['10.42.0.1'], podCIDRs: [] }],
    namespaces: [],
    pods,
    services: [
      {
        uid: 's',
        namespace: 'shop',
        name: 'api',
        type: 'ClusterIP',
        clusterIPs: ['10.96.0.1'],
        selector: null,
        ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080, appProtocol: '' }],
      },
    ],
    endpointSlices: [
      {
        namespace: 'shop',
        name: 'api-1',
        serviceName: 'api',
        addressType: 'IPv4',
        ports: [{ name: 'http', port: 8080, protocol: 'TCP', appProtocol: '' }],
        endpoints: backends.map((it) => ({ addresses: [it], conditions, nodeName: 'n1', targetRef: '' })),
      },
    ],
    networkPolicies: [],
    policyProblems: [],
  };
}

const values = (map: MemoryMap): Buffer[] => [...map.contents.values()];

test('a port in network order reads as the bytes of the packet', () => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(networkOrder(8080));
  expect(bytes.readUInt16BE()).toBe(8080);
});

describe('services', () => {
  const apply = (backends: string[]) => reconciler.apply(desiredState(state([], backends), [], 'n1', ids));
  const service = () => readStruct(SERVICE, values(maps.services)[0] as Buffer);

  test('write backends, slots and the service, in this order, then raise its generation', () => {
    apply(['10.42.0.16', '10.42.0.17']);
    expect(journal).toEqual(['set ipcache', 'set backends', 'set service_slots', 'set services']);
    expect(service()).toMatchObject({ backend_count: 2, generation: 1 });
    expect(generations[SERVICE_SUBJECT + service().id]).toBe(1n);
    expect(values(maps.backends).map((it) => readStruct(BACKEND, it).port_be)).toEqual([0x901f, 0x901f]);
  });

  test('the same state writes nothing', () => {
    apply(['10.42.0.16']);
    expect(apply(['10.42.0.16'])).toEqual({ written: 0, deleted: 0 });
    expect(generations[SERVICE_SUBJECT + service().id]).toBe(1n);
  });

  test('a backend that goes is removed after the service that named it, and the generation rises', () => {
    apply(['10.42.0.16', '10.42.0.17']);
    journal.length = 0;
    apply(['10.42.0.17']);
    expect(journal).toEqual(['set service_slots', 'set services', 'delete service_slots', 'delete backends']);
    expect(service()).toMatchObject({ backend_count: 1, generation: 2 });
    expect(generations[SERVICE_SUBJECT + service().id]).toBe(2n);
  });

  test('a backend keeps its number while others come and go', () => {
    apply(['10.42.0.16', '10.42.0.17']);
    const before = [...(maps.backends.contents.keys() ?? [])][1];
    apply(['10.42.0.18', '10.42.0.17']);
    expect(maps.backends.contents.has(before as string)).toBe(true);
  });

  test('terminating endpoints serve only if no ready one is left', () => {
    const terminating = { ready: false, serving: true, terminating: true };
    reconciler.apply(desiredState(state([], ['10.42.0.16'], terminating), [], 'n1', ids));
    expect(service().backend_count).toBe(1);
  });

  test('a removed service takes everything with it', () => {
    apply(['10.42.0.16']);
    const { id } = service();
    const empty = { ...state([], []), services: [], endpointSlices: [] };
    reconciler.apply(desiredState(empty, [], 'n1', ids));
    for (const name of ['services', 'service_slots', 'backends'] as const) expect(maps[name].contents.size).toBe(0);
    expect(generations[SERVICE_SUBJECT + id]).toBe(2n);
  });

  test('a new process adopts the numbers that the maps hold', () => {
    ids.services.get('filler');
    apply(['10.42.0.16']);
    const before = service();
    const fresh = newAllocators();
    reconciler.adopt(fresh, () => 'shop/api');
    expect(reconciler.apply(desiredState(state([], ['10.42.0.16']), [], 'n1', fresh))).toEqual({
      written: 0,
      deleted: 0,
    });
    expect(service()).toEqual(before);
  });
});

describe('endpoints', () => {
  const apply = (labels: Record<string, string>) =>
    reconciler.apply(
      desiredState(state([pod('a', labels), pod('b')], []), [attachment('a', 16), attachment('b', 17)], 'n1', ids),
    );

  test('changed labels give both addresses a new identity and raise only that pod', () => {
    apply({ app: 'a' });
    const [first] = values(maps.endpoints);
    apply({ app: 'a', tier: 'new' });
    const after = values(maps.endpoints)
      .map((it) => readStruct(ENDPOINT, it))
      .filter((it) => it.id === 16);
    expect(after).toHaveLength(2);
    expect(new Set(after.map((it) => it.identity)).size).toBe(1);
    expect(after[0]?.identity).not.toBe(readStruct(ENDPOINT, first as Buffer).identity);
    expect([generations[16], generations[17]]).toEqual([2n, 1n]);
  });

  test('pods with the same labels share an identity', () => {
    const desired = desiredState(
      state([pod('a', { app: 'x' }), pod('b', { app: 'x' })], []),
      [attachment('a', 16), attachment('b', 17)],
      'n1',
      ids,
    );
    expect(new Set(desired.dictionary.endpoints.filter((it) => it.kind === 'pod').map((it) => it.identity)).size).toBe(
      1,
    );
  });

  test('a pod that goes raises its generation, so cached decisions about it are made anew', () => {
    apply({ app: 'a' });
    reconciler.apply(desiredState(state([pod('b')], []), [attachment('b', 17)], 'n1', ids));
    expect(values(maps.endpoints).map((it) => readStruct(ENDPOINT, it).id)).toEqual([17, 17]);
    expect(generations[16]).toBe(2n);
  });

  test('an address that is none is left out and named', () => {
    const broken = { ...attachment('a', 16), addresses: ['10.42.0.300'] };
    const desired = desiredState(state([pod('a')], []), [broken], 'n1', ids);
    expect(desired.endpoints.size).toBe(0);
    expect(desired.problems).toEqual(['pod shop/a has the address "10.42.0.300", which is none; it is left out']);
  });
});
