/** What the benchmark compares: each variant has namespaces of its own, made once and used in every round. */
import { iptablesRules } from './kube-proxy-iptables.ts';
import { nftablesRules } from './kube-proxy-nftables.ts';
import { BACKEND_PORT, benchServices, countServices } from '../lib/services.ts';
import { createTopology, inNamespace, type Topology } from '../lib/topology.ts';

export interface Variant {
  /** Key of its figures. */
  name: string;
  /** As the table shows it. */
  label: string;
  topology: Topology;
  /** What the client connects to. */
  target: { address: string; port: number };
  /** Called at the end, before the namespaces go. */
  close?(): void;
}

/** The node forwards by its routes; the client knows the server's own address. */
export async function plainVariant(): Promise<Variant> {
  const topology = await createTopology('plain');
  const target = { address: topology.server.addresses[0], port: BACKEND_PORT };
  return { name: 'plain', label: 'plain routed veth', topology, target };
}

/** `place` is where the measured Service stands in the list of rules. */
export async function iptablesVariant(count: number, place: 'middle' | 'last'): Promise<Variant> {
  const topology = await createTopology(`ipt${count}${place[0]}`);
  const { services, measured } = benchServices(count, topology.server.addresses[0], place);
  await inNamespace(topology.node, 'iptables-legacy-restore', [], iptablesRules(services));
  const label = `iptables, ${countServices(count)}${count === 1 ? '' : `, ${place}`}`;
  const target = { address: measured.clusterIP, port: measured.port };
  return { name: `iptables-${count}-${place}`, label, topology, target };
}

export async function nftablesVariant(count: number): Promise<Variant> {
  const topology = await createTopology(`nft${count}`);
  const { services, measured } = benchServices(count, topology.server.addresses[0]);
  await inNamespace(topology.node, 'nft', ['-f', '-'], nftablesRules(services));
  const target = { address: measured.clusterIP, port: measured.port };
  return { name: `nftables-${count}`, label: `nftables, ${countServices(count)}`, topology, target };
}
