/** What a stage costs: two bars on one scale, a cached and a first packet; and what watching costs the node. */
import type { ReactNode } from 'react';
import type { Datapath } from '../../../server/wire/datapath.ts';
import { STAGE, STAGE_WORDS } from '../../../server/wire/lists.gen.ts';
import { bytes, DASH, duration, percent } from '../words/numbers.ts';
import { FIRST_PACKET_STAGES, type GraphNumbers, graphNumbers, type StageName } from './graph-model.ts';

interface Part {
  name: string;
  ns: number;
}

export function StageTimes({ datapath }: { datapath: Datapath }): ReactNode {
  const numbers = graphNumbers(datapath);
  const cached = partsOf(datapath, [
    ['PARSE', 'PASS'],
    ['FLOW_CACHE', 'HIT'],
  ]);
  const first = [
    ...partsOf(datapath, [
      ['PARSE', 'PASS'],
      ['FLOW_CACHE', 'PASS'],
    ]),
    ...[...FIRST_PACKET_STAGES, 'DELIVER' as const].flatMap((stage) => meanPart(numbers, stage)),
  ];
  const most = Math.max(total(cached), total(first));
  return (
    <section>
      <div className="sec">
        <h3>
          Time in our programs <span>mean of 1 packet in 256, the clock included</span>
        </h3>
        <TimeBar title="Cached packet" parts={cached} most={most} />
        <TimeBar title="First packet" parts={first} most={most} />
      </div>
      <div className="sec last">
        <h3>
          Price of watching <span>agent, share of a core</span>
        </h3>
        {datapath.nodes.map((node) => (
          <div key={node.name} className="gauge">
            <span title={node.name}>{node.name}</span>
            <i>
              <u style={{ width: `${Math.min(100, (node.agent_cpu ?? 0) * 100)}%` }} />
            </i>
            <b>{node.agent_cpu === null ? DASH : percent(node.agent_cpu)}</b>
            <b>{bytes(node.agent_rss_bytes)}</b>
          </div>
        ))}
      </div>
    </section>
  );
}

function TimeBar({ title, parts, most }: { title: string; parts: readonly Part[]; most: number }): ReactNode {
  return (
    <div className="time-bar">
      <p>
        <b className="m">{title}</b>
        <span>{parts.length === 0 ? DASH : duration(total(parts))}</span>
      </p>
      <ol aria-label={`${title}, by stage`}>
        {parts.map(({ name, ns }) => (
          <li key={name} style={{ width: `${(ns / most) * 100}%` }} title={`${name}, ${duration(ns)}`}>
            <span>{name}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

function partsOf(datapath: Datapath, wanted: readonly (readonly [StageName, 'PASS' | 'HIT'])[]): Part[] {
  return wanted.flatMap(([stage, outcome]) => {
    const ns = datapath.stages.find((it) => it.stage === stage)?.outcomes[outcome]?.mean_ns ?? null;
    return ns === null ? [] : [{ name: words(stage), ns }];
  });
}

function meanPart(numbers: GraphNumbers, stage: StageName): Part[] {
  const ns = numbers.stages.get(stage)?.meanNs ?? null;
  return ns === null ? [] : [{ name: words(stage), ns }];
}

function words(stage: StageName): string {
  return STAGE_WORDS[STAGE[stage]] ?? stage;
}

function total(parts: readonly Part[]): number {
  return parts.reduce((sum, { ns }) => sum + ns, 0);
}
