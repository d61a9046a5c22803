/** Fixture: a shop with every end a line can have. Not part of the product. */
import type { MapEdge, MapNode, NodeKind, ServiceMap } from '../../server/wire/service-map.ts';

const node = (namespace: string, kind: NodeKind, name: string, pods = 1): MapNode => ({
  id: namespace === '' ? `${kind.toLowerCase()}/${name}` : `${namespace}/${kind}/${name}`,
  kind,
  namespace,
  name,
  pods,
  addresses: [],
});

/** `port` as `TCP/80`; `rate` in packets per second. */
export function edge(source: string, target: string, port: string, rate: number, rest: Partial<MapEdge> = {}): MapEdge {
  const [protocol = 'TCP', number = '0'] = port.split('/');
  return {
    id: `${source}>${target}:${port}`,
    source,
    target,
    protocol,
    port: Number(number),
    service: null,
    verdicts: { FORWARDED: rate * 60 },
    drop_reasons: {},
    packets: rate * 60,
    bytes: rate * 60 * 800,
    reply_packets: rate * 50,
    reply_bytes: rate * 50 * 800,
    connections: rate * 6,
    answered: rate * 6,
    connection_rate: rate / 10,
    packet_rate: rate,
    byte_rate: rate * 800,
    drop_rate: 0,
    rtt: { count: rate * 6, p50_ns: rate * 2000, p95_ns: rate * 200_000 },
    l7: null,
    ...rest,
  };
}

/** What turns an edge into one whose every packet was dropped. */
export function dropped(rate: number, reason: string): Partial<MapEdge> {
  return {
    verdicts: { DROPPED: rate * 60 },
    drop_reasons: { [reason]: rate * 60 },
    drop_rate: rate,
    packets: 0,
    bytes: 0,
    reply_packets: 0,
    reply_bytes: 0,
    connections: 0,
    answered: 0,
    connection_rate: 0,
    packet_rate: 0,
    byte_rate: 0,
    rtt: null,
  };
}

export function shop(): ServiceMap {
  const nodes = {
    world: node('', 'World', '203.0.113.9', 0),
    load: node('clients', 'Pod', 'load'),
    intruder: node('clients', 'Pod', 'intruder'),
    web: node('shop', 'Deployment', 'web'),
    api: node('shop', 'Deployment', 'api', 2),
    legacy: node('shop', 'Service', 'legacy', 0),
    catalog: node('shop', 'Deployment', 'catalog'),
    orders: node('shop', 'Deployment', 'orders', 2),
    cache: node('shop', 'StatefulSet', 'cache'),
    payments: node('shop', 'Deployment', 'payments'),
    db: node('shop', 'StatefulSet', 'db'),
    pay: node('', 'World', 'pay.example.net', 0),
    silent: node('', 'World', '198.51.100.7', 0),
    dns: node('kube-system', 'Deployment', 'kube-dns'),
  };
  type Name = keyof typeof nodes;
  const e = (from: Name, to: Name, port: string, rate: number, rest?: Partial<MapEdge>): MapEdge =>
    edge(nodes[from].id, nodes[to].id, port, rate, rest);
  const askers = ['load', 'web', 'api', 'catalog', 'orders', 'payments', 'intruder'] as const;
  return {
    window: { since: '2026-01-01T00:00:00Z', until: '2026-01-01T00:01:00Z', exact: true },
    group: 'workload',
    nodes: Object.values(nodes),
    edges: [
      e('world', 'web', 'TCP/80', 38),
      e('load', 'web', 'TCP/80', 212),
      e('web', 'api', 'TCP/8080', 236),
      e('api', 'cache', 'TCP/6379', 405),
      e('api', 'catalog', 'TCP/8080', 148),
      e('api', 'orders', 'TCP/8080', 71),
      e('catalog', 'db', 'TCP/5432', 129),
      e('orders', 'db', 'TCP/5432', 100),
      e('orders', 'payments', 'TCP/9090', 18),
      e('payments', 'pay', 'TCP/443', 18),
      e('intruder', 'legacy', 'TCP/80', 0, dropped(1, 'SERVICE_BACKEND_NOT_FOUND')),
      e('intruder', 'orders', 'TCP/8080', 0, dropped(4, 'POLICY_DENIED')),
      e('intruder', 'db', 'TCP/5432', 0, dropped(2, 'POLICY_DENIED')),
      e('intruder', 'silent', 'TCP/443', 0.5, { answered: 0, reply_packets: 0, rtt: null }),
      ...askers.map((it) => e(it, 'dns', 'UDP/53', 9)),
    ],
  };
}
