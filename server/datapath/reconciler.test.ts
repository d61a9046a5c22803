import { beforeEach, describe, expect, test } from 'vitest';
import type { Attachment } from '../cluster/attachment.ts';
import type { ClusterState, Pod } from '../cluster/model.ts';
import { serviceWithDefaults } from '../cluster/service-defaults.ts';
import { ENDPOINT, SUBJECTS } from '../kernel/layouts.gen.ts';
import { readStruct } from '../wire/struct.ts';
import { desiredState, newAllocators } from './desired.ts';
import { type DatapathMaps, Reconciler } from './reconciler.ts';
import { MemoryMap } from './testing/memory-map.ts';

let journal: string[];
let maps: Record<keyof DatapathMaps, MemoryMap>;
let generations: BigUint64Array;
let reconciler: Reconciler;
let ids: ReturnType<typeof newAllocators>;

beforeEach(() => {
  journal = [];
  const names = ['endpoints', 'interfaces', 'ipcache', 'policy', 'services', 'maglev', 'backends'];
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
      serviceWithDefaults({
        namespace: 'shop',
        name: 'api',
        clusterIPs: ['10.96.0.1'],
        ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080, appProtocol: '', nodePort: 0 }],
      }),
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
