/**
 * A NetworkPolicy read once: selectors as tests, blocks as numbers, ports as places of the policy map.
 * Nothing here depends on pods, so it is kept for as long as the policy does not change.
 */
import { type AddressBlock, parseBlock } from '../cluster/address-block.ts';
import type {
  IPBlock,
  LabelSelector,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  Protocol,
} from '../cluster/model.ts';
import { AUDIT_MODE, MODE_ANNOTATION } from '../cluster/network-policy.ts';
import { TRANSIENT_LABELS, type Workload } from './identity.ts';
import { selectorKeys, selectorTest } from './label-selector.ts';
import { ANY_PORT, ANY_TRAFFIC, type PolicyDirection, portRange, trafficCode } from './policy-entry.ts';

/** A set of pods; selectors that mean the same have the same key. */
export interface PodPeer {
  kind: 'pods';
  key: string;
  /** The one namespace it can match in, null for any. */
  namespace: string | null;
  matches: (workload: Workload) => boolean;
}

export interface BlockPeer {
  kind: 'block';
  block: AddressBlock;
  except: AddressBlock[];
}

export interface PortName {
  name: string;
  protocol: Protocol;
}

export interface PreparedRule {
  direction: PolicyDirection;
  index: number;
  /** What its number is drawn for. */
  key: string;
  /** None: any peer. */
  peers: (PodPeer | BlockPeer)[];
  /** Protocol and port parts of codes. */
  traffic: number[];
  /** Ports that are only known by name. */
  names: PortName[];
}

export interface PreparedPolicy {
  policy: NetworkPolicy;
  /** Audit mode: it neither isolates nor allows. */
  staged: boolean;
  selects: (workload: Workload) => boolean;
  /** Null for a direction in which it does not isolate. */
  rules: Record<PolicyDirection, PreparedRule[] | null>;
  /** All of its blocks and excepted parts. */
  blocks: AddressBlock[];
  /** Transient labels that it selects by. */
  transient: string[];
}

export function preparePolicy(policy: NetworkPolicy): PreparedPolicy {
  const { namespace, spec } = policy;
  const test = selectorTest(spec.podSelector);
  const rulesOf = (
    direction: PolicyDirection,
    list: { peers: NetworkPolicyPeer[]; ports: NetworkPolicyPort[] }[],
  ): PreparedRule[] =>
    list.map(({ peers, ports }, index) => ({
      direction,
      index,
      key: `${namespace}/${policy.name}/${direction}/${index}`,
      peers: peers.map((it) => preparePeer(it, namespace)),
      ...preparePorts(ports),
    }));
  const ingress = spec.ingress.map(({ from, ports }) => ({ peers: from, ports }));
  const egress = spec.egress.map(({ to, ports }) => ({ peers: to, ports }));
  const rules = {
    ingress: spec.policyTypes.includes('Ingress') ? rulesOf('ingress', ingress) : null,
    egress: spec.policyTypes.includes('Egress') ? rulesOf('egress', egress) : null,
  };
  const peers = [...(rules.ingress ?? []), ...(rules.egress ?? [])].flatMap((it) => it.peers);
  const podSelectors = [...ingress, ...egress].flatMap((it) => it.peers.map((peer) => peer.podSelector));
  const keys = [spec.podSelector, ...podSelectors].flatMap((it) => (it === null ? [] : selectorKeys(it)));
  return {
    policy,
    staged: policy.annotations[MODE_ANNOTATION] === AUDIT_MODE,
    selects: (workload) => workload.namespace === namespace && test(workload.labels),
    rules,
    blocks: peers.flatMap((it) => (it.kind === 'block' ? [it.block, ...it.except] : [])),
    transient: [...new Set(keys)].filter((it) => TRANSIENT_LABELS.has(it)),
  };
}

function preparePeer({ podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer, own: string): PodPeer | BlockPeer {
  if (ipBlock !== null) return prepareBlock(ipBlock);
  const isPod = testOrAll(podSelector);
  const isNamespace = testOrAll(namespaceSelector);
  // A podSelector alone means pods of the policy's own namespace; a namespaceSelector alone, all pods in it.
  const namespace = namespaceSelector === null ? own : null;
  return {
    kind: 'pods',
    key: JSON.stringify([namespace, podSelector, namespaceSelector]),
    namespace,
    matches: (it) =>
      (namespace === null || it.namespace === namespace) && isNamespace(it.namespaceLabels) && isPod(it.labels),
  };
}

function testOrAll(selector: LabelSelector | null): (labels: Readonly<Record<string, string>>) => boolean {
  return selector === null ? () => true : selectorTest(selector);
}

function prepareBlock({ cidr, except }: IPBlock): BlockPeer {
  return { kind: 'block', block: readBlock(cidr), except: except.map(readBlock) };
}

function readBlock(text: string): AddressBlock {
  const block = parseBlock(text);
  if (block === null) throw new Error(`a policy of the model has the block ${text}, which validation refuses`);
  return block;
}

function preparePorts(ports: readonly NetworkPolicyPort[]): Pick<PreparedRule, 'traffic' | 'names'> {
  if (ports.length === 0) return { traffic: [ANY_TRAFFIC], names: [] };
  const traffic: number[] = [];
  const names: PortName[] = [];
  for (const { protocol, port, endPort } of ports) {
    if (port === null) traffic.push(trafficCode(protocol, ANY_PORT));
    else if (typeof port === 'string') names.push({ name: port, protocol });
    else for (const place of portRange(port, endPort ?? port)) traffic.push(trafficCode(protocol, place));
  }
  return { traffic, names };
}
