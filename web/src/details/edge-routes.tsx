/** The routes of an edge: how often each is asked for, how many requests fail, how long answers take. */
import { type ReactNode, useMemo } from 'react';
import type { L7Row } from '../../../server/wire/l7-table.ts';
import type { FlowFilter } from '../../../server/wire/live.ts';
import type { MapEdge, MapGroup, MapNode } from '../../../server/wire/service-map.ts';
import { nodeFilter } from '../filter/edge-filter.ts';
import { mapPart } from '../filter/grammar.ts';
import { routeFilter } from '../filter/route-filter.ts';
import { usePast, windowWords } from '../live/past.ts';
import { useRoutes } from '../live/use-routes.ts';
import { FAILING } from '../words/edge-l7.ts';
import { DASH, duration, exact, percent, rate } from '../words/numbers.ts';
import { Section } from './panel.tsx';
import './routes.css';

const MOST = 12;

interface EdgeRoutesProps {
  edge: MapEdge;
  target: MapNode | undefined;
  group: MapGroup;
  windowS: number;
  /** Selects the edge. */
  filter: FlowFilter;
  onFilter: (filter: FlowFilter) => void;
}

export function EdgeRoutes({ edge, target, group, windowS, filter, onFilter }: EdgeRoutesProps): ReactNode {
  // Series know no transport: DNS over TCP is told with DNS over UDP.
  const { protocol: _transport, ...ends } = mapPart(filter).filter;
  const past = usePast();
  const table = useRoutes(group, windowS, ends);
  const rows = useMemo(() => (table === null ? null : routesOf(table.rows, edge)), [table, edge]);
  if (rows === null) return <Section title="Routes">{<p className="soft">loading</p>}</Section>;
  const busiest = Math.max(...rows.map((it) => it.rate), 0);
  const note = rows.length > MOST ? `top ${MOST} of ${exact(rows.length)}` : windowWords(windowS, past);
  return (
    <Section title="Routes" note={note}>
      <table className="routes">
        <thead>
          <tr>
            <th scope="col">Route</th>
            <th scope="col">Rate</th>
            <th scope="col">Errors</th>
            <th scope="col">p50</th>
            <th scope="col">p95</th>
            <th scope="col">p99</th>
          </tr>
        </thead>
        {rows.slice(0, MOST).map((row) => (
          <Route
            key={`${row.protocol} ${row.route} ${row.service?.name ?? ''}`}
            row={row}
            share={busiest === 0 ? 0 : row.rate / busiest}
            onOpen={() => onFilter(flowsOf(row, target, edge.port))}
          />
        ))}
      </table>
    </Section>
  );
}

function Route({ row, share, onOpen }: { row: L7Row; share: number; onOpen: () => void }): ReactNode {
  const { route, exact: isExact, error_share: errors, latency_ns: latency } = row;
  const codes = Object.entries(row.codes)
    .map(([code, times]) => `${code === '' ? 'OK' : code} ×${exact(times)}`)
    .join(', ');
  return (
    <tbody>
      <tr className="name">
        <th scope="rowgroup" colSpan={6}>
          <button type="button" title={`${route}\nFlows of this route`} onClick={onOpen}>
            {route}
          </button>
        </th>
      </tr>
      <tr title={codes}>
        <td>
          <i className="share" style={{ width: `${Math.max(2, share * 100)}%` }} />
        </td>
        <td>
          {isExact ? '' : '≥ '}
          {rate(row.rate)}
        </td>
        <td className={errors !== null && errors >= FAILING ? 'failing' : ''}>
          {errors === null ? DASH : percent(errors)}
        </td>
        <td>{latency === null ? DASH : duration(latency.p50)}</td>
        <td>{latency === null ? DASH : duration(latency.p95)}</td>
        <td>{latency === null ? DASH : duration(latency.p99)}</td>
      </tr>
    </tbody>
  );
}

/** What the table has of this edge: its filter may select more. */
function routesOf(rows: readonly L7Row[], { source, target, port }: MapEdge): L7Row[] {
  return rows.filter((row) => row.source === source && row.target === target && row.port === port);
}

/** Requests and answers of the route at its target, whoever asked. */
function flowsOf(row: L7Row, target: MapNode | undefined, port: number): FlowFilter {
  return { ...(target && nodeFilter(target)), port: [String(port)], ...routeFilter(row.protocol, row.route) };
}
