/** What the policies of both ends said of a connection, in words. */
import type { HubbleFlow, PolicyVerdict } from '../../../server/wire/hubble.ts';
import { POLICY_MATCH, POLICY_MATCH_WORDS } from '../../../server/wire/lists.gen.ts';
import { type End, portOf, protocolOf, serverEnd, shortEnd } from './ends.ts';

export type PolicySide = 'egress' | 'ingress';

export const POLICY_SIDES = ['egress', 'ingress'] as const satisfies readonly PolicySide[];

/** What the policies of the client (egress) or the server (ingress) said; null if none isolates it. */
export function policyOf(flow: HubbleFlow, side: PolicySide): PolicyVerdict | null {
  return flow.extensions?.value.spyglass.policy?.[side] ?? null;
}

/** The end whose policies they are: of the connection, so the same for requests and answers. */
export function policyEnd(flow: HubbleFlow, side: PolicySide): End {
  const server = serverEnd(flow);
  if (side === 'ingress') return server;
  return server === 'source' ? 'destination' : 'source';
}

/** `NetworkPolicy shop/web, ingress rule 0, by peer and port`; null where no policy isolates the end. */
export function policyWords(flow: HubbleFlow, side: PolicySide): string | null {
  const policy = policyOf(flow, side);
  if (policy === null) return null;
  const names = namesOf(policy);
  if (policy.default) {
    return policy.verdict === 'AUDIT' ? `would be denied: no ${side} rule of ${names}` : `no ${side} rule of ${names}`;
  }
  const number = Object.hasOwn(POLICY_MATCH, policy.match)
    ? POLICY_MATCH[policy.match as keyof typeof POLICY_MATCH]
    : 0;
  // What was dropped elsewhere is reported without how its rule matched.
  const match = number === POLICY_MATCH.NONE ? '' : `, by ${POLICY_MATCH_WORDS[number]}`;
  return `${policy.policies[0]?.kind ?? 'policy'} ${names}, ${side} rule ${policy.rule ?? '?'}${match}`;
}

/** The policies that decided, the default that denied first: `shop/web` and what to mark, `shop/web#ingress/0`. */
export function policyLinks(flow: HubbleFlow): { name: string; link: string }[] {
  const found = POLICY_SIDES.flatMap((side) => {
    const policy = policyOf(flow, side);
    return policy === null ? [] : [{ side, policy }];
  });
  return found
    .toSorted((a, b) => Number(b.policy.default) - Number(a.policy.default))
    .flatMap(({ side, policy }) =>
      policy.policies.map(({ namespace, name }) => ({
        name: `${namespace}/${name}`,
        link: `${namespace}/${name}#${side}${policy.default ? '' : `/${policy.rule ?? 0}`}`,
      })),
    );
}

/** Why it was denied, or would be by policies on trial; null if no default decided. */
export function whyDenied(flow: HubbleFlow): { cause: string; advice: string } | null {
  const side = POLICY_SIDES.find((it) => policyOf(flow, it)?.default === true);
  const policy = side === undefined ? null : policyOf(flow, side);
  if (side === undefined || policy === null) return null;
  const subject = policyEnd(flow, side);
  const peer = shortEnd(flow, subject === 'source' ? 'destination' : 'source');
  const port = portOf(flow, serverEnd(flow));
  const on = port === undefined ? protocolOf(flow) : `port ${port} (${protocolOf(flow)})`;
  const direction = side === 'ingress' ? `from ${peer}` : `to ${peer}`;
  const select = policy.policies.length === 1 ? 'selects' : 'select';
  const cause = `${namesOf(policy)} ${select} ${shortEnd(flow, subject)}, and no ${side} rule allows traffic ${direction} on ${on}.`;
  return policy.verdict === 'AUDIT'
    ? {
        cause: `It passed because this is on trial (audit): ${cause}`,
        advice: `Before ${namesOf(policy)} is enforced, add an ${side} rule that allows it, if it is meant to go on.`,
      }
    : {
        cause,
        advice: `If it is meant to pass, add an ${side} rule for it to a policy that selects ${shortEnd(flow, subject)}.`,
      };
}

/** `shop/web`, `shop/default-deny and shop/orders`. */
function namesOf({ policies }: PolicyVerdict): string {
  const names = policies.map(({ namespace, name }) => `${namespace}/${name}`);
  const last = names.pop() ?? 'a policy that is gone';
  return names.length === 0 ? last : `${names.join(', ')} and ${last}`;
}
