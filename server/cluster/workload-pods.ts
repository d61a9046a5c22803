/**
 * Pods of a workload, named as Kubernetes names them, but by hashes instead of chance: the same
 * manifest gives the same names on each start.
 */
import { createHash } from 'node:crypto';
import type { ContainerManifest, PodSpecManifest, ProbeManifest, WorkloadManifest } from './manifest-schema.ts';
import type { ContainerPlan, PodPlan, Probe } from './plan.ts';

/** Kubernetes' alphabet for generated names: no vowels, hence no words. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/** `length` letters that depend on nothing but `parts`. */
export function hashedName(length: number, ...parts: string[]): string {
  const digest = createHash('sha256').update(parts.join('\0')).digest();
  return Array.from(digest.subarray(0, length), (byte) => ALPHABET[byte % ALPHABET.length]).join('');
}

export interface Template {
  namespace: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  spec: PodSpecManifest;
}

/** The pods of a Deployment, StatefulSet or DaemonSet; throws a sentence if a probe names a port no container has. */
export function workloadPods(kind: string, namespace: string, manifest: WorkloadManifest): PodPlan[] {
  const { metadata, spec } = manifest;
  const workload = { kind, name: metadata.name };
  const hash = hashedName(9, JSON.stringify(spec.template));
  const template = { namespace, ...spec.template.metadata, spec: spec.template.spec };
  const count = kind === 'DaemonSet' ? 1 : spec.replicas;
  const used = new Set<string>();
  return Array.from({ length: count }, (_, index) => {
    if (kind === 'StatefulSet') {
      const name = `${metadata.name}-${index}`;
      return podPlan(name, template, workload, {
        'apps.kubernetes.io/pod-index': String(index),
        'statefulset.kubernetes.io/pod-name': name,
        'controller-revision-hash': hash,
      });
    }
    const base = kind === 'Deployment' ? `${metadata.name}-${hash}` : metadata.name;
    const name = unusedName(base, namespace, index, used);
    const label = kind === 'Deployment' ? 'pod-template-hash' : 'controller-revision-hash';
    return podPlan(name, template, workload, { [label]: hash });
  });
}

/** One pod from its template. */
export function podPlan(
  name: string,
  { namespace, labels, annotations, spec }: Template,
  workload: { kind: string; name: string },
  moreLabels: Record<string, string> = {},
): PodPlan {
  const containers = spec.containers.map((it) => containerPlan(it));
  const plan = {
    namespace,
    name,
    labels: { ...labels, ...moreLabels },
    annotations,
    serviceAccountName: spec.serviceAccountName,
    workload,
    restartPolicy: spec.restartPolicy,
    initContainers: spec.initContainers.map((it) => containerPlan(it)),
    containers,
    containerPorts: spec.containers.flatMap((it) => it.ports.map((port) => ({ ...port, name: port.name ?? '' }))),
  };
  return { ...plan, hash: hashedName(16, JSON.stringify(plan)) };
}

function unusedName(base: string, namespace: string, index: number, used: Set<string>): string {
  for (let attempt = 0; ; attempt++) {
    const name = `${base}-${hashedName(5, namespace, base, String(index), String(attempt))}`;
    if (used.has(name)) continue;
    used.add(name);
    return name;
  }
}

function containerPlan(manifest: ContainerManifest): ContainerPlan {
  return {
    name: manifest.name,
    argv: [...manifest.command, ...manifest.args],
    env: Object.fromEntries(manifest.env.map(({ name, value }) => [name, value])),
    workingDir: manifest.workingDir ?? null,
    capabilities: manifest.securityContext?.capabilities?.add ?? [],
    readiness: manifest.readinessProbe === undefined ? null : probePlan(manifest, manifest.readinessProbe),
  };
}

function probePlan(container: ContainerManifest, probe: ProbeManifest): Probe {
  const wanted = probe.httpGet?.port ?? probe.tcpSocket?.port ?? 0;
  const port = typeof wanted === 'number' ? wanted : container.ports.find((it) => it.name === wanted)?.containerPort;
  if (port === undefined) {
    throw new Error(
      `the readiness probe of container ${container.name} names port "${wanted}", which it does not have`,
    );
  }
  const { initialDelaySeconds, periodSeconds, timeoutSeconds, successThreshold, failureThreshold } = probe;
  return {
    kind: probe.httpGet === undefined ? 'tcp' : 'http',
    port,
    path: probe.httpGet?.path ?? '',
    initialDelaySeconds,
    periodSeconds,
    timeoutSeconds,
    successThreshold,
    failureThreshold,
  };
}
