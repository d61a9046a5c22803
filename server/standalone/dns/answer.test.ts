import { decode, encode } from 'dns-packet';
import type { RecordType } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import { serviceWithDefaults } from '../../cluster/service-defaults.ts';
import { answer } from './answer.ts';
import { zoneOf } from './zone.ts';

const service = (name: string, clusterIPs: string[]) => serviceWithDefaults({ namespace: 'shop', name, clusterIPs });
const alias = (name: string, externalName: string) =>
  serviceWithDefaults({ namespace: 'shop', name, type: 'ExternalName', externalName });
const endpoint = (address: string, ready: boolean) => ({
  addresses: [address],
  conditions: { ready, serving: ready, terminating: false },
  nodeName: '',
  targetRef: '',
});
const many = Array.from({ length: 60 }, (_, i) => endpoint(`10.42.1.${i}`, true));
const slice = (serviceName: string, endpoints: ReturnType<typeof endpoint>[]) => ({
  namespace: 'shop',
  name: serviceName,
  serviceName,
  addressType: 'IPv4' as const,
  ports: [],
  endpoints,
});
const zone = zoneOf({
  nodes: [],
  namespaces: [],
  pods: [],
  services: [
    service('api', ['10.96.4.5', 'fd96::45']),
    service('headless', []),
    service('many', []),
    alias('db', 'db.example.com.'),
    alias('old', 'api.shop.svc.cluster.local'),
    alias('circle', 'circle.shop.svc.cluster.local'),
  ],
  endpointSlices: [slice('headless', [endpoint('10.42.0.7', true), endpoint('10.42.0.8', false)]), slice('many', many)],
  networkPolicies: [],
  policyProblems: [],
});

function ask(name: string, type: RecordType = 'A', udp = true) {
  const query = encode({ type: 'query', id: 7, flags: 0x100, questions: [{ name, type }] });
  const bytes = answer(query, zone, udp);
  if (bytes === undefined) throw new Error('no answer');
  const packet = decode(bytes) as ReturnType<typeof decode> & { rcode: string };
  return { ...packet, data: (packet.answers ?? []).map((it) => ('data' in it ? it.data : undefined)) };
}

describe('the DNS of the cluster', () => {
  test('service names have their cluster IPs, whatever the case', () => {
    expect(ask('api.shop.svc.cluster.local')).toMatchObject({
      id: 7,
      rcode: 'NOERROR',
      data: ['10.96.4.5'],
      flag_aa: true,
    });
    expect(ask('API.shop.SVC.cluster.local', 'AAAA').data).toEqual(['fd96::45']);
  });

  test('headless services have the addresses of ready pods', () => {
    expect(ask('headless.shop.svc.cluster.local').data).toEqual(['10.42.0.7']);
  });

  test('no address of that family, another type, or only names below: empty, but no name error', () => {
    for (const reply of [
      ask('headless.shop.svc.cluster.local', 'AAAA'),
      ask('api.shop.svc.cluster.local', 'TXT'),
      ask('shop.svc.cluster.local'),
    ]) {
      expect(reply).toMatchObject({ rcode: 'NOERROR', data: [] });
      expect(reply.authorities?.[0]?.type).toBe('SOA');
    }
  });

  test('a service of type ExternalName is an alias, followed as far as the cluster knows', () => {
    const [first] = ask('db.shop.svc.cluster.local').answers ?? [];
    expect(first).toMatchObject({ type: 'CNAME', name: 'db.shop.svc.cluster.local', data: 'db.example.com' });
    expect(ask('db.shop.svc.cluster.local')).toMatchObject({ rcode: 'NOERROR', data: ['db.example.com'] });
    expect(ask('db.shop.svc.cluster.local', 'CNAME').data).toEqual(['db.example.com']);
    expect(ask('OLD.shop.svc.cluster.local').data).toEqual(['api.shop.svc.cluster.local', '10.96.4.5']);
    expect(ask('old.shop.svc.cluster.local', 'AAAA').data).toEqual(['api.shop.svc.cluster.local', 'fd96::45']);
  });

  test('a circle of aliases ends', () => {
    expect(ask('circle.shop.svc.cluster.local', 'A', false).data).toHaveLength(8);
  });

  test('other names do not exist', () => {
    expect(ask('nope.shop.svc.cluster.local').rcode).toBe('NXDOMAIN');
    expect(ask('example.com').rcode).toBe('NXDOMAIN');
  });

  test('what does not fit into a datagram is asked for over TCP', () => {
    expect(ask('many.shop.svc.cluster.local')).toMatchObject({ flag_tc: true, data: [] });
    expect(ask('many.shop.svc.cluster.local', 'A', false).data).toHaveLength(60);
  });

  test('noise gets no answer', () => {
    expect(answer(Buffer.from('hello'), zone, true)).toBeUndefined();
    expect(answer(encode({ type: 'response', questions: [] }), zone, true)).toBeUndefined();
  });
});
