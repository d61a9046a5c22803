/**
 * What a folder of manifests asks for: pods with their processes, and services. Addresses, readiness
 * and everything else that comes from running it is not here but in the cluster model.
 */
import type { Namespace, NetworkPolicy, PolicyProblem, Protocol, Service } from './model.ts';

export interface Probe {
  kind: 'tcp' | 'http';
  port: number;
  /** HTTP only. */
  path: string;
  initialDelaySeconds: number;
  periodSeconds: number;
  timeoutSeconds: number;
  successThreshold: number;
  failureThreshold: number;
}

export interface ContainerPlan {
  name: string;
  /** `command` and `args` of the manifest. */
  argv: string[];
  env: Record<string, string>;
  workingDir: string | null;
  /** Capabilities beyond none, without `CAP_`. */
  capabilities: string[];
  readiness: Probe | null;
}

export interface PodPlan {
  namespace: string;
  name: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  serviceAccountName: string;
  workload: { kind: string; name: string };
  restartPolicy: 'Always' | 'OnFailure' | 'Never';
  initContainers: ContainerPlan[];
  containers: ContainerPlan[];
  containerPorts: { name: string; containerPort: number; protocol: Protocol }[];
  /** Changes with anything the running pod depends on. */
  hash: string;
}

/** A service before it has cluster IPs; `nodePort` and `healthCheckNodePort` are 0 where one is to be allocated. */
export interface ServicePlan extends Omit<Service, 'uid' | 'clusterIPs'> {
  headless: boolean;
  /** Addresses the manifest fixes, at most one a family. */
  fixedIPs: string[];
  /** Families it has addresses of, the first is the primary one; none for ExternalName. */
  families: ('IPv4' | 'IPv6')[];
  /** Its ports get node ports (types NodePort and LoadBalancer). */
  wantsNodePorts: boolean;
  wantsHealthCheckNodePort: boolean;
  /** File and line, for messages. */
  where: string;
}

export interface ManifestPlan {
  namespaces: Namespace[];
  pods: PodPlan[];
  services: ServicePlan[];
  networkPolicies: NetworkPolicy[];
  /** Policies that are refused; everything else of the plan holds without them. */
  policyProblems: PolicyProblem[];
  /** What was read but has no effect, one sentence each. */
  warnings: string[];
}
