/** What `/api/v1/policies` and `/api/v1/policies/NAMESPACE/NAME` answer. */

/** How often something decided, as far as records tell; rates of events are limited, counters of edges are not. */
export interface PolicyHits {
  /** A rule, and a default in audit mode: connections that passed. A default deny: packets that were dropped. */
  hits: number;
  /** RFC 3339, null if it never decided in that time. */
  last_hit: string | null;
}

export interface PolicyRuleStatus extends PolicyHits {
  direction: 'ingress' | 'egress';
  /** Place in the spec's list of rules of that direction. */
  index: number;
  unused: boolean;
}

export interface PolicyStatus {
  kind: 'NetworkPolicy';
  namespace: string;
  name: string;
  uid: string;
  mode: 'enforce' | 'audit';
  policy_types: ('Ingress' | 'Egress')[];
  /** Pods it selects on nodes with a connected agent. */
  pods: number;
  rules: PolicyRuleStatus[];
  /** What it denied, together with the other policies that select the same pods; null where it does not isolate. */
  default: { ingress: PolicyHits | null; egress: PolicyHits | null };
  /** Nothing of it has decided anything in that time. */
  unused: boolean;
  warnings: string[];
}

export interface PolicyProblem {
  namespace: string;
  name: string;
  message: string;
}

export interface PolicyList {
  /** Since when hits are counted, RFC 3339: begin of the window asked for, else start of the hub. */
  since: string;
  /** End of the window asked for; null if hits are counted until now. */
  until: string | null;
  /** Whether the hits are all there were; lower bounds if a record was lost, or an agent was not heard all the time. */
  exact: boolean;
  policies: PolicyStatus[];
  /** Policies that were refused. The former version of such a policy, if there was one, is among `policies`. */
  problems: PolicyProblem[];
}

export interface PolicyDetail {
  since: string;
  until: string | null;
  /** As in PolicyList. */
  exact: boolean;
  /** Null if every version of it was refused. */
  policy:
    | (PolicyStatus & {
        selected: { namespace: string; name: string; node: string }[];
        /** NetworkPolicySpec with the API's defaults. */
        spec: Record<string, unknown>;
      })
    | null;
  problems: PolicyProblem[];
}
