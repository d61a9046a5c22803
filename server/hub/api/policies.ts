/** `GET /api/v1/policies`, `/api/v1/policies/NAMESPACE/NAME`: what is in force, whom it selects, what it decided. */
import type { Request, Response } from 'express';
import type { PolicyEntry } from '../../wire/agent.ts';
import type {
  PolicyDetail,
  PolicyHits,
  PolicyList,
  PolicyProblem,
  PolicyRuleStatus,
  PolicyStatus,
} from '../../wire/policies.ts';
import { formatTime, nowNs } from '../../flows/timestamp.ts';
import { type Minutes, wholeMinutes } from '../history/reader/sql-text.ts';
import { readerOf } from '../access/http-access.ts';
import type { Visibility } from '../access/visibility.ts';
import type { HubState } from '../hub-state.ts';
import { Parameters } from '../http/parameters.ts';
import { Problem } from '../http/problem.ts';
import { type HitCount, PolicyHitCounter } from '../policy-hits.ts';
import { sendSums } from './service-map.ts';

type Pod = { namespace: string; name: string; node: string };

/** A policy as all nodes together see it. */
interface Merged {
  entry: PolicyEntry;
  pods: Pod[];
  warnings: Set<string>;
}

export function policiesRoute(state: HubState) {
  return async (request: Request, response: Response): Promise<void> => {
    const window = readWindow(state, request);
    const { visibility } = readerOf(request);
    await sendSums(response, async (signal): Promise<PolicyList> => {
      const { hits, exact } = await hitsOver(state, window, signal);
      return {
        ...windowText(state, window),
        exact,
        policies: [...mergedPolicies(state, visibility).values()].map((it) => policyStatus(hits, it)).toSorted(byName),
        problems: policyProblems(state, visibility),
      };
    });
  };
}

export function policyRoute(state: HubState) {
  return async (request: Request, response: Response): Promise<void> => {
    const window = readWindow(state, request);
    const { namespace, name } = request.params;
    const { visibility } = readerOf(request);
    const merged = mergedPolicies(state, visibility).get(`${String(namespace)}/${String(name)}`);
    const problems = policyProblems(state, visibility).filter((it) => it.namespace === namespace && it.name === name);
    if (merged === undefined && problems.length === 0) {
      throw new Problem(
        404,
        `There is no policy ${String(name).slice(0, 253)} in namespace ${String(namespace).slice(0, 253)}; /api/v1/policies lists all.`,
      );
    }
    await sendSums(response, async (signal): Promise<PolicyDetail> => {
      const { hits, exact } = await hitsOver(state, window, signal);
      return {
        ...windowText(state, window),
        exact,
        policy:
          merged === undefined
            ? null
            : { ...policyStatus(hits, merged), selected: merged.pods.toSorted(byName), spec: merged.entry.spec },
        problems,
      };
    });
  };
}

function mergedPolicies(state: HubState, visibility: Visibility): Map<string, Merged> {
  const merged = new Map<string, Merged>();
  for (const names of state.agentNames(visibility)) {
    for (const [key, entry] of names.policies) {
      const it = merged.get(key) ?? { entry, pods: [], warnings: new Set() };
      merged.set(key, it);
      for (const warning of entry.warnings) it.warnings.add(warning);
      for (const ref of entry.endpoints) {
        const pod = names.endpoints.get(ref);
        if (pod !== undefined) it.pods.push({ namespace: pod.namespace, name: pod.name, node: names.node });
      }
    }
  }
  return merged;
}

function policyProblems(state: HubState, visibility: Visibility): PolicyProblem[] {
  const found = new Map<string, PolicyProblem>();
  for (const names of state.agentNames(visibility))
    for (const it of names.policyProblems) found.set(JSON.stringify(it), it);
  return [...found.values()].toSorted(byName);
}

function policyStatus(policyHits: PolicyHitCounter, { entry, pods, warnings }: Merged): PolicyStatus {
  const { namespace, name, uid, mode, policy_types } = entry;
  const rules: PolicyRuleStatus[] = [];
  for (const direction of ['ingress', 'egress'] as const) {
    for (const index of entry.rules[direction].keys()) {
      const count = policyHits.ofRule(namespace, name, direction, index);
      rules.push({ direction, index, ...hits(count), unused: count.hits === 0 });
    }
  }
  const defaultOf = (direction: 'ingress' | 'egress', type: 'Ingress' | 'Egress'): PolicyHits | null =>
    policy_types.includes(type) ? hits(policyHits.ofDefault(namespace, name, direction)) : null;
  const defaults = { ingress: defaultOf('ingress', 'Ingress'), egress: defaultOf('egress', 'Egress') };
  return {
    kind: 'NetworkPolicy',
    namespace,
    name,
    uid,
    mode,
    policy_types,
    pods: pods.length,
    rules,
    default: defaults,
    unused: [...rules, defaults.ingress, defaults.egress].every((it) => it === null || it.hits === 0),
    warnings: [...warnings],
  };
}

function hits(count: HitCount): PolicyHits {
  return { hits: count.hits, last_hit: count.last === 0 ? null : formatTime(BigInt(Math.round(count.last))) };
}

/** Whole minutes of history; null for all since the hub started, from memory. */
function readWindow(state: HubState, request: Request): Minutes | null {
  const parameters = new Parameters(request, ['since', 'until']);
  const since = parameters.time('since');
  const until = parameters.time('until') ?? nowNs();
  if (since === null) {
    if (parameters.has('until')) throw new Problem(400, '"until" needs "since"; give both, or neither.');
    return null;
  }
  if (since >= until) throw new Problem(400, '"since" must lie before "until".');
  if (state.stored === null) {
    throw new Problem(400, 'This hub keeps no history, so it counts hits only since it started; leave out "since".');
  }
  return wholeMinutes(since, until);
}

function windowText(state: HubState, window: Minutes | null): { since: string; until: string | null } {
  if (window === null) return { since: new Date(state.startedMs).toISOString(), until: null };
  return { since: new Date(window.since * 1000).toISOString(), until: new Date(window.until * 1000).toISOString() };
}

/** What rules and defaults decided in the window, and whether no record of that time is missing. */
async function hitsOver(
  state: HubState,
  window: Minutes | null,
  signal: AbortSignal,
): Promise<{ hits: PolicyHitCounter; exact: boolean }> {
  const { history, stored } = state;
  if (window === null || stored === null) return { hits: state.policyHits, exact: state.isWhole };
  await stored.settled(state.store.nextId, signal);
  const hits = new PolicyHitCounter();
  for (const { rule, hits: count, last } of await stored.counts.hits(window, signal)) hits.take(rule, count, last);
  const { exact, lost } = await stored.ledger(window, signal);
  const isAllStored = Object.values(history?.writer.stats.notStored ?? {}).every((count) => count === 0);
  return { hits, exact: exact && lost === 0 && isAllStored };
}

function byName(a: { namespace: string; name: string }, b: { namespace: string; name: string }): number {
  const [x, y] = [`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`];
  return x < y ? -1 : x > y ? 1 : 0;
}
