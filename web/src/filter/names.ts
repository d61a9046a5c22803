/** The names a filter may have, as the API spells them, and which of their values are known beforehand. */
import { DROP_REASON, VERDICT } from '../../../server/wire/lists.gen.ts';

const END_NAMES = ['namespace', 'pod', 'workload', 'service', 'ip', 'port', 'identity'] as const;

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
];

/** The map counts edges, which know neither addresses of pods nor single packets. */
const NOT_ON_MAP: ReadonlySet<string> = new Set([
  'ip',
  'from-ip',
  'to-ip',
  'from-port',
  'traffic-direction',
  'type',
  'reply',
]);

export function isOnMap(name: string): boolean {
  return !NOT_ON_MAP.has(name.replace(/^not\./, ''));
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
  protocol: ['tcp', 'udp', 'sctp', 'icmp', 'icmpv4', 'icmpv6'],
  'traffic-direction': ['ingress', 'egress'],
  reply: ['true', 'false'],
};

/** As the page writes it: `from-pod` is `from`, `drop-reason` is `drop.reason`. */
export function shownName(name: string): string {
  const short = Object.entries(SHORT_FORMS).find(([, full]) => full === name)?.[0];
  return short ?? name.replaceAll('-', '.');
}
