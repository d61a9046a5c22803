/** What policies said of a flow: the rules behind a record's numbers, as Hubble's fields and as our own. */
import type { RuleEntry } from '../wire/agent.ts';
import type { HubblePolicy, PolicyVerdict, SpyglassExtension } from '../wire/hubble.ts';
import { DIRECTION, POLICY_MATCH_NAME, VERDICT } from '../wire/lists.gen.ts';
import type { Names } from './dictionary.ts';
import type { RecordCursor } from './record.ts';

export interface PolicyFields {
  policy_match_type?: number;
  egress_allowed_by?: HubblePolicy[];
  ingress_allowed_by?: HubblePolicy[];
}

/** Hubble's fields; only what passed was allowed by somebody. */
export function policyFields(record: RecordCursor, names: Names): PolicyFields {
  if (record.verdict === VERDICT.DROPPED) return {};
  const { ingressMatch, egressMatch } = record;
  const match = record.direction === DIRECTION.INGRESS ? ingressMatch || egressMatch : egressMatch || ingressMatch;
  const egress = allowedBy(names.rules.get(record.egressRule));
  const ingress = allowedBy(names.rules.get(record.ingressRule));
  return {
    ...(match !== 0 && { policy_match_type: match }),
    ...(egress !== null && { egress_allowed_by: [egress] }),
    ...(ingress !== null && { ingress_allowed_by: [ingress] }),
  };
}

/** Our own fields: the cause in each direction in which an end is isolated; null if none is. */
export function policyExtension(record: RecordCursor, names: Names): SpyglassExtension['policy'] {
  const ingress = verdictOf(record.ingressRule, record.ingressMatch, names);
  const egress = verdictOf(record.egressRule, record.egressMatch, names);
  return ingress === null && egress === null ? null : { ingress, egress };
}

function allowedBy(rule: RuleEntry | undefined): HubblePolicy | null {
  if (rule === undefined || 'default' in rule) return null;
  return { name: rule.name, namespace: rule.namespace, kind: rule.kind };
}

function verdictOf(ref: number, match: number, names: Names): PolicyVerdict | null {
  if (ref === 0) return null;
  const rule = names.rules.get(ref);
  if (rule === undefined) return null;
  if ('default' in rule) {
    const policies = rule.policies.map((it) => ({ kind: 'NetworkPolicy', ...it }));
    return { verdict: rule.audit ? 'AUDIT' : 'DROPPED', default: true, policies, rule: null, match: 'NONE' };
  }
  const { kind, namespace, name, index } = rule;
  return {
    verdict: 'FORWARDED',
    default: false,
    policies: [{ kind, namespace, name }],
    rule: index,
    match: POLICY_MATCH_NAME[match] ?? String(match),
  };
}
