/**
 * Identities: pods with the same security-relevant labels share one number. The labels are written as
 * Hubble writes them, so that its clients can filter by them.
 */
import type { Namespace, Pod } from '../cluster/model.ts';
import { IDENTITY, IDENTITY_NAME } from '../wire/lists.gen.ts';

/** Lowest number of a workload identity; below it are Hubble's reserved ones. */
export const FIRST_IDENTITY = 256;

/** Labels that change with every rollout or replica: not part of who a pod is, as in Cilium's defaults. */
const TRANSIENT_LABELS = new Set([
  'pod-template-hash',
  'controller-revision-hash',
  'pod-template-generation',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
]);

/** Sorted labels `k8s:key=value` of a pod: its own, its namespace's, its service account. */
export function identityLabels(pod: Pod, namespace: Namespace | undefined): string[] {
  const labels = Object.entries(pod.labels)
    .filter(([key]) => !TRANSIENT_LABELS.has(key))
    .map(([key, value]) => `k8s:${key}=${value}`);
  labels.push(`k8s:io.kubernetes.pod.namespace=${pod.namespace}`);
  labels.push(`k8s:io.cilium.k8s.policy.serviceaccount=${pod.serviceAccountName}`);
  for (const [key, value] of Object.entries(namespace?.labels ?? {})) {
    labels.push(`k8s:io.cilium.k8s.namespace.labels.${key}=${value}`);
  }
  return labels.toSorted();
}

/** Labels of the reserved identities, as Hubble has them. */
export function reservedLabels(identity: number): string[] {
  const name = IDENTITY_NAME[identity]?.toLowerCase().replaceAll('_', '-') ?? 'unknown';
  return identity === IDENTITY.KUBE_APISERVER ? [`reserved:${name}`, 'reserved:remote-node'] : [`reserved:${name}`];
}
