/** The shape of a case of the policy matrix. Pods, labels and ports are those of policy-cluster.ts. */
import type { LabelChange } from '../policy-cluster.ts';

export interface PolicyCase {
  name: string;
  /** `NAMESPACE [audit] SPEC`, see readPolicies. */
  policies: readonly string[];
  labels?: LabelChange;
  /** Written by hand from the Kubernetes documentation; the notation is that of expectation.ts. */
  expected: string;
}
