/** The names a filter may have, as the API spells them, and which of their values are known beforehand. */
import { L7_PROTOCOLS } from '../../../server/wire/l7.ts';
import { DROP_REASON, VERDICT } from '../../../server/wire/lists.gen.ts';

const END_NAMES = ['namespace', 'pod', 'workload', 'service', 'ip', 'fqdn', 'port', 'identity'] as const;
/** What asks of messages of applications. */
const MESSAGE_NAMES = ['http-status', 'http-method', 'http-path', 'http-url', 'http-header', 'dns-query', 'trace-id'];

export const FILTER_NAMES: readonly string[] = [
  ...END_NAMES,
  ...END_NAMES.flatMap((name) => [`from-${name}`, `to-${name}`]),
  'protocol',
  'verdict',
  'drop-reason',
  'traffic-direction',
  'type',
  'reply',
  'node-name',
  ...MESSAGE_NAMES,
];

const TRANSPORTS = ['tcp', 'udp', 'sctp', 'icmp', 'icmpv4', 'icmpv6'];

/** The map counts edges, which know neither addresses of pods nor single packets and messages. */
const NOT_ON_MAP: ReadonlySet<string> = new Set([
  'ip',
  'from-ip',
  'to-ip',
  'from-port',
  'traffic-direction',
  'type',
  'reply',
  ...MESSAGE_NAMES,
]);

/** Whether the map can be asked for it; edges have no application's protocol either. */
export function isOnMap(name: string, values: readonly string[]): boolean {
  const plain = name.replace(/^not\./, '');
  if (plain === 'protocol') return values.every((value) => TRANSPORTS.includes(value.toLowerCase()));
  return !NOT_ON_MAP.has(plain);
}

export const SHORT_FORMS: Readonly<Record<string, string>> = {
  ns: 'namespace',
  from: 'from-pod',
  to: 'to-pod',
  proto: 'protocol',
};

const lower = (names: readonly string[]): string[] => names.map((name) => name.toLowerCase());

/** Values that a name is limited to, lower case; a name that is not here takes any. */
export const KNOWN_VALUES: Readonly<Record<string, readonly string[]>> = {
  verdict: lower(Object.keys(VERDICT)),
  'drop-reason': lower(Object.keys(DROP_REASON)),
  protocol: [...TRANSPORTS, ...L7_PROTOCOLS],
  'traffic-direction': ['ingress', 'egress'],
  reply: ['true', 'false'],
};

/** As the page writes it: `from-pod` is `from`, `drop-reason` is `drop.reason`. */
export function shownName(name: string): string {
  const short = Object.entries(SHORT_FORMS).find(([, full]) => full === name)?.[0];
  return short ?? name.replaceAll('-', '.');
}
