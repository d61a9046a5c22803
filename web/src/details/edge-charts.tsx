/** What an edge did since it is watched: requests and their latency, connections, drops, and the handshake time. */
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
  const frame = { points, since, until };
  return (
    <>
      {points.some((point) => point.l7 !== null) && (
        <>
          <RateChart
            {...frame}
            title="Requests"
            label="Requests and errors over time"
            up={({ l7 }) => l7?.rate ?? 0}
            down={({ l7 }) => l7?.errorRate ?? 0}
            below="errors"
          />
          <DelayChart
            {...frame}
            title="Latency"
            label="Latency of answers over time"
            value={({ l7 }) => l7?.p95Ns ?? null}
          />
        </>
      )}
      {routes}
      <RateChart
        {...frame}
        title="Connections"
        label="Connections and drops over time"
        up={(point) => point.connectionRate}
        down={(point) => point.dropRate}
        below="dropped packets"
      />
      {points.some((point) => point.p95Ns !== null) && (
        <DelayChart {...frame} title="Handshake time" label="Handshake time over time" value={(point) => point.p95Ns} />
      )}
    </>
  );
}

interface ChartProps {
  points: readonly EdgePoint[];
  /** The time axis, Unix ms. */
  since: number;
  until: number;
  title: string;
  /** Names the picture for those who do not see it. */
  label: string;
}

/** A rate as a line upwards, and what went wrong of it downwards on a scale of its own. */
function RateChart({
  points,
  since,
  until,
  title,
  label,
  up,
  down,
  below,
}: ChartProps & {
  up: (point: EdgePoint) => number;
  down: (point: EdgePoint) => number;
  below: 'errors' | 'dropped packets';
}): ReactNode {
  const hasBelow = points.some((point) => down(point) > 0);
  const isErrors = below === 'errors';
  const span = { width: WIDTH, since, until };
  const upLine = lineOf(
    points.map((point) => ({ time: point.time, value: up(point) })),
    { ...span, base: 42, top: 6 },
  );
  const downLine = lineOf(
    points.map((point) => ({ time: point.time, value: down(point) })),
    { ...span, base: 44, top: hasBelow ? 60 : 44 },
  );
  return (
    <Section title={title} note={hasBelow ? `${below} below the line` : `now, mean of ${POINT_S} s`}>
      <div className="chart">
        <svg viewBox={`0 0 ${FULL} ${hasBelow ? 64 : 48}`} role="img" aria-label={label}>
          <path className="base" d={`M0 42.5H${WIDTH}`} />
          <Area line={upLine} />
          {hasBelow && <path className={isErrors ? 'below errors' : 'below'} d={downLine.area} />}
          <text className="k" x={WIDTH + 8} y={yOf(upLine, 42, 6)}>
            {rate(upLine.last ?? 0)}
          </text>
          {hasBelow && (
            <text className={isErrors ? 'er' : 'dr'} x={WIDTH + 8} y={62}>
              {rate(downLine.last ?? 0)}
            </text>
          )}
        </svg>
        <Times since={since} until={until} />
      </div>
    </Section>
  );
}

/** A time that something took, ns; null where nothing was measured. */
function DelayChart({
  points,
  since,
  until,
  title,
  label,
  value,
}: ChartProps & { value: (point: EdgePoint) => number | null }): ReactNode {
  const line = lineOf(
    points.map((point) => ({ time: point.time, value: value(point) })),
    { width: WIDTH, since, until, base: 42, top: 6 },
  );
  return (
    <Section title={title} note="p95">
      <div className="chart">
        <svg viewBox={`0 0 ${FULL} 48`} role="img" aria-label={label}>
          <path className="base" d={`M0 42.5H${WIDTH}`} />
          <Area line={line} />
          <text className="k" x={WIDTH + 8} y={yOf(line, 42, 6)}>
            {line.last === null ? '–' : duration(line.last)}
          </text>
        </svg>
        <Times since={since} until={until} />
      </div>
    </Section>
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
