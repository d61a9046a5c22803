/** Random small clusters with policies that use every feature, the same for the same seed. */
import type {
  ClusterState,
  LabelSelector,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  Pod,
  Protocol,
} from '../../cluster/model.ts';
import type { Attachment } from '../../cluster/attachment.ts';

export const OWN_NODE = 'n1';

const KEYS = ['app', 'tier', 'pod-template-hash', 'constructor'];
const VALUES = ['a', 'b', ''];
const PORTS = [1, 53, 80, 81, 443, 1023, 1024, 8080, 32_768, 65_535];
const PORT_NAMES = ['http', 'dns', 'web'];
const PROTOCOLS: Protocol[] = ['TCP', 'UDP', 'SCTP'];
/** Pods are in 10.1 and 10.2 (fd00:1::, fd00:2::), nodes in 10.0. */
const BLOCKS: [cidr: string, except: string[]][] = [
  ['0.0.0.0/0', ['10.0.0.0/8', '192.0.2.0/24', '10.1.0.0/28']],
  ['10.0.0.0/8', ['10.1.0.0/16', '10.2.0.4/30', '10.0.0.1/32']],
  ['10.1.0.0/16', ['10.1.0.0/29', '10.1.0.3/32', '10.1.0.128/25']],
  ['10.2.0.0/29', ['10.2.0.1/32']],
  ['10.1.0.2/32', []],
  ['192.0.2.0/24', ['192.0.2.128/25', '192.0.2.7/32']],
  ['::/0', ['fd00::/8', 'fd00:1::/64', '2001:db8::/32']],
  ['::/64', []],
  ['fd00::/16', ['fd00:1::/126', 'fd00:2::/64']],
  ['fd00:1::2/128', []],
  ['2001:db8::/32', ['2001:db8:1::/48']],
];
export const WORLD_ADDRESSES = [
  '192.0.2.7',
  '192.0.2.200',
  '203.0.113.1',
  '10.1.0.200',
  '2001:db8::1',
  '2001:db8:1::1',
  'fd00:9::1',
  '::1:2',
];

export class RandomCluster {
  readonly state: ClusterState;
  readonly attachments: Attachment[] = [];
  #seed: number;
  #pods = 0;

  constructor(seed: number) {
    this.#seed = seed;
    const namespaces = this.#some(['default', 'shop', 'lab'], 1).map((name) => ({
      name,
      labels: this.#namespaceLabels(name),
    }));
    const nodes = [OWN_NODE, 'n2'].map((name, i) => ({
      name,
      labels: {},
      addresses: [`10.0.0.${i + 1}`, `fd00:0::${i + 1}`],
      podCIDRs: [],
    }));
    const empty = { pods: [], services: [], endpointSlices: [], networkPolicies: [], policyProblems: [] };
    this.state = { nodes, namespaces, ...empty };
    for (let i = 2 + this.#below(5); i > 0; i--) this.#addPod();
    for (let i = 1 + this.#below(4); i > 0; i--) this.#addPolicy();
  }

  /** One to three changes, as a cluster makes them: new objects in place of those that change. */
  mutate(): void {
    const { state } = this;
    for (let i = 1 + this.#below(3); i > 0; i--) {
      const at = this.#below(state.pods.length);
      const pod = state.pods[at];
      switch (this.#below(7)) {
        case 0:
          this.#addPod();
          break;
        case 1:
          if (pod !== undefined && !pod.hostNetwork) {
            state.pods = state.pods.filter((it) => it !== pod);
            this.attachments.splice(0, Infinity, ...this.attachments.filter((it) => it.podUid !== pod.uid));
          }
          break;
        case 2:
          if (pod !== undefined) state.pods = state.pods.with(at, { ...pod, labels: this.#labels() });
          break;
        case 3:
          state.namespaces = state.namespaces.map((it) => ({ ...it, labels: this.#namespaceLabels(it.name) }));
          break;
        case 4:
          state.networkPolicies = state.networkPolicies.slice(1);
          break;
        case 5:
          // As a source that reads everything anew.
          Object.assign(state, structuredClone(state));
          break;
        default:
          this.#addPolicy();
      }
    }
  }

  /** Ports at the edges of what policies name, and some that pods have a name for. */
  probes(): number[] {
    const named = this.state.pods.flatMap((it) => it.containerPorts.map((port) => port.containerPort));
    const edges = Array.from({ length: 3 }, () => this.#pick(PORTS) + this.#pick([0, 0, 0, 1, -1]));
    const ports = [...edges, ...(named.length > 0 ? [this.#pick(named), this.#pick(named)] : [])];
    return [...new Set(ports.map((port) => Math.min(65_535, Math.max(1, port))))];
  }

  #addPod(): void {
    const n = ++this.#pods;
    const hostNetwork = this.#below(8) === 0;
    const nodeName = this.#pick([OWN_NODE, OWN_NODE, 'n2']);
    const net = nodeName === OWN_NODE ? 1 : 2;
    const own = [`10.${net}.0.${n}`, ...(this.#below(4) === 0 ? [] : [`fd00:${net}::${n}`])];
    const node = this.state.nodes.find((it) => it.name === nodeName);
    const pod: Pod = {
      uid: `pod-${n}`,
      namespace: this.#pick(this.state.namespaces).name,
      name: `pod-${n}`,
      labels: this.#labels(),
      annotations: {},
      nodeName,
      hostNetwork,
      podIPs: hostNetwork ? (node?.addresses ?? []) : own,
      serviceAccountName: 'default',
      workload: { kind: 'Pod', name: `pod-${n}` },
      containerPorts: this.#some(PORT_NAMES, 0).map((name) => ({
        name,
        containerPort: this.#pick(PORTS),
        protocol: this.#pick(PROTOCOLS.slice(0, 2)),
      })),
      ready: true,
      terminating: false,
      creationTimestamp: '2026-01-01T00:00:00Z',
    };
    this.state.pods = [...this.state.pods, pod];
    if (hostNetwork || nodeName !== OWN_NODE) return;
    this.attachments.push({
      podUid: pod.uid,
      namespace: pod.namespace,
      name: pod.name,
      endpointId: 15 + n,
      netns: pod.name,
      hostInterface: `sg${n}`,
      hostIfindex: 100 + n,
      hostMac: '02:00:00:00:00:01',
      podMac: '02:00:00:00:00:02',
      addresses: own,
    });
  }

  #addPolicy(): void {
    const namespace = this.#pick(this.state.namespaces).name;
    const name = `p${this.#below(6)}`;
    const rules = (): { peers: NetworkPolicyPeer[]; ports: NetworkPolicyPort[] }[] =>
      Array.from({ length: this.#below(3) }, () => ({
        peers: Array.from({ length: this.#below(3) }, () => this.#peer()),
        ports: Array.from({ length: this.#below(3) }, () => this.#port()),
      }));
    const policy: NetworkPolicy = {
      uid: name,
      namespace,
      name,
      annotations: this.#below(4) === 0 ? { 'spyglass.io/mode': 'audit' } : {},
      spec: {
        podSelector: this.#selector(KEYS),
        policyTypes: this.#some(['Ingress', 'Egress'] as const, 1),
        ingress: rules().map(({ peers, ports }) => ({ from: peers, ports })),
        egress: rules().map(({ peers, ports }) => ({ to: peers, ports })),
      },
    };
    const others = this.state.networkPolicies.filter((it) => it.namespace !== namespace || it.name !== name);
    this.state.networkPolicies = [...others, policy];
  }

  #peer(): NetworkPolicyPeer {
    const none = { podSelector: null, namespaceSelector: null, ipBlock: null };
    switch (this.#below(5)) {
      case 0:
        return { ...none, podSelector: this.#selector(KEYS) };
      case 1:
        return { ...none, namespaceSelector: this.#selector(['kubernetes.io/metadata.name', 'team']) };
      case 2:
        return {
          ...none,
          podSelector: this.#selector(KEYS),
          namespaceSelector: this.#selector(['kubernetes.io/metadata.name', 'team']),
        };
      default: {
        const [cidr, parts] = this.#pick(BLOCKS);
        return { ...none, ipBlock: { cidr, except: this.#some(parts, 0) } };
      }
    }
  }

  #port(): NetworkPolicyPort {
    const protocol = this.#pick(['TCP', 'TCP', 'UDP', 'SCTP'] as const);
    switch (this.#below(4)) {
      case 0:
        return { protocol, port: null, endPort: null };
      case 1:
        return { protocol, port: this.#pick(PORT_NAMES), endPort: null };
      case 2: {
        const [a, b] = [this.#pick(PORTS), this.#pick(PORTS)];
        return { protocol, port: Math.min(a, b), endPort: Math.max(a, b) };
      }
      default:
        return { protocol, port: this.#pick(PORTS), endPort: null };
    }
  }

  #selector(keys: readonly string[]): LabelSelector {
    const values = keys === KEYS ? VALUES : ['shop', 'lab', 'a'];
    const matchLabels = this.#below(3) === 0 ? { [this.#pick(keys)]: this.#pick(values) } : {};
    const matchExpressions = Array.from({ length: Math.max(0, this.#below(4) - 1) }, () => {
      const operator = this.#pick(['In', 'NotIn', 'Exists', 'DoesNotExist'] as const);
      return {
        key: this.#pick(keys),
        operator,
        values: operator === 'In' || operator === 'NotIn' ? this.#some(values, 1) : [],
      };
    });
    return { matchLabels, matchExpressions };
  }

  #labels(): Record<string, string> {
    return Object.fromEntries(this.#some(KEYS, 0).map((key) => [key, this.#pick(VALUES)]));
  }

  #namespaceLabels(name: string): Record<string, string> {
    const team = this.#below(2) === 0 ? {} : { team: this.#pick(['a', 'lab']) };
    return { 'kubernetes.io/metadata.name': name, ...team };
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)] as T;
  }

  /** At least `least` of the list. */
  #some<T>(list: readonly T[], least: number): T[] {
    const chosen = list.filter(() => this.#below(2) === 0);
    return chosen.length >= least ? chosen : [this.#pick(list)];
  }

  /** A number from 0 to `limit` - 1 (mulberry32). */
  #below(limit: number): number {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * limit);
  }
}
