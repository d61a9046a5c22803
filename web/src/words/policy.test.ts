import { describe, expect, it } from 'vitest';
import type { HubbleFlow, PolicyVerdict } from '../../../server/wire/hubble.ts';
import { stepsOf } from '../details/stages.ts';
import { policyWords, whyDenied } from './policy.ts';
import { whyDropped, whyForwarded } from './reasons.ts';

const pod = (namespace: string, name: string): HubbleFlow['source'] => ({
  namespace,
  pod_name: `${name}-x`,
  workloads: [{ name, kind: 'Deployment' }],
});

interface Case {
  ingress?: PolicyVerdict | null;
  egress?: PolicyVerdict | null;
  stage?: string;
  isReply?: boolean;
}

/** load calls web:8080, or web answers. */
function flow({ ingress = null, egress = null, stage, isReply = false }: Case): HubbleFlow {
  const [client, server] = [pod('clients', 'load'), pod('shop', 'web')];
  const drop = stage === undefined ? null : { stage, line: 92, words: 'No policy allows it', suppressed: 0 };
  return {
    verdict: drop === null ? 'FORWARDED' : 'DROPPED',
    ...(drop !== null && { drop_reason: 133 }),
    IP: { source: '10.42.0.10', destination: '10.42.0.7', ipVersion: 'IPv4' },
    l4: { TCP: isReply ? { source_port: 8080, destination_port: 5 } : { source_port: 5, destination_port: 8080 } },
    source: isReply ? server : client,
    destination: isReply ? client : server,
    is_reply: isReply,
    node_name: 'demo',
    extensions: {
      value: {
        spyglass: {
          event: 'NEW',
          path: ['PARSE', 'SERVICE', 'EGRESS_POLICY', 'INGRESS_POLICY'],
          original: null,
          drop,
          policy: ingress === null && egress === null ? null : { ingress, egress },
        },
      },
    },
  } as unknown as HubbleFlow;
}

const names = (...list: string[]): PolicyVerdict['policies'] =>
  list.map((it) => ({ kind: 'NetworkPolicy', namespace: it.split('/')[0] ?? '', name: it.split('/')[1] ?? '' }));
const rule: PolicyVerdict = {
  verdict: 'FORWARDED',
  default: false,
  policies: names('shop/web'),
  rule: 1,
  match: 'L3_L4',
};
const deny: PolicyVerdict = {
  verdict: 'DROPPED',
  default: true,
  policies: names('shop/default-deny', 'shop/web'),
  rule: null,
  match: 'NONE',
};
const audit: PolicyVerdict = { ...deny, verdict: 'AUDIT', policies: names('clients/load') };

describe('words of a policy', () => {
  it('name the rule that allowed', () => {
    expect(policyWords(flow({ ingress: rule }), 'ingress')).toBe(
      'NetworkPolicy shop/web, ingress rule 1, by peer and port',
    );
    expect(policyWords(flow({ ingress: { ...rule, match: 'NONE' } }), 'ingress')).toBe(
      'NetworkPolicy shop/web, ingress rule 1',
    );
  });

  it('name the policies that denied, or would', () => {
    expect(policyWords(flow({ ingress: deny }), 'ingress')).toBe('no ingress rule of shop/default-deny and shop/web');
    expect(policyWords(flow({ egress: audit }), 'egress')).toBe('would be denied: no egress rule of clients/load');
    expect(policyWords(flow({ egress: audit }), 'ingress')).toBeNull();
  });
});

describe('why', () => {
  it('a denied flow says who selects whom, and what is missing', () => {
    const why = whyDropped(flow({ ingress: deny, stage: 'INGRESS_POLICY' }));
    expect(why.cause).toBe(
      'shop/default-deny and shop/web select shop/web, and no ingress rule allows traffic from clients/load on port 8080 (TCP).',
    );
    expect(why.advice).toContain('add an ingress rule');
  });

  it('an audited flow says that it passed, in both of its directions', () => {
    for (const isReply of [false, true]) {
      expect(whyForwarded(flow({ egress: audit, ingress: rule, isReply })).cause).toBe(
        'It passed because this is on trial (audit): clients/load selects clients/load, and no egress rule allows traffic to shop/web on port 8080 (TCP).',
      );
    }
  });

  it('a denied flow whose policies are gone has an answer, too', () => {
    expect(whyDenied(flow({ stage: 'INGRESS_POLICY' }))).toBeNull();
    expect(whyDropped(flow({ stage: 'INGRESS_POLICY' })).cause).toContain('No policy of either end allows');
  });
});

describe('the path', () => {
  const found = (case_: Case): Record<string, string> =>
    Object.fromEntries(stepsOf(flow(case_)).map((it) => [it.name, it.found]));

  it('says what the policies of each end found', () => {
    expect(found({ egress: audit, ingress: rule })).toMatchObject({
      'egress policy': 'would be denied: no egress rule of clients/load',
      'ingress policy': 'NetworkPolicy shop/web, ingress rule 1, by peer and port',
    });
    expect(found({})).toMatchObject({
      'egress policy': 'no egress policy for clients/load',
      'ingress policy': 'no ingress policy for shop/web',
    });
  });

  it('ends with the policies that denied', () => {
    expect(found({ ingress: deny, stage: 'INGRESS_POLICY' })).toMatchObject({
      'egress policy': 'no egress policy for clients/load',
      'ingress policy': 'no ingress rule of shop/default-deny and shop/web',
    });
  });
});
