/**
 * NetworkPolicy as the Kubernetes documentation describes it ("Network Policies" and the API reference of
 * networking.k8s.io/v1), asked about one connection at a time. Shares nothing with the compiler: it knows
 * pods, labels and addresses, no identities, no prefixes, no maps. For tests only.
 */
import { BlockList, isIPv6 } from 'node:net';
import type {
  IPBlock,
  LabelSelector,
  Namespace,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  Pod,
} from '../../cluster/model.ts';

/** One end of a connection: an address, with the pod that has it. */
export interface End {
  address: string;
  pod: Pod | null;
  /** It is an address of the node that runs the pods. */
  isOwnNode: boolean;
}

export interface Traffic {
  protocol: 'TCP' | 'UDP' | 'SCTP' | 'ICMP';
  /** Destination port, 0 for ICMP. */
  port: number;
}

export interface Ruling {
  verdict: 'allowed' | 'denied' | 'audit';
  /** Names of the rules that allow it, or of the policies that deny it; empty if no policy isolates. */
  by: string[];
}

const FREE: Ruling = { verdict: 'allowed', by: [] };

/** What the policies say of a connection from `source` to `destination` at its sender or its receiver. */
export function referenceRuling(
  direction: 'ingress' | 'egress',
  policies: readonly NetworkPolicy[],
  namespaces: readonly Namespace[],
  source: End,
  destination: End,
  traffic: Traffic,
): Ruling {
  const self = direction === 'ingress' ? destination : source;
  const peer = direction === 'ingress' ? source : destination;
  // Policies are for pods; those on the host's network are the node.
  if (self.pod === null || self.pod.hostNetwork) return FREE;
  // A pod cannot block access to itself, and traffic to and from its node is always allowed.
  if (peer.pod?.uid === self.pod.uid || peer.isOwnNode) return FREE;
  const type = direction === 'ingress' ? 'Ingress' : 'Egress';
  const selecting = policies.filter(
    (it) =>
      it.namespace === self.pod?.namespace &&
      it.spec.policyTypes.includes(type) &&
      holds(it.spec.podSelector, self.pod.labels),
  );
  const isStaged = (it: NetworkPolicy): boolean => it.annotations['spyglass.io/mode'] === 'audit';
  const isEnforced = selecting.some((it) => !isStaged(it));
  const isolating = isEnforced ? selecting.filter((it) => !isStaged(it)) : selecting;
  if (isolating.length === 0) return FREE;
  const allowing: string[] = [];
  for (const policy of isolating) {
    const rules =
      direction === 'ingress'
        ? policy.spec.ingress.map((it) => ({ peers: it.from, ports: it.ports }))
        : policy.spec.egress.map((it) => ({ peers: it.to, ports: it.ports }));
    for (const [i, rule] of rules.entries()) {
      const isPeer =
        rule.peers.length === 0 || rule.peers.some((it) => matchesPeer(it, policy.namespace, peer, namespaces));
      const isPort = rule.ports.length === 0 || rule.ports.some((it) => matchesPort(it, destination, traffic));
      if (isPeer && isPort) allowing.push(`${policy.namespace}/${policy.name}/${direction}/${i}`);
    }
  }
  if (allowing.length > 0) return { verdict: 'allowed', by: allowing };
  return {
    verdict: isEnforced ? 'denied' : 'audit',
    by: isolating.map((it) => `${it.namespace}/${it.name}`).toSorted(),
  };
}

function matchesPeer(
  { podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer,
  own: string,
  peer: End,
  namespaces: readonly Namespace[],
): boolean {
  if (ipBlock !== null) return inBlock(ipBlock, peer.address);
  if (peer.pod === null || peer.pod.hostNetwork) return false;
  const { namespace, labels } = peer.pod;
  const namespaceLabels = namespaces.find((it) => it.name === namespace)?.labels ?? {};
  const isNamespace = namespaceSelector === null ? namespace === own : holds(namespaceSelector, namespaceLabels);
  return isNamespace && (podSelector === null || holds(podSelector, labels));
}

function matchesPort({ protocol, port, endPort }: NetworkPolicyPort, destination: End, traffic: Traffic): boolean {
  if (traffic.protocol !== protocol) return false;
  if (port === null) return true;
  if (typeof port === 'number') return traffic.port >= port && traffic.port <= (endPort ?? port);
  // The name of a port of the pod that is spoken to.
  if (destination.pod === null || destination.pod.hostNetwork) return false;
  return destination.pod.containerPorts.some(
    (it) => it.name === port && it.protocol === protocol && it.containerPort === traffic.port,
  );
}

function holds({ matchLabels, matchExpressions }: LabelSelector, object: Record<string, string>): boolean {
  const labels = new Map(Object.entries(object));
  for (const [key, value] of Object.entries(matchLabels)) if (labels.get(key) !== value) return false;
  for (const { key, operator, values } of matchExpressions) {
    const value = labels.get(key);
    const ok = {
      In: value !== undefined && values.includes(value),
      NotIn: value === undefined || !values.includes(value),
      Exists: value !== undefined,
      DoesNotExist: value === undefined,
    }[operator];
    if (!ok) return false;
  }
  return true;
}

function inBlock({ cidr, except }: IPBlock, address: string): boolean {
  return inCidr(cidr, address) && !except.some((it) => inCidr(it, address));
}

const lists = new Map<string, BlockList>();

function inCidr(cidr: string, address: string): boolean {
  const [network = '', bits = ''] = cidr.split('/');
  if (isIPv6(network) !== isIPv6(address)) return false;
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  let list = lists.get(cidr);
  if (list === undefined) {
    list = new BlockList();
    list.addSubnet(network, Number(bits), family);
    lists.set(cidr, list);
  }
  return list.check(address, family);
}
