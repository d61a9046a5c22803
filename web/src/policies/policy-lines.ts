/** A policy as YAML, line by line, with what each rule decided beside its first line. */
import { stringify } from 'yaml';
import type { PolicyDetail } from '../../../server/wire/policies.ts';

type Policy = NonNullable<PolicyDetail['policy']>;
type Direction = 'ingress' | 'egress';

export interface PolicyLine {
  text: string;
  /** What stands in the gutter of this line. */
  note: { text: string; tone: 'hit' | 'never' | 'denied' | 'audit' } | null;
  /** `ingress/0` on the lines of a rule, `ingress` on the line that isolates, null elsewhere. */
  part: string | null;
}

/** `since`: from when on hits are counted, as words such as `12:04:11`. */
export function policyLines(policy: Policy, since: string, clock: (time: string) => string): PolicyLine[] {
  const { mode } = policy;
  const spec = withoutUnset(policy.spec) as Record<string, unknown>;
  const lines: PolicyLine[] = [];
  const add = (text: string, part: string | null, note: PolicyLine['note'] = null): void => {
    for (const [index, line] of text.trimEnd().split('\n').entries()) {
      lines.push({ text: line, part, note: index === 0 ? note : null });
    }
  };
  add(stringify({ podSelector: spec['podSelector'] ?? {} }), null);
  add('policyTypes:', null);
  for (const type of policy.policy_types) {
    const direction = type.toLowerCase() as Direction;
    const found = policy.default[direction];
    const isAudit = mode === 'audit';
    const text = isAudit ? 'would have denied' : 'denied';
    const note: PolicyLine['note'] =
      found === null
        ? null
        : found.hits === 0
          ? { text: `nothing ${text} since ${since}`, tone: 'never' }
          : { text: `${text} ${count(found.hits)}${last(found.last_hit, clock)}`, tone: isAudit ? 'audit' : 'denied' };
    add(`  - ${type}`, direction, note);
  }
  for (const direction of ['ingress', 'egress'] as const) {
    const rules = spec[direction];
    if (!Array.isArray(rules) || !policy.policy_types.some((type) => type.toLowerCase() === direction)) continue;
    add(rules.length === 0 ? `${direction}: []` : `${direction}:`, null);
    for (const [index, rule] of rules.entries()) {
      const found = policy.rules.find((it) => it.direction === direction && it.index === index);
      const note: PolicyLine['note'] =
        found === undefined || found.hits === 0
          ? { text: `never hit since ${since}`, tone: 'never' }
          : { text: `${count(found.hits)} hits${last(found.last_hit, clock)}`, tone: 'hit' };
      add(indented(stringify([rule])), `${direction}/${index}`, note);
    }
  }
  return lines;
}

/** Without what the API fills in and means nothing: fields that are null, and empty halves of selectors. */
function withoutUnset(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUnset);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
      const isEmpty = typeof inner === 'object' && inner !== null && Object.keys(inner).length === 0;
      if (inner === null || (isEmpty && (key === 'matchLabels' || key === 'matchExpressions'))) return [];
      return [[key, withoutUnset(inner)]];
    }),
  );
}

function indented(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}

function count(value: number): string {
  return new Intl.NumberFormat('en').format(value);
}

function last(time: string | null, clock: (time: string) => string): string {
  return time === null ? '' : `, last ${clock(time)}`;
}
