/** A cluster of two teams, `shop` and `bank`, and traffic of every kind between them. */
import type { Dictionary, PolicyEntry, RuleEntry } from '../../../wire/agent.ts';
import { KIND } from '../../../wire/agent.ts';
import { RECORD_TYPE, STAGE, VERDICT } from '../../../wire/lists.gen.ts';
import type { RecordFields } from '../../../flows/record-writer.ts';
import { HTTP_RESPONSE } from '../../../flows/l7/testing/messages.ts';
import { edgeCounters, kernelCounters } from '../../testing/counter-fixtures.ts';
import { DICTIONARY, type FakeAgent, flow } from '../../testing/hub-bed.ts';
import { l7Flow, l7Report, l7Series } from '../../testing/l7-fixtures.ts';

const WEB = 16;
const CART = 17;
const VAULT = 18;
const TELLER = 19;
const HOST = 20;
const CART_SERVICE = 5;
const VAULT_SERVICE = 6;
const IDENTITY: Readonly<Record<number, number>> = {
  0: 2,
  [WEB]: 66_016,
  [CART]: 66_017,
  [VAULT]: 77_018,
  [TELLER]: 77_019,
  [HOST]: 1,
};
const ADDRESS: Readonly<Record<number, string>> = {
  0: '203.0.113.7',
  [WEB]: '10.1.0.16',
  [CART]: '10.1.0.17',
  [VAULT]: '10.1.0.18',
  [TELLER]: '10.1.0.19',
  [HOST]: '192.0.2.1',
};

/** What a reader of `shop` must never read, in any form. */
export const SECRETS =
  /bank|vault|teller|\b10\.1\.0\.(?:18|19|99)\b|\b10\.1\.9\.9\b|\b10\.96\.0\.6\b|\b770(?:18|19)\b|fd00:[0:]*b6/i;
/** Filters that name something hidden. */
export const HIDDEN_FILTERS: readonly (readonly [string, string])[] = [
  ['namespace', 'bank'],
  ['pod', 'bank/vault-1'],
  ['pod', '/teller'],
  ['workload', 'vault'],
  ['service', 'bank/vault'],
  ['ip', '10.1.0.18'],
  ['ip', '10.1.0.19'],
  ['ip', '10.96.0.6'],
  ['identity', '77018'],
  ['identity', '77019'],
  ['label', 'app=vault'],
  ['label', 'app=teller'],
  ['fqdn', 'vault-partner.example'],
  ['ip', 'fd00::b6'],
];

const pod = (ref: number, namespace: string, app: string): Dictionary['endpoints'][number] => ({
  ref,
  kind: 'pod',
  namespace,
  name: `${app}-1`,
  addresses: [ADDRESS[ref] ?? ''],
  identity: IDENTITY[ref] ?? 0,
  labels: [`k8s:app=${app}`, `k8s:io.kubernetes.pod.namespace=${namespace}`],
  workload: { name: app, kind: 'Deployment' },
  created: '',
});

const service = (id: number, namespace: string, name: string, backend: number): Dictionary['services'][number] => ({
  id,
  namespace,
  name,
  // As clusters may write it, and records do not.
  addresses: [`10.96.0.${id}`, `FD00:0:0::B${id}`],
  ports: [],
  backends: [backend],
});

const rule = (ref: number, namespace: string, name: string, direction: 'ingress' | 'egress'): RuleEntry => ({
  ref,
  kind: 'NetworkPolicy',
  namespace,
  name,
  direction,
  index: 0,
});

const policy = (
  namespace: string,
  name: string,
  endpoint: number,
  ingress: number[],
  egress: number[],
): PolicyEntry => ({
  namespace,
  name,
  uid: name,
  mode: 'enforce',
  policy_types: ['Ingress'],
  endpoints: [endpoint],
  rules: { ingress, egress },
  spec: { podSelector: {} },
  warnings: [],
});

export const TEAMS: Dictionary = {
  ...DICTIONARY,
  endpoints: [
    pod(WEB, 'shop', 'web'),
    pod(CART, 'shop', 'cart'),
    pod(VAULT, 'bank', 'vault'),
    pod(TELLER, 'bank', 'teller'),
    { ...pod(HOST, '', 'node-a'), kind: 'host', name: 'node-a', labels: ['reserved:host'], workload: null },
  ],
  services: [service(CART_SERVICE, 'shop', 'cart', CART), service(VAULT_SERVICE, 'bank', 'vault', VAULT)],
  identities: [VAULT, TELLER].map((ref) => ({
    identity: IDENTITY[ref] ?? 0,
    labels: pod(ref, 'bank', ref === VAULT ? 'vault' : 'teller').labels,
  })),
  rules: [
    rule(1, 'shop', 'web-out', 'egress'),
    rule(2, 'bank', 'vault-in', 'ingress'),
    {
      ref: 3,
      default: true,
      direction: 'ingress',
      audit: false,
      policies: [
        { namespace: 'bank', name: 'vault-in' },
        { namespace: 'bank', name: 'bank-default' },
      ],
    },
  ],
  policies: [policy('shop', 'web-out', WEB, [], [1]), policy('bank', 'vault-in', VAULT, [2], [])],
  policy_problems: [
    { namespace: 'bank', name: 'bank-broken', message: 'bank-broken names no port' },
    { namespace: '', name: 'manifests', message: 'the manifests of vault are refused' },
  ],
};

/** What teller asked DNS for; web talks to the same address. */
const PARTNER = { address: ADDRESS[0] ?? '', name: 'vault-partner.example' };

function ends(source: number, destination: number): RecordFields {
  return {
    source: ADDRESS[source] ?? '',
    destination: ADDRESS[destination] ?? '',
    source_endpoint: source,
    destination_endpoint: destination,
    source_identity: IDENTITY[source] ?? 0,
    destination_identity: IDENTITY[destination] ?? 0,
    service_id: 0,
  };
}

const DROPPED: RecordFields = { type: RECORD_TYPE.DROP, verdict: VERDICT.DROPPED, drop_reason: 133, flags: 0 };
const TO_VAULT: RecordFields = { service_id: VAULT_SERVICE, backend_id: 606, original: '10.96.0.6', original_port: 80 };

/** By source port, which tests know them by. */
const FLOWS: Readonly<Record<number, RecordFields>> = {
  1: { ...ends(WEB, CART), service_id: CART_SERVICE, original: '10.96.0.5', original_port: 80 },
  2: { ...ends(WEB, VAULT), ...TO_VAULT, egress_rule: 1, ingress_rule: 2, interface: 18 },
  3: { ...ends(TELLER, CART), service_id: CART_SERVICE },
  4: { ...ends(TELLER, VAULT), ...TO_VAULT },
  5: { ...ends(TELLER, 0) },
  6: { ...ends(WEB, 0) },
  7: { ...ends(HOST, VAULT) },
  8: { ...ends(HOST, WEB) },
  // Dropped before they were delivered: only the address, the service or the identity says to whom they went.
  9: {
    ...ends(WEB, VAULT),
    ...DROPPED,
    destination_endpoint: 0,
    destination_identity: 0,
    ingress_rule: 3,
    drop_stage: STAGE.INGRESS_POLICY,
  },
  10: { ...ends(WEB, 0), ...DROPPED, destination: '10.96.0.6', service_id: VAULT_SERVICE },
  11: { ...ends(WEB, 0), ...DROPPED, destination: '10.96.0.6', destination_identity: 0 },
  12: { ...ends(TELLER, 0), ...DROPPED, destination: '10.96.0.5' },
  13: { ...ends(WEB, 0), ...DROPPED, destination: '10.1.9.9', destination_identity: 77_018 },
  // An endpoint that the agent has not described.
  14: { ...ends(WEB, 0), destination_endpoint: 99, destination: '10.1.0.99' },
  15: { ...ends(TELLER, 0), destination_endpoint: 99 },
  16: { ...ends(WEB, 0), ...DROPPED, family: 6, source: 'fd01::16', destination: 'fd00::b6', destination_identity: 0 },
};
/** Those of `FLOWS` with an end in `shop`. */
export const SHOP_PORTS: readonly number[] = [1, 2, 3, 6, 8, 9, 10, 11, 12, 13, 14, 16];
export const ALL_PORTS: readonly number[] = Object.keys(FLOWS).map(Number);
/** Of `SHOP_PORTS`, those with an end in `bank` or nowhere known. */
export const OPAQUE_PORTS: readonly number[] = [2, 3, 9, 10, 11, 12, 13, 14, 16];

/** The flows by number, and an exchange of messages between web and vault (ports 40). */
export function teamFlows(): RecordFields[] {
  const flows = Object.entries(FLOWS).map(([port, fields]) => flow({ ...fields, source_port: Number(port) }));
  return flows;
}

/** web hears an answer of vault. */
export function teamMessage(): RecordFields {
  return l7Flow(HTTP_RESPONSE, { ...ends(VAULT, WEB), ...TO_VAULT, source_port: 8080, destination_port: 41 });
}

const PAIRS: readonly (readonly [source: number, destination: number, serviceId: number])[] = [
  [WEB, CART, CART_SERVICE],
  [WEB, VAULT, VAULT_SERVICE],
  [TELLER, CART, CART_SERVICE],
  [TELLER, VAULT, VAULT_SERVICE],
  [TELLER, 0, 0],
  [WEB, 0, 0],
  [HOST, VAULT, 0],
];

/** Makes an agent say all of it: names, flows, edges and series. */
export async function tellOfTeams(agent: FakeAgent): Promise<void> {
  await agent.start({}, TEAMS);
  const edges = PAIRS.map(([source, destination, serviceId], slot) => {
    const { source_endpoint, destination_endpoint, source_identity, destination_identity } = ends(source, destination);
    return {
      ids: { source_endpoint, destination_endpoint, source_identity, destination_identity } as Record<string, number>,
      slot,
      service_id: serviceId,
      peer: destination === 0 ? (ADDRESS[0] ?? '') : '',
    };
  });
  const dropped = { verdict: VERDICT.DROPPED, drop_reason: 133, service_id: 0 };
  const toVip = { slot: 50, destination_endpoint: 0, destination_identity: 2, peer: '10.96.0.6', ...dropped };
  for (const packets of [1, 5]) {
    const counted = edges.map(({ ids, ...more }) => edgeCounters(packets, { ...ids, ...more }));
    agent.send(
      KIND.counters,
      kernelCounters([...counted, edgeCounters(packets, toVip)], { problem: 'Policy bank/vault-in is not in force.' }),
    );
    const series = edges.map(({ ids, slot, service_id, peer }) =>
      l7Series(packets, 3, { ...ids, id: slot, service_id, peer }),
    );
    agent.send(KIND.l7, l7Report(series, { names: [PARTNER] }));
  }
  await agent.deliver([...teamFlows(), teamMessage()]);
}
