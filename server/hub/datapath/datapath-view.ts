/** A window of what stages did -> the answer of `/api/v1/datapath`. Pure: the same window gives the same answer. */
import type { Datapath, DatapathNode, OutcomeName, StageOutcome, StageSums } from '../../wire/datapath.ts';
import { DROP_REASON_NAME, OUTCOME_NAME, STAGE, STAGE_NAME } from '../../wire/lists.gen.ts';
import { formatTime } from '../../flows/timestamp.ts';
import type { AgentNode } from '../ingest/agent-node.ts';
import type { StageTotals, StageWindow } from './stage-ring.ts';

/** The order in which a first packet meets them. */
const ORDER: readonly number[] = [
  STAGE.PREFILTER,
  STAGE.PARSE,
  STAGE.SOURCE_CHECK,
  STAGE.FLOW_CACHE,
  STAGE.SERVICE,
  STAGE.IDENTITY,
  STAGE.EGRESS_POLICY,
  STAGE.ROUTE,
  STAGE.INGRESS_POLICY,
  STAGE.MASQUERADE,
  STAGE.DELIVER,
];

/** `only`: the name of the one node asked for, null for all. */
export function datapathView(window: StageWindow, nodes: readonly AgentNode[], only: string | null): Datapath {
  const seconds = window.covered;
  const stages = new Map<string, StageTotals>();
  const drops = new Map<string, number>();
  const reasons = new Map<string, number>();
  const cpu = new Map<string, number>();
  for (const [key, totals] of window.rows) {
    const [kind = '', node = '', ...rest] = key.split(' ');
    if (only !== null && node !== only) continue;
    const name = rest.join(' ');
    if (kind === 'stage') addTo(stages, name, totals);
    if (kind === 'drop') drops.set(name, (drops.get(name) ?? 0) + totals.count);
    if (kind === 'dropped-at') reasons.set(name, (reasons.get(name) ?? 0) + totals.count);
    if (kind === 'cpu') cpu.set(node, totals.count / 1e6 / seconds);
  }
  return {
    window: {
      since: formatTime(BigInt(window.since) * 1_000_000_000n),
      until: formatTime(BigInt(window.until) * 1_000_000_000n),
      exact: window.exact,
    },
    stages: ORDER.flatMap((stage) => stageOf(stage, stages, reasons, seconds)),
    drops: [...drops]
      .map(([reason, packets]) => ({ reason: reasonName(reason), packets, rate: packets / seconds }))
      .toSorted((a, b) => b.packets - a.packets),
    nodes: nodes
      .filter((node) => only === null || node.name === only)
      .map((node) => nodeOf(node, cpu.get(node.name) ?? null)),
  };
}

function stageOf(
  stage: number,
  stages: ReadonlyMap<string, StageTotals>,
  reasons: ReadonlyMap<string, number>,
  seconds: number,
): StageSums[] {
  const outcomes: Partial<Record<OutcomeName, StageOutcome>> = {};
  for (const [outcome, name] of Object.entries(OUTCOME_NAME)) {
    const totals = stages.get(`${stage} ${outcome}`);
    if (totals === undefined) continue;
    outcomes[name as OutcomeName] = {
      packets: totals.count,
      rate: totals.count / seconds,
      mean_ns: totals.sampled === 0 ? null : Math.round(totals.sampledNs / totals.sampled),
    };
  }
  if (Object.keys(outcomes).length === 0) return [];
  const dropReasons: Record<string, number> = {};
  for (const [key, packets] of reasons) {
    const [at, reason = ''] = key.split(' ');
    if (at === String(stage)) dropReasons[reasonName(reason)] = packets;
  }
  return [{ stage: STAGE_NAME[stage] ?? String(stage), outcomes, drop_reasons: dropReasons }];
}

function nodeOf(node: AgentNode, cpu: number | null): DatapathNode {
  const { counters } = node;
  return {
    name: node.name,
    connected: node.connected,
    version: node.session?.hello.version ?? '',
    problem: counters?.problem ?? null,
    maps: counters?.maps ?? [],
    events: {
      written: counters?.events.written ?? 0,
      drained: counters?.events.drained ?? 0,
      lost_ring: counters?.records.ring ?? 0,
      lost_buffer: counters?.records.buffer ?? 0,
    },
    received: node.flows,
    agent_cpu: cpu,
    agent_rss_bytes: counters?.agent.rss_bytes ?? 0,
    lag_s: node.lagMs / 1000,
  };
}

function reasonName(reason: string): string {
  return DROP_REASON_NAME[Number(reason)] ?? reason;
}

function addTo(sums: Map<string, StageTotals>, key: string, by: StageTotals): void {
  const known = sums.get(key);
  sums.set(key, {
    count: (known?.count ?? 0) + by.count,
    sampled: (known?.sampled ?? 0) + by.sampled,
    sampledNs: (known?.sampledNs ?? 0) + by.sampledNs,
  });
}
