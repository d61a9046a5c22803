import { beforeEach, describe, expect, test } from 'vitest';
import type { ClusterState, EndpointSlice, Service } from '../cluster/model.ts';
import { serviceWithDefaults } from '../cluster/service-defaults.ts';
import { BACKEND, MAGLEV_CHUNK, NOT_HERE, SERVICE, SERVICE_SUBJECT, SUBJECTS } from '../kernel/layouts.gen.ts';
import { readStruct } from '../wire/struct.ts';
import { type Desired, desiredState, newAllocators } from './desired.ts';
import type { Changes } from './map-writer.ts';
import { networkOrder } from './service-frontends.ts';
import { type ServiceMaps, ServiceReconciler } from './service-reconciler.ts';
import { frontendNames } from './service-offers.ts';
import { MemoryMap } from './testing/memory-map.ts';

let journal: string[];
let maps: Record<keyof ServiceMaps, MemoryMap>;
let generations: BigUint64Array;
let reconciler: ServiceReconciler;
let ids: ReturnType<typeof newAllocators>;

beforeEach(() => {
  journal = [];
  maps = {
    services: new MemoryMap('services', journal),
    maglev: new MemoryMap('maglev', journal),
    backends: new MemoryMap('backends', journal),
  };
  generations = new BigUint64Array(SUBJECTS);
  reconciler = new ServiceReconciler(maps, { next: (subject) => Number(generations[subject]) + 1 });
  ids = newAllocators();
});

const READY = { ready: true, serving: true, terminating: false };
const ENDING = { ready: false, serving: true, terminating: true };
const UNREADY = { ready: false, serving: false, terminating: false };

type Endpoint = [address: string, conditions?: typeof READY, nodeName?: string];

function slice(endpoints: Endpoint[], name = 'api', protocol: 'TCP' | 'UDP' = 'TCP'): EndpointSlice {
  return {
    namespace: 'shop',
    name: `${name}-1`,
    serviceName: name,
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol, appProtocol: '' }],
    endpoints: endpoints.map(([address, conditions = READY, nodeName = 'n1']) => ({
      addresses: [address],
      conditions,
      nodeName,
      targetRef: '',
    })),
  };
}

function service(more: Partial<Service> = {}, protocol: 'TCP' | 'UDP' = 'TCP'): Service {
  return serviceWithDefaults({
    namespace: 'shop',
    name: 'api',
    clusterIPs: ['10.96.0.1'],
    ports: [{ name: 'http', port: 80, protocol, targetPort: 8080, appProtocol: '', nodePort: 0 }],
    ...more,
  });
}

function state(services: Service[], endpointSlices: EndpointSlice[]): ClusterState {
  const nodes = [{ name: 'n1', labels: {}, addresses: ['192.0.2.1', '2001:db8::1'], podCIDRs: [] }];
  return { nodes, namespaces: [], pods: [], services, endpointSlices, networkPolicies: [], policyProblems: [] };
}

function apply(given: ClusterState, verify = true): Changes & Pick<Desired, 'problems' | 'services'> {
  const changes = { written: 0, deleted: 0 };
  const desired = desiredState(given, [], 'n1', ids);
  for (const subject of reconciler.apply(desired.services, verify, changes)) {
    generations[subject] = (generations[subject] ?? 0n) + 1n;
  }
  return { ...changes, problems: desired.problems, services: desired.services };
}

const values = (map: MemoryMap): Buffer[] => [...map.contents.values()];
const backends = () => values(maps.backends).map((it) => readStruct(BACKEND, it));

/** The frontend at an IPv4 address and port. */
function frontend(address: string, port: number) {
  const bytes = Buffer.from(address.split('.').map(Number)).toString('hex');
  const portBytes = Buffer.alloc(2);
  portBytes.writeUInt16BE(port);
  const found = [...maps.services.contents].find(([key]) =>
    key.slice(24).startsWith(bytes + portBytes.toString('hex')),
  );
  return found === undefined ? undefined : readStruct(SERVICE, found[1]);
}

/** Addresses that a side of a frontend gives to new connections, from the table as the kernel reads it. */
function chosen(pool: number, table: number, only: number): string[] {
  const numbers = new Set(only === 0 ? [] : [only]);
  for (let slot = 0; table > 1 && slot < table; slot++) {
    const key = Buffer.alloc(8);
    key.writeUInt32LE(pool);
    key.writeUInt32LE(Math.floor(slot / MAGLEV_CHUNK), 4);
    numbers.add(maps.maglev.contents.get(key.toString('hex'))?.readUInt32LE((slot % MAGLEV_CHUNK) * 4) ?? 0);
  }
  return Array.from(numbers, (number) => {
    const key = Buffer.alloc(4);
    key.writeUInt32LE(number);
    const value = maps.backends.contents.get(key.toString('hex'));
    return value === undefined ? 'nobody' : readStruct(BACKEND, value).address.slice(12).join('.');
  }).toSorted();
}

const inside = (it: ReturnType<typeof frontend>): string[] =>
  it === undefined ? [] : chosen(it.inside_pool, it.inside_table, it.inside_only);
const outside = (it: ReturnType<typeof frontend>): string[] =>
  it === undefined ? [] : chosen(it.outside_pool, it.outside_table, it.outside_only);

test('a port in network order reads as the bytes of the packet', () => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(networkOrder(8080));
  expect(bytes.readUInt16BE()).toBe(8080);
});

describe('what is written, and when', () => {
  const over = (...endpoints: string[]) => apply(state([service()], [slice(endpoints.map((it): Endpoint => [it]))]));
  const api = () => frontend('10.96.0.1', 80);

  test('backends, table and service, in this order; then the generation rises', () => {
    over('10.42.0.16', '10.42.0.17');
    expect(journal).toEqual(['set backends', 'set maglev', 'set services']);
    expect(api()).toMatchObject({ inside_table: 251, inside_only: 0, outside_pool: 0, generation: 1 });
    expect(generations[SERVICE_SUBJECT + (api()?.id ?? 0)]).toBe(1n);
    expect(backends().map((it) => it.port_be)).toEqual([0x901f, 0x901f]);
    expect(inside(api())).toEqual(['10.42.0.16', '10.42.0.17']);
  });

  test('a single backend needs no table', () => {
    over('10.42.0.16');
    expect(journal).toEqual(['set backends', 'set services']);
    expect(inside(api())).toEqual(['10.42.0.16']);
  });

  test('the same state writes nothing', () => {
    over('10.42.0.16', '10.42.0.17');
    expect(over('10.42.0.16', '10.42.0.17')).toMatchObject({ written: 0, deleted: 0 });
    expect(over('10.42.0.17', '10.42.0.16')).toMatchObject({ written: 0, deleted: 0 });
    expect(generations[SERVICE_SUBJECT + (api()?.id ?? 0)]).toBe(1n);
  });

  test('a backend that goes is removed last, and the generation rises', () => {
    over('10.42.0.16', '10.42.0.17', '10.42.0.18');
    journal.length = 0;
    over('10.42.0.17', '10.42.0.18');
    expect(journal).toEqual(['set maglev', 'set services', 'delete backends']);
    expect(inside(api())).toEqual(['10.42.0.17', '10.42.0.18']);
    expect(generations[SERVICE_SUBJECT + (api()?.id ?? 0)]).toBe(2n);
  });

  test('a backend keeps its number while others come and go', () => {
    over('10.42.0.16', '10.42.0.17');
    const number = (): string | undefined =>
      [...maps.backends.contents].find(([, it]) => readStruct(BACKEND, it).address[15] === 17)?.[0];
    const before = number();
    over('10.42.0.18', '10.42.0.17');
    expect(number()).toBe(before);
  });

  test('a table of another size leaves a backend in each slot that either size reaches', () => {
    const many = Array.from({ length: 5 }, (_, i) => `10.42.0.${20 + i}`);
    over(...many);
    expect(api()?.inside_table).toBe(2039);
    // What a packet finds between the writes: the service of before, and the first chunk of the smaller table.
    const before = api();
    over(...many.slice(0, 4));
    const [first] = values(maps.maglev);
    for (let slot = 0; slot < MAGLEV_CHUNK; slot++) expect(first?.readUInt32LE(slot * 4)).toBeGreaterThan(0);
    expect([before?.inside_table, api()?.inside_table, maps.maglev.contents.size]).toEqual([2039, 251, 1]);
  });

  test('only the chunks of a table that differ are written', () => {
    const many = Array.from({ length: 200 }, (_, i) => `10.42.0.${i + 1}`);
    over(...many);
    expect(maps.maglev.contents.size).toBe(64);
    const key = [...maps.maglev.contents.keys()][5] as string;
    maps.maglev.contents.set(key, Buffer.alloc(MAGLEV_CHUNK * 4));
    // The chunk, and the service so that its generation rises.
    expect(over(...many).written).toBe(2);
  });

  test('a removed service takes everything with it', () => {
    over('10.42.0.16', '10.42.0.17');
    const id = api()?.id ?? 0;
    apply(state([], []));
    for (const map of Object.values(maps)) expect(map.contents.size).toBe(0);
    expect(generations[SERVICE_SUBJECT + id]).toBe(2n);
  });

  test('a new process adopts the numbers that the maps hold', () => {
    for (const kind of ['services', 'pools', 'backends'] as const) ids[kind].get('filler');
    const given = state(
      [service({ externalIPs: ['192.0.2.7'], externalTrafficPolicy: 'Local' })],
      [slice([['10.42.0.16'], ['10.42.0.17', ENDING], ['10.42.0.18']])],
    );
    apply(given);
    const before = api();
    ids = newAllocators();
    reconciler.adopt(ids, frontendNames(given, 'n1'));
    expect(apply(given)).toMatchObject({ written: 0, deleted: 0 });
    expect(api()).toEqual(before);
  });
});

describe('passes that look only at what has changed', () => {
  const [one, two] = [
    service({ name: 'one', clusterIPs: ['10.96.0.1'] }),
    service({ name: 'two', clusterIPs: ['10.96.0.2'] }),
  ];
  const oneSlice = slice([['10.42.0.16'], ['10.42.0.17']], 'one');
  const twoSlice = slice([['10.42.0.18'], ['10.42.0.19']], 'two');

  test('write what differs, as those that read everything do', () => {
    apply(state([one, two], [oneSlice, twoSlice]));
    const less = slice([['10.42.0.16']], 'one');
    expect(apply(state([one, two], [less, twoSlice]), false)).toMatchObject({ written: 1, deleted: 2 });
    expect(inside(frontend('10.96.0.1', 80))).toEqual(['10.42.0.16']);
    expect(apply(state([one, two], [less, twoSlice]), true)).toMatchObject({ written: 0, deleted: 0 });
    expect(apply(state([two], [twoSlice]), false)).toMatchObject({ written: 0, deleted: 2 });
    expect(apply(state([two], [twoSlice]), true)).toMatchObject({ written: 0, deleted: 0 });
  });

  test('an address that goes from one service to another stays', () => {
    apply(state([one, two], [oneSlice, twoSlice]));
    const [moved, bare] = [
      service({ name: 'two', clusterIPs: ['10.96.0.1'] }),
      service({ name: 'one', clusterIPs: ['10.96.0.3'] }),
    ];
    apply(state([bare, moved], [oneSlice, twoSlice]), false);
    expect(inside(frontend('10.96.0.1', 80))).toEqual(['10.42.0.18', '10.42.0.19']);
    expect(frontend('10.96.0.2', 80)).toBeUndefined();
    expect(apply(state([bare, moved], [oneSlice, twoSlice]), true)).toMatchObject({ written: 0, deleted: 0 });
  });

  test('only with verify is repaired what something else changed', () => {
    const given = state([one], [oneSlice]);
    apply(given);
    maps.services.contents.clear();
    expect(apply(given, false)).toMatchObject({ written: 0, deleted: 0 });
    expect(apply(given, true).written).toBe(1);
  });

  test('after a pass that failed the next one finishes it, and raises the generation', () => {
    apply(state([one], [oneSlice]));
    const { id = 0 } = frontend('10.96.0.1', 80) ?? {};
    const less = state([one], [slice([['10.42.0.16']], 'one')]);
    maps.maglev.failNext = true;
    expect(() => apply(less, false)).toThrow('maglev');
    expect(generations[SERVICE_SUBJECT + id]).toBe(1n);
    apply(less, false);
    expect(generations[SERVICE_SUBJECT + id]).toBe(2n);
    expect([maps.maglev.contents.size, maps.backends.contents.size]).toEqual([0, 1]);
    expect(frontend('10.96.0.1', 80)?.generation).toBe(2);
  });
});

describe('conditions of endpoints', () => {
  test('a terminating one keeps its connections and gets no new ones', () => {
    apply(state([service()], [slice([['10.42.0.16'], ['10.42.0.17', ENDING]])]));
    expect(inside(frontend('10.96.0.1', 80))).toEqual(['10.42.0.16']);
    expect(backends().map((it) => [it.address[15], it.draining])).toEqual([
      [16, 0],
      [17, 1],
    ]);
  });

  test('terminating ones are used when no ready one is left, one that does not serve never', () => {
    apply(
      state(
        [service()],
        [
          slice([
            ['10.42.0.16', UNREADY],
            ['10.42.0.17', ENDING],
          ]),
        ],
      ),
    );
    expect(inside(frontend('10.96.0.1', 80))).toEqual(['10.42.0.17']);
    apply(state([service()], [slice([['10.42.0.16', UNREADY]])]));
    expect(inside(frontend('10.96.0.1', 80))).toEqual([]);
  });

  test('one that is not ready keeps its TCP connections, but no datagrams', () => {
    apply(state([service()], [slice([['10.42.0.16', UNREADY]])]));
    expect(backends()).toHaveLength(1);
    apply(state([service({}, 'UDP')], [slice([['10.42.0.16', UNREADY]], 'api', 'UDP')]));
    expect(backends()).toHaveLength(0);
  });

  test('one in two slices counts once, by its better condition', () => {
    apply(state([service()], [slice([['10.42.0.16', UNREADY]]), slice([['10.42.0.16']])]));
    expect(backends().map((it) => it.draining)).toEqual([0]);
  });
});

describe('addresses and traffic policies', () => {
  const endpoints = slice([['10.42.0.16'], ['10.42.1.16', READY, 'n2']]);
  const everywhere = ['10.42.0.16', '10.42.1.16'];
  const ports = [
    { name: 'http', port: 80, protocol: 'TCP' as const, targetPort: 8080, appProtocol: '', nodePort: 30_080 },
  ];

  test('a cluster IP follows internalTrafficPolicy and is not offered outside', () => {
    apply(state([service()], [endpoints]));
    expect(inside(frontend('10.96.0.1', 80))).toEqual(everywhere);
    apply(state([service({ internalTrafficPolicy: 'Local' })], [endpoints]));
    expect(inside(frontend('10.96.0.1', 80))).toEqual(['10.42.0.16']);
    expect(frontend('10.96.0.1', 80)?.outside_pool).toBe(0);
  });

  test('externalTrafficPolicy Local holds for node ports, external and load balancer IPs, from outside only', () => {
    const more = { type: 'LoadBalancer' as const, ports, externalIPs: ['192.0.2.7'], loadBalancerIPs: ['192.0.2.8'] };
    apply(state([service({ ...more, externalTrafficPolicy: 'Local' })], [endpoints]));
    for (const [address, port] of [
      ['192.0.2.1', 30_080] as const,
      ['192.0.2.7', 80] as const,
      ['192.0.2.8', 80] as const,
    ]) {
      expect(inside(frontend(address, port))).toEqual(everywhere);
      expect(outside(frontend(address, port))).toEqual(['10.42.0.16']);
    }
    apply(state([service(more)], [endpoints]));
    expect(outside(frontend('192.0.2.1', 30_080))).toEqual(everywhere);
  });

  test('Local without an endpoint on the node: an empty pool, which knows whether other nodes have some', () => {
    const local = { externalTrafficPolicy: 'Local', internalTrafficPolicy: 'Local' } as const;
    const pools = (slices: EndpointSlice[]): unknown[] => {
      apply(state([service({ type: 'NodePort', ports, ...local })], slices));
      const [at, clusterIP] = [frontend('192.0.2.1', 30_080), frontend('10.96.0.1', 80)];
      expect(at?.outside_pool).toBeGreaterThan(0);
      return [at?.outside_table, at?.outside_only, clusterIP?.inside_table, clusterIP?.inside_only];
    };
    expect(pools([slice([['10.42.1.16', READY, 'n2']])])).toEqual([0, NOT_HERE, 0, NOT_HERE]);
    expect(pools([slice([])])).toEqual([0, 0, 0, 0]);
  });

  test('node addresses of a family the service does not have are not taken', () => {
    apply(state([service({ type: 'NodePort', ports })], [endpoints]));
    expect(maps.services.contents.size).toBe(2);
  });

  test('loadBalancerSourceRanges, which are not supported, close the door and are told', () => {
    const more = { loadBalancerIPs: ['192.0.2.8'], loadBalancerSourceRanges: ['192.0.2.0/24'] };
    const { problems } = apply(state([service({ type: 'LoadBalancer', ...more })], [endpoints]));
    expect(outside(frontend('192.0.2.8', 80))).toEqual([]);
    expect(frontend('192.0.2.8', 80)?.outside_pool).toBeGreaterThan(0);
    expect(problems).toEqual([expect.stringContaining('service shop/api has loadBalancerSourceRanges')]);
  });

  test('of two services that want the same address the first keeps it, and the other is told', () => {
    const other = service({ name: 'other', clusterIPs: ['10.96.0.2'], externalIPs: ['192.0.2.7'] });
    const { problems } = apply(state([service({ externalIPs: ['192.0.2.7'] }), other], [endpoints]));
    expect(frontend('192.0.2.7', 80)?.id).toBe(frontend('10.96.0.1', 80)?.id);
    expect(problems).toEqual([expect.stringContaining('which service shop/api has already')]);
  });

  test('affinity is written in seconds', () => {
    apply(state([service({ sessionAffinityTimeoutSeconds: 10_800 })], [endpoints]));
    expect(frontend('10.96.0.1', 80)?.affinity_s).toBe(10_800);
  });
});

test('of 10,000 services only the one that changed is planned and written', () => {
  const services = Array.from({ length: 10_000 }, (_, i) =>
    service({ name: `s${i}`, clusterIPs: [`10.${100 + (i >> 14)}.${(i >> 8) & 63}.${i & 255}`] }),
  );
  const slices = services.map(({ name }, i) =>
    slice(
      [0, 1].map((it): Endpoint => [`10.42.${(i * 2 + it) >> 8}.${(i * 2 + it) & 255}`]),
      name,
    ),
  );
  const before = apply(state(services, slices));
  expect([before.written, maps.maglev.contents.size]).toEqual([40_000, 10_000]);
  const after = apply(state(services, slices.with(5000, slice([['10.41.0.1']], 's5000'))), false);
  expect(after).toMatchObject({ written: 2, deleted: 3 });
  const kept = [...after.services].filter(([id, it]) => before.services.get(id) === it);
  expect(kept).toHaveLength(9999);
});
