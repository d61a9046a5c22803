/** Which policy comes first: what needs a look, not the alphabet. */
import type { PolicyHits, PolicyStatus } from '../../../server/wire/policies.ts';

export interface PolicySummary {
  policy: PolicyStatus;
  /** Connections its rules let pass. */
  allowed: number;
  /** Packets that its default denied (audit: connections it would have denied), together with others. */
  denied: number;
  unusedRules: number;
  /** RFC 3339; null if nothing of it ever decided. */
  lastHit: string | null;
}

export function summary(policy: PolicyStatus): PolicySummary {
  const defaults = [policy.default.ingress, policy.default.egress].filter((it): it is PolicyHits => it !== null);
  const times = [...policy.rules, ...defaults].map((it) => it.last_hit).filter((it) => it !== null);
  return {
    policy,
    allowed: policy.rules.reduce((sum, { hits }) => sum + hits, 0),
    denied: defaults.reduce((sum, { hits }) => sum + hits, 0),
    unusedRules: policy.rules.filter(({ unused }) => unused).length,
    lastHit: times.toSorted().at(-1) ?? null,
  };
}

/** What denies, then what has warnings, then what is unused, then the rest; within each the most hits first. */
export function worstFirst(policies: readonly PolicyStatus[]): PolicySummary[] {
  const rank = ({ policy, denied }: PolicySummary): number => {
    if (denied > 0) return 0;
    if (policy.warnings.length > 0 || policy.pods === 0) return 1;
    return policy.unused ? 2 : 3;
  };
  return policies
    .map((policy) => summary(policy))
    .toSorted((a, b) => rank(a) - rank(b) || b.denied - a.denied || b.allowed - a.allowed || byName(a, b));
}

function byName({ policy: a }: PolicySummary, { policy: b }: PolicySummary): number {
  const [x, y] = [`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`];
  return x < y ? -1 : x > y ? 1 : 0;
}
