/**
 * Rules of the shape kube-proxy's iptables mode writes for ClusterIP Services: one rule per Service in
 * KUBE-SERVICES, a chain per Service and a chain per endpoint, hairpin and off-cluster masquerade marks,
 * and the forwarding rules that need connection tracking.
 */
import type { BenchService } from '../lib/services.ts';

const PODS = '10.42.0.0/24';

/** Chain names have the length of kube-proxy's: a prefix and 16 characters. */
const chain = (prefix: string, index: number) => `KUBE-${prefix}-${String(index).padStart(16, '0')}`;

function serviceRules({ index, clusterIP, port, backend, backendPort }: BenchService): string[] {
  const service = chain('SVC', index);
  const endpoint = chain('SEP', index);
  const name = `bench/service-${index}:http`;
  const match = `-d ${clusterIP}/32 -p tcp -m comment --comment "${name} cluster IP" -m tcp --dport ${port}`;
  return [
    `-A KUBE-SERVICES ${match} -j ${service}`,
    `-A ${service} ! -s ${PODS} ${match} -j KUBE-MARK-MASQ`,
    `-A ${service} -m comment --comment "${name} -> ${backend}:${backendPort}" -j ${endpoint}`,
    `-A ${endpoint} -s ${backend}/32 -m comment --comment "${name}" -j KUBE-MARK-MASQ`,
    `-A ${endpoint} -p tcp -m comment --comment "${name}" -m tcp -j DNAT --to-destination ${backend}:${backendPort}`,
  ];
}

/** Input for iptables-restore. */
export function iptablesRules(services: readonly BenchService[]): string {
  return [
    '*filter',
    ':KUBE-FORWARD - [0:0]',
    ':KUBE-PROXY-FIREWALL - [0:0]',
    ':KUBE-SERVICES - [0:0]',
    '-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL',
    '-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD',
    '-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP',
    '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT',
    '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    'COMMIT',
    '*nat',
    ':KUBE-MARK-MASQ - [0:0]',
    ':KUBE-NODEPORTS - [0:0]',
    ':KUBE-POSTROUTING - [0:0]',
    ':KUBE-SERVICES - [0:0]',
    ...services.flatMap(({ index }) => [`:${chain('SVC', index)} - [0:0]`, `:${chain('SEP', index)} - [0:0]`]),
    '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
    '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000',
    '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
    '-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0',
    '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
    ...services.flatMap(serviceRules),
    '-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
    'COMMIT',
    '',
  ].join('\n');
}
