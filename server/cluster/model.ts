/**
 * The cluster as the rest of Spyglass sees it: one in-memory model, whatever its source. Field names are
 * Kubernetes' own (API reference v1.34), reduced to what the datapath and the views use.
 */

export type Protocol = 'TCP' | 'UDP' | 'SCTP';

export interface Node {
  name: string;
  labels: Record<string, string>;
  /** Internal addresses, both families. */
  addresses: string[];
  podCIDRs: string[];
}

export interface Namespace {
  name: string;
  labels: Record<string, string>;
}

export interface Pod {
  uid: string;
  namespace: string;
  name: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  nodeName: string;
  hostNetwork: boolean;
  /** Empty until the pod has been wired. */
  podIPs: string[];
  serviceAccountName: string;
  /** The workload that owns it, `{kind: 'Pod', name}` if it stands alone. */
  workload: { kind: string; name: string };
  containerPorts: { name: string; containerPort: number; protocol: Protocol }[];
  ready: boolean;
  terminating: boolean;
  /** RFC 3339. */
  creationTimestamp: string;
}

export interface ServicePort {
  name: string;
  port: number;
  protocol: Protocol;
  targetPort: number | string;
  appProtocol: string;
  /** 0: none. */
  nodePort: number;
}

/** Whose endpoints may answer: those of the cluster, or those on the node that the traffic meets. */
export type TrafficPolicy = 'Cluster' | 'Local';

export interface Service {
  uid: string;
  namespace: string;
  name: string;
  type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
  /** Empty for headless services and those of type ExternalName. */
  clusterIPs: string[];
  externalIPs: string[];
  /** `status.loadBalancer.ingress[].ip`. */
  loadBalancerIPs: string[];
  /** CIDRs that may use `loadBalancerIPs`, empty for all. */
  loadBalancerSourceRanges: string[];
  /** The name it stands for, of type ExternalName only, else ''. */
  externalName: string;
  selector: Record<string, string> | null;
  ports: ServicePort[];
  /** How long a client stays with its backend (sessionAffinity ClientIP), 0 without affinity. */
  sessionAffinityTimeoutSeconds: number;
  internalTrafficPolicy: TrafficPolicy;
  externalTrafficPolicy: TrafficPolicy;
  /** 0: none. */
  healthCheckNodePort: number;
  publishNotReadyAddresses: boolean;
}

export interface EndpointSlice {
  namespace: string;
  name: string;
  serviceName: string;
  addressType: 'IPv4' | 'IPv6';
  /** `name` matches the service port's name. */
  ports: { name: string; port: number; protocol: Protocol; appProtocol: string }[];
  endpoints: {
    addresses: string[];
    conditions: { ready: boolean; serving: boolean; terminating: boolean };
    nodeName: string;
    /** uid of the pod behind it, '' if none. */
    targetRef: string;
  }[];
}

export interface LabelSelectorRequirement {
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  /** Empty for Exists and DoesNotExist. */
  values: string[];
}

/** All requirements must hold; without any it selects everything. */
export interface LabelSelector {
  matchLabels: Record<string, string>;
  matchExpressions: LabelSelectorRequirement[];
}

export interface IPBlock {
  cidr: string;
  except: string[];
}

/** Either `ipBlock`, or one or both selectors; what is not given is null. */
export interface NetworkPolicyPeer {
  podSelector: LabelSelector | null;
  namespaceSelector: LabelSelector | null;
  ipBlock: IPBlock | null;
}

export interface NetworkPolicyPort {
  protocol: Protocol;
  /** Number, name of a container port, or null for every port. */
  port: number | string | null;
  endPort: number | null;
}

/** Peers of a rule that lists none are all; the same for ports. */
export interface NetworkPolicyIngressRule {
  from: NetworkPolicyPeer[];
  ports: NetworkPolicyPort[];
}

export interface NetworkPolicyEgressRule {
  to: NetworkPolicyPeer[];
  ports: NetworkPolicyPort[];
}

/** networking.k8s.io/v1, with the API's defaults filled in. */
export interface NetworkPolicySpec {
  podSelector: LabelSelector;
  policyTypes: ('Ingress' | 'Egress')[];
  ingress: NetworkPolicyIngressRule[];
  egress: NetworkPolicyEgressRule[];
}

/** Valid by the rules of the Kubernetes API; network-policy.ts refuses all others. */
export interface NetworkPolicy {
  uid: string;
  namespace: string;
  name: string;
  annotations: Record<string, string>;
  spec: NetworkPolicySpec;
}

/**
 * A policy that was refused, and why; what was enforced under its name before stays in force. A folder of manifests
 * that cannot be applied is one, too, with namespace ''.
 */
export interface PolicyProblem {
  namespace: string;
  name: string;
  /** One sentence for people. */
  message: string;
}

/** Objects are never changed, only replaced: the same object means that nothing of it has changed. */
export interface ClusterState {
  nodes: Node[];
  namespaces: Namespace[];
  pods: Pod[];
  services: Service[];
  endpointSlices: EndpointSlice[];
  networkPolicies: NetworkPolicy[];
  policyProblems: PolicyProblem[];
}

/** A source of cluster state. `current` is complete once the source's factory has resolved. */
export interface ClusterSource extends AsyncDisposable {
  readonly current: ClusterState;
  /** Called after each change, with `current` already replaced. Returns the function that unsubscribes. */
  onChange(listener: (state: ClusterState) => void): () => void;
}
