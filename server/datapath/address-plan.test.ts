import { describe, expect, test } from 'vitest';
import type { ClusterState, Pod } from '../cluster/model.ts';
import { ENDPOINT, ISOLATED_EGRESS, ISOLATED_INGRESS, SUBJECTS } from '../kernel/layouts.gen.ts';
import { IDENTITY, L7_MODE } from '../wire/lists.gen.ts';
import { readStruct } from '../wire/struct.ts';
import { desiredState, newAllocators } from './desired.ts';
import { type DatapathMaps, Reconciler } from './reconciler.ts';
import { MemoryMap } from './testing/memory-map.ts';
import { PolicyLookup } from './testing/policy-lookup.ts';
import { attachment, cluster, NODE, pod, policy } from './testing/small-cluster.ts';

const LOCAL = [attachment('a', 16), attachment('b', 17)];

/** What the maps say of addresses, once they hold the state. */
function lookupOf(state: ClusterState, ids = newAllocators()) {
  const names = ['endpoints', 'interfaces', 'ipcache', 'policy', 'services', 'maglev', 'backends'] as const;
  const maps = Object.fromEntries(names.map((name) => [name, new MemoryMap(name, [])])) as Record<
    keyof DatapathMaps,
    MemoryMap
  >;
  const desired = desiredState(state, LOCAL, NODE, ids);
  new Reconciler(maps, new BigUint64Array(SUBJECTS)).apply(desired);
  return { desired, lookup: new PolicyLookup(maps) };
}

const remote = (name: string, address: string, change: Partial<Pod> = {}): Pod =>
  pod(name, { nodeName: 'n2', podIPs: [address], ...change });

test.each<[string | undefined, number, string[]]>([
  [undefined, L7_MODE.METADATA, []],
  ['off', L7_MODE.OFF, []],
  ['full', L7_MODE.FULL, []],
  ['all', L7_MODE.METADATA, [expect.stringMatching(/^pod shop\/a: the annotation spyglass\.io\/l7 is "all"/)]],
])('messages of a pod annotated %s', (value, mode, problems) => {
  const annotations: Record<string, string> = value === undefined ? {} : { 'spyglass.io/l7': value };
  const desired = desiredState(cluster([pod('a', { annotations })], []), LOCAL, NODE, newAllocators());
  const ends = [...desired.endpoints.values()].map((it) => readStruct(ENDPOINT, it.value));
  expect(ends.find((it) => it.id === 16)?.l7_mode).toBe(mode);
  // Of a pod that the cluster does not know yet, the default.
  expect(ends.find((it) => it.id === 17)?.l7_mode).toBe(L7_MODE.METADATA);
  expect(desired.problems).toEqual(problems);
});

describe('identities of addresses', () => {
  const slice = (addresses: string[]) => ({
    namespace: 'default',
    name: 'kubernetes',
    serviceName: 'kubernetes',
    addressType: 'IPv4' as const,
    ports: [],
    endpoints: [
      { addresses, conditions: { ready: true, serving: true, terminating: false }, nodeName: '', targetRef: '' },
    ],
  });
  const nodes = ['n1', 'n2', 'n3'].map((name, i) => ({
    name,
    labels: {},
    addresses: [`192.168.0.${i + 1}`],
    podCIDRs: [],
  }));

  test.each<[string, number, string]>([
    ['192.168.0.1', IDENTITY.HOST, 'its own node, though the API server runs there'],
    ['192.168.0.2', IDENTITY.KUBE_APISERVER, 'the API server on another node'],
    ['192.168.0.3', IDENTITY.REMOTE_NODE, 'another node'],
    ['10.42.0.99', IDENTITY.UNMANAGED, 'a pod of this node that is not wired'],
    ['10.42.0.17', IDENTITY.INIT, 'a wired pod that the cluster does not know'],
    ['203.0.113.1', IDENTITY.WORLD, 'the world'],
  ])('%s is %i: %s', (address, identity) => {
    const { lookup } = lookupOf(
      cluster([pod('a'), pod('stray', { podIPs: ['10.42.0.99'] })], [], {
        nodes,
        endpointSlices: [slice(['192.168.0.1', '192.168.0.2'])],
      }),
    );
    expect(lookup.end(address).identity).toBe(identity);
  });

  test('a wired pod that the cluster does not know yet is closed both ways', () => {
    const { desired, lookup } = lookupOf(cluster([pod('a')], []));
    expect(lookup.end('10.42.0.17')).toMatchObject({ endpoint: 17, isolated: ISOLATED_INGRESS | ISOLATED_EGRESS });
    expect(lookup.end('10.42.0.16').isolated).toBe(0);
    expect(desired.dictionary.endpoints.find((it) => it.ref === 17)).toMatchObject({
      kind: 'pod',
      namespace: 'shop',
      name: 'b',
      labels: ['reserved:init'],
    });
  });

  test('a pod on the host’s network is the node, whatever its labels', () => {
    const host = pod('a', { uid: 'h', nodeName: 'n2', hostNetwork: true, podIPs: ['192.168.0.2'] });
    const { lookup } = lookupOf(cluster([pod('a'), pod('b'), host], [], { nodes }));
    expect(lookup.end('192.168.0.2').identity).toBe(IDENTITY.REMOTE_NODE);
  });

  test('an address that was given on belongs to the pod that goes on', () => {
    const ending = remote('old', '10.43.0.9', { terminating: true });
    const going = remote('new', '10.43.0.9');
    for (const pods of [
      [ending, going],
      [going, ending],
    ]) {
      const { desired, lookup } = lookupOf(cluster(pods, []));
      const { identity } = lookup.end('10.43.0.9');
      expect(desired.dictionary.identities.find((it) => it.identity === identity)?.labels).toContain('k8s:app=new');
    }
  });
});

describe('identities of pods', () => {
  const identitiesOf = (pods: Pod[], ...policies: ReturnType<typeof policy>[]): number[] => {
    const { lookup } = lookupOf(cluster(pods, policies));
    return [lookup.end('10.42.0.16').identity, lookup.end('10.42.0.17').identity];
  };
  const same = { labels: { app: 'x' } };

  test('named ports are part of them, and labels are shown without', () => {
    const ports = [{ name: 'http', containerPort: 80, protocol: 'TCP' as const }];
    const [a, b] = identitiesOf([pod('a', { ...same, containerPorts: ports }), pod('b', same)]);
    expect(a).not.toBe(b);
    const unnamed = [{ name: '', containerPort: 80, protocol: 'TCP' as const }];
    const [c, d] = identitiesOf([pod('a', { ...same, containerPorts: unnamed }), pod('b', same)]);
    expect(c).toBe(d);
  });

  test('labels of a rollout are part of them only if a policy selects by them', () => {
    const pods = ['a', 'b'].map((it) => pod(it, { labels: { 'pod-template-hash': it } }));
    const [a, b] = identitiesOf(pods);
    expect(a).toBe(b);
    const byHash = policy('p', { podSelector: { matchLabels: { 'pod-template-hash': 'a' } } });
    const [c, d] = identitiesOf(pods, byHash);
    expect(c).not.toBe(d);
  });

  test('a comma in a label makes no two pods one', () => {
    const [a, b] = identitiesOf([pod('a', { labels: { x: '1,k8s:y=2' } }), pod('b', { labels: { x: '1', y: '2' } })]);
    expect(a).not.toBe(b);
  });

  test('the address’s own block is told beside the identity', () => {
    const blocks = policy('p', {
      podSelector: { matchLabels: { app: 'none' } },
      egress: [
        { to: [{ ipBlock: { cidr: '10.42.0.0/16', except: ['10.42.0.17/32'] } }, { ipBlock: { cidr: '::/0' } }] },
      ],
    });
    const { desired, lookup } = lookupOf(cluster([pod('a'), pod('b')], [blocks]));
    const labelsOf = (address: string): readonly string[] | undefined =>
      desired.dictionary.identities.find((it) => it.identity === lookup.end(address).cidr)?.labels;
    expect(labelsOf('10.42.0.16')).toEqual(['cidr:10.42.0.0/16', 'reserved:world']);
    expect(labelsOf('10.42.0.17')).toEqual(['cidr:10.42.0.17/32', 'reserved:world']);
    expect(labelsOf('fd42::16')).toEqual(['cidr:::/0', 'reserved:world']);
    expect(labelsOf('203.0.113.1')).toEqual(['cidr:0.0.0.0/0', 'reserved:world']);
    const { endpoints } = desired;
    expect(new Set([...endpoints.values()].map((it) => readStruct(ENDPOINT, it.value).cidr)).size).toBe(3);
  });
});
