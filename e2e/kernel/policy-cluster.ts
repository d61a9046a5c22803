/**
 * The cluster of the policy matrix: nine pods in three namespaces, and who else pods speak with. Sets policies and labels
 * for a case, and asks the reference evaluator what it thinks of a probe.
 *
 *     namespace  labels               pods a, b, c of each: pod=a|b|c, and
 *     x          team=red env=prod    a  role=web  ports web 80/TCP, dns 53/UDP
 *     y          team=blue env=prod   b  role=db   ports web 81/TCP
 *     z          env=test             c            none with a name
 */
import { planFrom } from '../../server/cluster/manifests.ts';
import type { NetworkPolicy, Pod } from '../../server/cluster/model.ts';
import { type End, referenceRuling } from '../../server/datapath/testing/policy-reference.ts';
import type { Place, Probe } from './matrix.ts';
import { podModel, WORLD, World } from './world.ts';

type Labels = Record<string, string>;

const NAMESPACES: Record<string, Labels> = {
  x: { team: 'red', env: 'prod' },
  y: { team: 'blue', env: 'prod' },
  z: { env: 'test' },
};
const POD_LABELS: Record<string, Labels> = {
  a: { pod: 'a', role: 'web' },
  b: { pod: 'b', role: 'db' },
  c: { pod: 'c' },
};
const CONTAINER_PORTS: Record<string, Pod['containerPorts']> = {
  a: [
    { name: 'web', containerPort: 80, protocol: 'TCP' },
    { name: 'dns', containerPort: 53, protocol: 'UDP' },
  ],
  b: [{ name: 'web', containerPort: 81, protocol: 'TCP' }],
};

export const PODS = Object.keys(NAMESPACES).flatMap((namespace) => ['a', 'b', 'c'].map((pod) => `${namespace}-${pod}`));
export const PORTS = [80, 81, 53];

/** Another node, with a pod x/remote on its network. */
const REMOTE = { v4: '192.0.2.4', v6: '2001:db8::4' };

/** The service x/svc: port 80, TCP and UDP, is port 81 of the pod x-a. */
const SERVICE = { v4: '10.96.0.10', v6: 'fd96::10', port: 80, pod: 'x-a', targetPort: 81 };

/** The node, two addresses of the world, another node, and a service. A pod x/host is on the node's network. */
export const PLACES: Place[] = [
  { name: 'host', runsAt: 'host', addresses: { IPv4: '10.42.0.1', IPv6: 'fd42::1' } },
  { name: 'world', runsAt: 'world', addresses: { IPv4: WORLD.v4, IPv6: WORLD.v6 } },
  { name: 'world2', runsAt: 'world', addresses: { IPv4: WORLD.otherV4, IPv6: WORLD.otherV6 } },
  { name: 'remote', runsAt: 'world', addresses: { IPv4: REMOTE.v4, IPv6: REMOTE.v6 } },
  { name: 'svc', runsAt: null, addresses: { IPv4: SERVICE.v4, IPv6: SERVICE.v6 }, ports: [SERVICE.port] },
];

export const ENDS = { pods: PODS, places: PLACES.map((it) => it.name) };

/** What a case changes in the labels of pods and namespaces: all labels of those it names. */
export interface LabelChange {
  pods?: Record<string, Labels>;
  namespaces?: Record<string, Labels>;
}

export class PolicyCluster implements AsyncDisposable {
  readonly world: World;

  private constructor(world: World) {
    this.world = world;
  }

  static async create(): Promise<PolicyCluster> {
    const world = await World.create();
    for (const namespace of Object.keys(NAMESPACES))
      await world.addPodsIn(namespace, ...PODS.filter((it) => it.startsWith(namespace)));
    world.addWorld();
    addRemoteNode(world);
    const { v4, v6, port, pod, targetPort } = SERVICE;
    for (const protocol of ['TCP', 'UDP'] as const)
      world.setService(`svc-${protocol.toLowerCase()}`, [v4, v6], port, targetPort, protocol, [pod]);
    return new PolicyCluster(world);
  }

  /** Puts these policies in force, with the usual labels or changed ones; see readPolicies. */
  set(policies: readonly string[], { pods = {}, namespaces = {} }: LabelChange = {}): void {
    const { state } = this.world;
    state.namespaces = Object.entries({ ...NAMESPACES, ...namespaces }).map(([name, labels]) => ({
      name,
      labels: { ...labels, 'kubernetes.io/metadata.name': name },
    }));
    state.pods = state.pods.map((pod) => {
      const kind = pod.name.slice(-1);
      const labels = pods[pod.name] ?? POD_LABELS[kind];
      return pod.hostNetwork ? pod : { ...pod, labels: labels ?? {}, containerPorts: CONTAINER_PORTS[kind] ?? [] };
    });
    state.networkPolicies = readPolicies(policies);
    this.world.apply();
  }

  /** Whether the reference evaluator says that a probe passes. */
  referenceAllows(probe: Probe): boolean {
    const { networkPolicies, namespaces } = this.world.state;
    const isService = probe.to === 'svc';
    const source = this.#end(probe.from, probe.family);
    const destination = this.#end(isService ? SERVICE.pod : probe.to, probe.family);
    const traffic = {
      protocol: probe.protocol === 'tcp' ? 'TCP' : 'UDP',
      port: isService ? SERVICE.targetPort : probe.port,
    } as const;
    return (['egress', 'ingress'] as const).every(
      (direction) =>
        referenceRuling(direction, networkPolicies, namespaces, source, destination, traffic).verdict !== 'denied',
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
  }

  #end(name: string, family: Probe['family']): End {
    const place = PLACES.find((it) => it.name === name);
    const pod = this.world.state.pods.find((it) => it.name === name) ?? null;
    const address = place?.addresses[family] ?? (family === 'IPv4' ? this.world.v4(name) : this.world.v6(name));
    return { address, pod, isOwnNode: name === 'host' };
  }
}

/**
 * Reads policies written as `NAMESPACE [audit] SPEC`, SPEC in YAML's flow style.
 * @throws Error if one is none that the Kubernetes API would take.
 */
export function readPolicies(policies: readonly string[]): NetworkPolicy[] {
  const documents = policies.map((it, i) => {
    const [, namespace, audit, spec] = /^(\w+) (audit )?(\{.*\})$/s.exec(it) ?? [];
    if (namespace === undefined) throw new Error(`"${it}" must be like "NAMESPACE [audit] {SPEC}"`);
    const annotations = audit === undefined ? '{}' : '{spyglass.io/mode: audit}';
    return `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: policy-${i}, namespace: ${namespace}, annotations: ${annotations}}
spec: ${spec}
`;
  });
  const namespaces = Object.keys(NAMESPACES).map((it) => `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${it}}\n`);
  const plan = planFrom([{ name: 'policies.yaml', text: [...namespaces, ...documents].join('---\n') }]);
  if (plan.policyProblems.length > 0) throw new Error(plan.policyProblems.map((it) => it.message).join('; '));
  return plan.networkPolicies;
}

/** Pods on the network of a node share its addresses, and their labels are nobody's peer. */
function addRemoteNode(world: World): void {
  const { nodes, pods } = world.state;
  nodes.push({ name: 'remote', labels: {}, addresses: [REMOTE.v4, REMOTE.v6], podCIDRs: [] });
  const [at] = world.pods.values();
  if (at === undefined) throw new Error('the cluster has no pod');
  for (const [name, nodeName, podIPs] of [
    ['remote', 'remote', [REMOTE.v4, REMOTE.v6]],
    ['host', world.node.name, [...world.node.addresses]],
  ] as const)
    pods.push({
      ...podModel(name, at, nodeName),
      labels: { pod: 'a', role: 'web' },
      hostNetwork: true,
      podIPs: [...podIPs],
    });
  world.exec('world', 'ip', 'address', 'add', `${REMOTE.v4}/24`, 'dev', 'eth0');
  world.exec('world', 'ip', 'address', 'add', `${REMOTE.v6}/64`, 'dev', 'eth0', 'nodad');
  // The world knows the way to the pods: what it sends them comes from its own addresses.
  world.exec('world', 'ip', 'route', 'add', '10.42.0.0/24', 'via', '192.0.2.1');
  world.exec('world', 'ip', 'route', 'add', 'fd42::/64', 'via', '2001:db8::1');
  world.apply();
}
