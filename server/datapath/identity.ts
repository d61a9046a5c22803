/**
 * Identities: pods with the same security-relevant labels and the same named ports share one number. The
 * labels are written as Hubble writes them, so that its clients can filter by them.
 */
import type { Namespace, Pod, Protocol } from '../cluster/model.ts';
import { FIRST_CIDR_IDENTITY } from '../kernel/layouts.gen.ts';
import type { IdentityEntry } from '../wire/agent.ts';
import { IDENTITY, IDENTITY_NAME } from '../wire/lists.gen.ts';

/** Lowest and highest number of a workload identity; below are Hubble's reserved ones, above the blocks. */
export const FIRST_IDENTITY = 256;
export const LAST_IDENTITY = FIRST_CIDR_IDENTITY - 1;

/**
 * Labels that change with every rollout or replica: not part of who a pod is, as in Cilium's defaults,
 * unless a policy selects by them.
 */
export const TRANSIENT_LABELS: ReadonlySet<string> = new Set([
  'pod-template-hash',
  'controller-revision-hash',
  'pod-template-generation',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
]);

export interface NamedPort {
  name: string;
  protocol: Protocol;
  port: number;
}

/** What all pods of one identity have in common, and policies may ask about. */
export interface Workload {
  identity: number;
  namespace: string;
  /** Of the pods, without the transient ones that no policy names. */
  labels: Readonly<Record<string, string>>;
  namespaceLabels: Readonly<Record<string, string>>;
  ports: readonly NamedPort[];
  entry: IdentityEntry;
}

/**
 * The identity's key and everything but its number. `named`: transient labels that policies select by.
 * Named ports belong to the key, so that what a port name means depends on the identity alone.
 */
export function workloadOf(
  pod: Pod,
  namespace: Namespace | undefined,
  named: ReadonlySet<string>,
): { key: string; workload: Omit<Workload, 'identity' | 'entry'>; labels: string[] } {
  const own = Object.entries(pod.labels).filter(([key]) => !TRANSIENT_LABELS.has(key) || named.has(key));
  const ports = pod.containerPorts
    .filter((it) => it.name !== '')
    .map(({ name, protocol, containerPort }) => ({ name, protocol, port: containerPort }))
    .toSorted((a, b) => compare(a.name, b.name) || compare(a.protocol, b.protocol) || a.port - b.port);
  const namespaceLabels = namespace?.labels ?? {};
  const labels = hubbleLabels(own, pod, namespaceLabels);
  const key = JSON.stringify([labels, ...ports.map((it) => `${it.name}/${it.protocol}/${it.port}`)]);
  return {
    key,
    workload: { namespace: pod.namespace, labels: Object.fromEntries(own), namespaceLabels, ports },
    labels,
  };
}

/** Sorted labels `k8s:key=value` of a pod: its own, its namespace's, its service account. */
function hubbleLabels(own: [string, string][], pod: Pod, namespaceLabels: Record<string, string>): string[] {
  const labels = own.map(([key, value]) => `k8s:${key}=${value}`);
  labels.push(`k8s:io.kubernetes.pod.namespace=${pod.namespace}`);
  labels.push(`k8s:io.cilium.k8s.policy.serviceaccount=${pod.serviceAccountName}`);
  for (const [key, value] of Object.entries(namespaceLabels)) {
    labels.push(`k8s:io.cilium.k8s.namespace.labels.${key}=${value}`);
  }
  return labels.toSorted();
}

/** Labels of the reserved identities, as Hubble has them. */
export function reservedLabels(identity: number): string[] {
  const name = IDENTITY_NAME[identity]?.toLowerCase().replaceAll('_', '-') ?? 'unknown';
  return identity === IDENTITY.KUBE_APISERVER ? [`reserved:${name}`, 'reserved:remote-node'] : [`reserved:${name}`];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
