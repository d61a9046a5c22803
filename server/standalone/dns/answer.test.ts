import { decode, encode } from 'dns-packet';
import type { RecordType } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import { answer } from './answer.ts';
import { zoneOf } from './zone.ts';

const service = (name: string, clusterIPs: string[]) => ({
  uid: name,
  namespace: 'shop',
  name,
  type: 'ClusterIP' as const,
  clusterIPs,
  selector: {},
  ports: [],
});
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
  services: [service('api', ['10.96.4.5', 'fd96::45']), service('headless', []), service('many', [])],
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
