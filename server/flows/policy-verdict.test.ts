import { describe, expect, it } from 'vitest';
import { DROP_REASON, POLICY_MATCH, RECORD_TYPE, STAGE, VERDICT } from '../wire/lists.gen.ts';
import { RECORD_LAYOUT } from '../wire/record-layout.gen.ts';
import { AgentDictionary } from './dictionary.ts';
import { toHubbleFlow } from './hubble-flow.ts';
import { RecordCursor } from './record.ts';
import { type RecordFields, writeRecord } from './record-writer.ts';

const POLICIES = [
  { namespace: 'shop', name: 'a' },
  { namespace: 'shop', name: 'b' },
];
const names = new AgentDictionary('node-a');
names.apply(
  {
    snapshot: true,
    endpoints: [],
    services: [],
    identities: [],
    rules: [
      { ref: 1, kind: 'NetworkPolicy', namespace: 'shop', name: 'web-in', direction: 'ingress', index: 2 },
      { ref: 2, kind: 'NetworkPolicy', namespace: 'lab', name: 'lab-out', direction: 'egress', index: 0 },
      { ref: 3, default: true, direction: 'ingress', audit: false, policies: POLICIES },
      { ref: 4, default: true, direction: 'egress', audit: true, policies: POLICIES },
    ],
    policies: [],
    policy_problems: null,
    removed_endpoints: [],
    removed_services: [],
    removed_identities: [],
    removed_rules: [],
    removed_policies: [],
  },
  1,
);

function flowOf(fields: RecordFields) {
  const bytes = writeRecord(RECORD_LAYOUT, {
    type: RECORD_TYPE.NEW,
    verdict: VERDICT.FORWARDED,
    direction: 2,
    flags: 2,
    family: 4,
    protocol: 6,
    source: '10.1.0.16',
    destination: '10.1.0.17',
    ...fields,
  });
  const cursor = new RecordCursor(RECORD_LAYOUT).moveTo(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0);
  const emitter = { name: 'Spyglass', version: '0' };
  const flow = toHubbleFlow(cursor, { names, clockOffsetNs: 0n, uuid: 'u', emitter });
  return { flow, policy: flow.extensions?.value.spyglass.policy };
}

const ALL = POLICIES.map((it) => ({ kind: 'NetworkPolicy', ...it }));

describe('what policies said of a flow', () => {
  it('names the policies that allowed it, in each direction', () => {
    const { flow, policy } = flowOf({
      ingress_rule: 1,
      ingress_match: POLICY_MATCH.L3_L4,
      egress_rule: 2,
      egress_match: POLICY_MATCH.ALL,
    });
    expect(flow).toMatchObject({
      policy_match_type: POLICY_MATCH.ALL,
      egress_allowed_by: [{ name: 'lab-out', namespace: 'lab', kind: 'NetworkPolicy' }],
      ingress_allowed_by: [{ name: 'web-in', namespace: 'shop', kind: 'NetworkPolicy' }],
    });
    expect(Object.keys(flow).slice(-3)).toEqual(['extensions', 'egress_allowed_by', 'ingress_allowed_by']);
    expect(policy?.ingress).toEqual({
      verdict: 'FORWARDED',
      default: false,
      policies: [{ kind: 'NetworkPolicy', namespace: 'shop', name: 'web-in' }],
      rule: 2,
      match: 'L3_L4',
    });
  });

  it('has the match of its own direction, or of the only one there is', () => {
    const matchOf = (fields: RecordFields): number | undefined => flowOf(fields).flow.policy_match_type;
    expect(matchOf({ direction: 1, ingress_match: 1, egress_match: 2 })).toBe(1);
    expect(matchOf({ direction: 2, ingress_match: 1, egress_match: 2 })).toBe(2);
    expect(matchOf({ direction: 2, ingress_match: 1 })).toBe(1);
    expect(matchOf({})).toBeUndefined();
  });

  it('names the policies that deny by default, and allows nothing then', () => {
    const { flow, policy } = flowOf({
      type: RECORD_TYPE.DROP,
      verdict: VERDICT.DROPPED,
      drop_reason: DROP_REASON.POLICY_DENIED,
      drop_stage: STAGE.INGRESS_POLICY,
      ingress_rule: 3,
      egress_rule: 2,
      egress_match: 4,
    });
    expect(flow).toMatchObject({ verdict: 'DROPPED', drop_reason: 133, drop_reason_desc: 'POLICY_DENIED' });
    for (const key of ['policy_match_type', 'egress_allowed_by', 'ingress_allowed_by'])
      expect(flow).not.toHaveProperty(key);
    expect(policy?.ingress).toEqual({ verdict: 'DROPPED', default: true, policies: ALL, rule: null, match: 'NONE' });
    expect(policy?.egress).toMatchObject({ verdict: 'FORWARDED', rule: 0 });
  });

  it('names the staged policies that would have denied it', () => {
    const { flow, policy } = flowOf({ verdict: VERDICT.AUDIT, egress_rule: 4 });
    expect(flow.verdict).toBe('AUDIT');
    expect(flow).not.toHaveProperty('egress_allowed_by');
    expect(policy).toEqual({
      ingress: null,
      egress: { verdict: 'AUDIT', default: true, policies: ALL, rule: null, match: 'NONE' },
    });
  });

  it('says nothing of ends that no policy selects, nor of rules nobody described', () => {
    expect(flowOf({}).policy).toBeNull();
    expect(flowOf({ ingress_rule: 99, ingress_match: 1 }).policy).toBeNull();
  });
});
