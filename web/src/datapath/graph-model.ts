/** The stage graph as numbers: how much went along each line, what each stage took, where packets stopped. */
import type { Datapath, OutcomeName, StageSums } from '../../../server/wire/datapath.ts';
import { STAGE, STAGE_WORDS } from '../../../server/wire/lists.gen.ts';

export type StageName = keyof typeof STAGE;

/** The stages that only the first packet of a connection walks, in their order. */
export const FIRST_PACKET_STAGES = [
  'SOURCE_CHECK',
  'SERVICE',
  'IDENTITY',
  'EGRESS_POLICY',
  'ROUTE',
  'INGRESS_POLICY',
  'MASQUERADE',
] as const satisfies readonly StageName[];

export interface StageNumbers {
  stage: StageName;
  /** `flow cache`. */
  name: string;
  /** Packets per second that came here. */
  rate: number;
  /** Mean over all that came here, ns; null if none was timed. */
  meanNs: number | null;
  /** Dropped here: packets per second, and the reasons known, the most first. */
  drops: { rate: number; reasons: string[] } | null;
}

export interface GraphNumbers {
  stages: ReadonlyMap<StageName, StageNumbers>;
  /** Packets per second. */
  in: number;
  hits: number;
  misses: number;
  /** Delivered by the datapath itself, and left to the host's network stack. */
  delivered: number;
  stack: number;
  /** What a cached and what a first packet cost from hook to hook, ns; null if not all of it was timed. */
  hitNs: number | null;
  firstNs: number | null;
}

export function graphNumbers(datapath: Datapath): GraphNumbers {
  const sums = new Map(datapath.stages.map((it) => [it.stage, it]));
  const rateOf = (stage: StageName, outcome: OutcomeName): number => sums.get(stage)?.outcomes[outcome]?.rate ?? 0;
  const meanOf = (stage: StageName, outcome: OutcomeName): number | null =>
    sums.get(stage)?.outcomes[outcome]?.mean_ns ?? null;
  const stages = new Map([...sums.values()].filter(isKnown).map((it) => [it.stage, numbersOf(it)] as const));
  const total = (stage: StageName): number => stages.get(stage)?.rate ?? 0;
  const hits = rateOf('FLOW_CACHE', 'HIT');
  const walked = [...FIRST_PACKET_STAGES, 'DELIVER' as const].filter((stage) => total(stage) > 0);
  return {
    stages,
    in: total('PARSE') + rateOf('PREFILTER', 'DROP'),
    hits,
    misses: rateOf('FLOW_CACHE', 'PASS'),
    delivered: hits + rateOf('DELIVER', 'PASS'),
    stack: ['PARSE', 'FLOW_CACHE', 'DELIVER'].reduce((sum, stage) => sum + rateOf(stage as StageName, 'STACK'), 0),
    hitNs: sum([meanOf('PARSE', 'PASS'), meanOf('FLOW_CACHE', 'HIT')]),
    firstNs: sum([
      meanOf('PARSE', 'PASS'),
      meanOf('FLOW_CACHE', 'PASS'),
      ...walked.map((stage) => stages.get(stage)?.meanNs ?? null),
    ]),
  };
}

function isKnown(sums: StageSums): sums is StageSums & { stage: StageName } {
  return Object.hasOwn(STAGE, sums.stage);
}

function numbersOf({ stage, outcomes, drop_reasons: reasons }: StageSums & { stage: StageName }): StageNumbers {
  let rate = 0;
  let packets = 0;
  let ns = 0;
  for (const outcome of Object.values(outcomes)) {
    rate += outcome.rate;
    if (outcome.mean_ns === null) continue;
    packets += outcome.packets;
    ns += outcome.mean_ns * outcome.packets;
  }
  const dropped = outcomes.DROP?.rate ?? 0;
  return {
    stage,
    name: STAGE_WORDS[STAGE[stage]] ?? stage,
    rate,
    meanNs: packets === 0 ? null : ns / packets,
    drops:
      dropped === 0
        ? null
        : {
            rate: dropped,
            reasons: Object.entries(reasons)
              .toSorted((a, b) => b[1] - a[1])
              .map(([reason]) => reason),
          },
  };
}

/** Null if any part is. */
function sum(parts: readonly (number | null)[]): number | null {
  return parts.reduce<number | null>((all, part) => (all === null || part === null ? null : all + part), 0);
}
