/**
 * A ruleset of the shape kube-proxy's nftables mode writes for ClusterIP Services: one verdict map from
 * (address, protocol, port) to the Service's chain, a random choice among endpoint chains, DNAT there.
 */
import type { BenchService } from '../lib/services.ts';

const PODS = '10.42.0.0/24';

const serviceChain = (index: number) => `service-${String(index).padStart(8, '0')}-bench/service-${index}/tcp/http`;
const endpointChain = ({ index, backend, backendPort }: BenchService) =>
  `endpoint-${String(index).padStart(8, '0')}-bench/service-${index}/tcp/http__${backend}/${backendPort}`;

function serviceChains(service: BenchService): string[] {
  const { index, clusterIP, port, backend, backendPort } = service;
  return [
    `chain ${endpointChain(service)} {`,
    `  ip saddr ${backend} jump mark-for-masquerade`,
    `  meta l4proto tcp dnat to ${backend}:${backendPort}`,
    '}',
    `chain ${serviceChain(index)} {`,
    `  ip daddr ${clusterIP} tcp dport ${port} ip saddr != ${PODS} jump mark-for-masquerade`,
    `  numgen random mod 1 vmap { 0 : goto ${endpointChain(service)} }`,
    '}',
  ];
}

/** Input for `nft -f`. */
export function nftablesRules(services: readonly BenchService[]): string {
  return [
    'table ip kube-proxy {',
    'set cluster-ips {',
    '  type ipv4_addr',
    `  elements = { ${services.map(({ clusterIP }) => clusterIP).join(', ')} }`,
    '}',
    'map no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict; }',
    'chain mark-for-masquerade { meta mark set meta mark or 0x4000; }',
    'chain masquerading {',
    '  meta mark and 0x4000 == 0 return',
    '  meta mark set meta mark xor 0x4000',
    '  masquerade fully-random',
    '}',
    ...services.flatMap(serviceChains),
    'map service-ips {',
    '  type ipv4_addr . inet_proto . inet_service : verdict',
    `  elements = { ${services
      .map(({ index, clusterIP, port }) => `${clusterIP} . tcp . ${port} : goto ${serviceChain(index)}`)
      .join(', ')} }`,
    '}',
    'chain services { ip daddr . meta l4proto . th dport vmap @service-ips; }',
    'chain service-endpoints-check { ip daddr . meta l4proto . th dport vmap @no-endpoint-services; }',
    'chain cluster-ips-check {',
    '  ip daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"',
    '}',
    'chain filter-forward {',
    '  type filter hook forward priority -110; policy accept;',
    '  ct state new jump service-endpoints-check',
    '  ct state new jump cluster-ips-check',
    '}',
    'chain nat-prerouting { type nat hook prerouting priority -100; policy accept; jump services; }',
    'chain nat-output { type nat hook output priority -100; policy accept; jump services; }',
    'chain nat-postrouting { type nat hook postrouting priority 100; policy accept; jump masquerading; }',
    '}',
    '',
  ].join('\n');
}
