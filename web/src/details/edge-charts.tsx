/** What an edge did since it is watched: connections up, drops down, and the handshake time. */
import type { ReactNode } from 'react';
import type { FlowFilter } from '../../../server/wire/live.ts';
import type { MapGroup } from '../../../server/wire/service-map.ts';
import { mapPart } from '../filter/grammar.ts';
import { type EdgePoint, POINT_S } from '../live/edge-watch.ts';
import { useEdgeWatch } from '../live/use-edge-watch.ts';
import { duration, rate } from '../words/numbers.ts';
import { clock } from '../words/times.ts';
import { type Line, lineOf } from './chart.ts';
import { Section } from './panel.tsx';

const WIDTH = 252;
const FULL = 328;
/** Time axis of a chart that has only begun, ms. */
const LEAST_SPAN = 60_000;

interface EdgeChartsProps {
  edgeId: string;
  group: MapGroup;
  /** Selects the edge. */
  filter: FlowFilter;
  /** Stands below what is told of messages. */
  routes: ReactNode;
}

export function EdgeCharts({ edgeId, group, filter, routes }: EdgeChartsProps): ReactNode {
  const points = useEdgeWatch(edgeId, group, mapPart(filter).filter);
  return <Charts points={points} routes={routes} />;
}

function Charts({ points, routes }: { points: readonly EdgePoint[]; routes: ReactNode }): ReactNode {
  // Until the first point has come, the charts stand empty in their final size.
  const since = points[0]?.time ?? 0;
  const until = Math.max(points.at(-1)?.time ?? 0, since + LEAST_SPAN);
  const span = { width: WIDTH, since, until };
  const hasDrops = points.some((point) => point.dropRate > 0);
  const hasMessages = points.some((point) => point.l7 !== null);
  const up = lineOf(
    points.map(({ time, connectionRate }) => ({ time, value: connectionRate })),
    { ...span, base: 42, top: 6 },
  );
  const down = lineOf(
    points.map(({ time, dropRate }) => ({ time, value: dropRate })),
    { ...span, base: 44, top: hasDrops ? 60 : 44 },
  );
  const delay = lineOf(
    points.map(({ time, p95Ns }) => ({ time, value: p95Ns })),
    { ...span, base: 42, top: 6 },
  );
  const times = <Times since={since} until={until} />;
  const mean = `now, mean of ${POINT_S} s`;
  return (
    <>
      {hasMessages && <MessageCharts points={points} span={span} times={times} />}
      {routes}
      <Section title="Connections" note={hasDrops ? 'dropped packets below the line' : mean}>
        <div className="chart">
          <svg viewBox={`0 0 ${FULL} ${hasDrops ? 64 : 48}`} role="img" aria-label="Connections and drops over time">
            <path className="base" d={`M0 42.5H${WIDTH}`} />
            <Area line={up} />
            {hasDrops && <path className="below" d={down.area} />}
            <text className="k" x={WIDTH + 8} y={yOf(up, 42, 6)}>
              {rate(up.last ?? 0)}
            </text>
            {hasDrops && (
              <text className="dr" x={WIDTH + 8} y={62}>
                {rate(down.last ?? 0)}
              </text>
            )}
          </svg>
          {times}
        </div>
      </Section>
      {points.some((point) => point.p95Ns !== null) && (
        <Section title="Handshake time" note="p95">
          <div className="chart">
            <svg viewBox={`0 0 ${FULL} 48`} role="img" aria-label="Handshake time over time">
              <path className="base" d={`M0 42.5H${WIDTH}`} />
              <Area line={delay} />
              <text className="k" x={WIDTH + 8} y={yOf(delay, 42, 6)}>
                {delay.last === null ? '–' : duration(delay.last)}
              </text>
            </svg>
            {times}
          </div>
        </Section>
      )}
    </>
  );
}

/** Requests up, errors down on their own scale, and how long answers took. */
function MessageCharts({
  points,
  span,
  times,
}: {
  points: readonly EdgePoint[];
  span: { width: number; since: number; until: number };
  times: ReactNode;
}): ReactNode {
  const hasErrors = points.some((point) => (point.l7?.errorRate ?? 0) > 0);
  const up = lineOf(
    points.map(({ time, l7 }) => ({ time, value: l7?.rate ?? 0 })),
    { ...span, base: 42, top: 6 },
  );
  const down = lineOf(
    points.map(({ time, l7 }) => ({ time, value: l7?.errorRate ?? 0 })),
    { ...span, base: 44, top: hasErrors ? 60 : 44 },
  );
  const delay = lineOf(
    points.map(({ time, l7 }) => ({ time, value: l7?.p95Ns ?? null })),
    { ...span, base: 42, top: 6 },
  );
  return (
    <>
      <Section title="Requests" note={hasErrors ? 'errors below the line' : `now, mean of ${POINT_S} s`}>
        <div className="chart">
          <svg viewBox={`0 0 ${FULL} ${hasErrors ? 64 : 48}`} role="img" aria-label="Requests and errors over time">
            <path className="base" d={`M0 42.5H${WIDTH}`} />
            <Area line={up} />
            {hasErrors && <path className="below errors" d={down.area} />}
            <text className="k" x={WIDTH + 8} y={yOf(up, 42, 6)}>
              {rate(up.last ?? 0)}
            </text>
            {hasErrors && (
              <text className="er" x={WIDTH + 8} y={62}>
                {rate(down.last ?? 0)}
              </text>
            )}
          </svg>
          {times}
        </div>
      </Section>
      <Section title="Latency" note="p95">
        <div className="chart">
          <svg viewBox={`0 0 ${FULL} 48`} role="img" aria-label="Latency of answers over time">
            <path className="base" d={`M0 42.5H${WIDTH}`} />
            <Area line={delay} />
            <text className="k" x={WIDTH + 8} y={yOf(delay, 42, 6)}>
              {delay.last === null ? '–' : duration(delay.last)}
            </text>
          </svg>
          {times}
        </div>
      </Section>
    </>
  );
}

function Area({ line }: { line: Line }): ReactNode {
  return (
    <>
      <path className="area" d={line.area} />
      <path className="line" d={line.line} />
    </>
  );
}

/** Where the label of the last value stands: at the end of its line. */
function yOf({ most, last }: Line, base: number, top: number): number {
  return Math.min(base, base - (most === 0 ? 0 : ((last ?? 0) / most) * (base - top)) + 4);
}

function Times({ since, until }: { since: number; until: number }): ReactNode {
  return (
    <p className="times" style={{ width: `${(WIDTH / FULL) * 100}%` }}>
      <span>{since === 0 ? '\u00a0' : clock(since)}</span>
      <span>{since === 0 ? '' : clock(until)}</span>
    </p>
  );
}
