/** What is enforced when a new plan has a policy that is refused: its former version, if there was one. */
import type { ManifestPlan } from './plan.ts';

/** `next`, with the policies of `former` that `next` has only as a problem. */
export function withFormerPolicies(former: Pick<ManifestPlan, 'networkPolicies'>, next: ManifestPlan): ManifestPlan {
  const networkPolicies = [...next.networkPolicies];
  const policyProblems = next.policyProblems.map((problem) => {
    const kept = former.networkPolicies.find((it) => it.namespace === problem.namespace && it.name === problem.name);
    if (kept === undefined) return problem;
    networkPolicies.push(kept);
    return { ...problem, message: `${problem.message}; its former version stays in force` };
  });
  return { ...next, networkPolicies, policyProblems };
}
