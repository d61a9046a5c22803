/** One service and protocol: figures, its routes whoever asks, and who asks. */
import { type ReactNode, useMemo } from 'react';
import type { L7Row } from '../../../server/wire/l7-table.ts';
import type { FlowFilter } from '../../../server/wire/live.ts';
import { Figures, Panel, Section } from '../details/panel.tsx';
import { routeFilter } from '../filter/route-filter.ts';
import { usePast, windowWords } from '../live/past.ts';
import { useRoutes } from '../live/use-routes.ts';
import { FAILING } from '../words/edge-l7.ts';
import { PROTOCOL_WORD } from '../words/message.ts';
import { DASH, duration, durationFigure, exact, percent, rate } from '../words/numbers.ts';
import { byHarm, spokenId, sumRows } from './harm.ts';
import '../details/routes.css';

interface SpokenPanelProps {
  /** See spokenId. */
  id: string;
  /** Its sums, undefined if nothing was read of it in this range. */
  row: L7Row | undefined;
  windowS: number;
  filter: FlowFilter;
  isHeld: boolean;
  onFlows: (filter: FlowFilter) => void;
  onClose: () => void;
}

const MOST_ROUTES = 40;
const MOST_CALLERS = 20;

export function SpokenPanel({ id, row, windowS, filter, isHeld, onFlows, onClose }: SpokenPanelProps): ReactNode {
  const past = usePast();
  const routes = useRoutes('workload', windowS, filter, { per: 'target-route', isHeld });
  const pairs = useRoutes('workload', windowS, filter, { isHeld });
  const own = useMemo(() => byHarm((routes?.rows ?? []).filter((it) => spokenId(it) === id)), [routes, id]);
  const callers = useMemo(
    () =>
      byHarm(
        sumRows(
          (pairs?.rows ?? []).filter((it) => spokenId(it) === id),
          (it) => it.source,
        ),
      ),
    [pairs, id],
  );
  if (row === undefined) {
    return (
      <Panel label="Messages" title="Not in this range" subtitle={id} onClose={onClose} foot={null}>
        <p className="wait">No message of it was read, {windowWords(windowS, past)}, or the filter hides it.</p>
      </Panel>
    );
  }
  const at = targetFilter(row);
  const { latency_ns: latency, error_share: errors } = row;
  return (
    <Panel
      label="Messages"
      title={<span className="name">{row.target.split('/').at(-1)}</span>}
      subtitle={
        <>
          {PROTOCOL_WORD[row.protocol]} on port <b className="m">{row.port}</b>
          {row.exact ? '' : '; counts are at least, captures were lost'}
        </>
      }
      onClose={onClose}
      foot={
        <button
          type="button"
          className="btn"
          onClick={() => onFlows({ ...at, type: ['l7'], ...routeFilter(row.protocol, '') })}
        >
          Flows
        </button>
      }
    >
      <Figures
        figures={[
          { value: rate(row.rate).replace('/s', ''), unit: '/s', caption: 'requests' },
          {
            value: errors === null ? DASH : percent(errors).replace(/\s%$/, ''),
            unit: errors === null ? '' : ' %',
            caption: 'errors',
            tone: errors !== null && errors >= FAILING ? 'failing' : '',
          },
          figure(latency?.p50, 'p50'),
          figure(latency?.p95, 'p95'),
        ]}
      />
      <Section title="Codes" note="answers">
        <p className="soft">
          {Object.entries(row.codes)
            .map(([code, times]) => `${code === '' ? 'OK' : code} ×${exact(times)}`)
            .join(', ') || 'None yet.'}
        </p>
      </Section>
      <Section title="Routes" note={own.length > MOST_ROUTES ? `${MOST_ROUTES} of ${own.length}` : 'whoever asks'}>
        <Rows
          rows={own.slice(0, MOST_ROUTES)}
          name={(it) => it.route}
          onOpen={(it) => onFlows({ ...at, ...routeFilter(it.protocol, it.route) })}
        />
      </Section>
      <Section title="Callers" note={callers.length > MOST_CALLERS ? `${MOST_CALLERS} of ${callers.length}` : ''}>
        <Rows
          rows={callers.slice(0, MOST_CALLERS)}
          name={(it) => nameOf(it.source)}
          onOpen={(it) => onFlows({ ...at, ...callerFilter(it.source), type: ['l7'] })}
        />
      </Section>
    </Panel>
  );
}

function figure(ns: number | undefined, caption: string): { value: string; unit: string; caption: string } {
  if (ns === undefined) return { value: DASH, unit: '', caption };
  const { value, unit } = durationFigure(ns);
  return { value, unit: ` ${unit}`, caption };
}

interface RowsProps {
  rows: readonly L7Row[];
  name: (row: L7Row) => string;
  onOpen: (row: L7Row) => void;
}

function Rows({ rows, name, onOpen }: RowsProps): ReactNode {
  const hasLatency = rows.some((row) => row.latency_ns !== null);
  return (
    <table className="l7-rows">
      <tbody>
        {rows.map((row) => {
          const { error_share: errors, latency_ns: latency } = row;
          return (
            <tr key={name(row)}>
              <th scope="row">
                <button type="button" title={`${name(row)}\nFlows`} onClick={() => onOpen(row)}>
                  {name(row)}
                </button>
              </th>
              <td>{rate(row.rate)}</td>
              <td className={errors !== null && errors >= FAILING ? 'failing' : ''}>
                {errors === null ? DASH : percent(errors)}
              </td>
              {hasLatency && <td>{latency === null ? DASH : duration(latency.p95)}</td>}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** `shop/web` of `shop/Deployment/web`; `world/8.8.8.8` and the like stay. */
function nameOf(id: string): string {
  const [namespace, , ...name] = id.split('/');
  return name.length === 0 ? id : `${namespace}/${name.join('/')}`;
}

function targetFilter({ target, port }: L7Row): FlowFilter {
  const [namespace = '', kind = '', ...name] = target.split('/');
  const ends: FlowFilter = name.length === 0 ? {} : { namespace: [namespace], workload: [`${kind}/${name.join('/')}`] };
  return { ...ends, port: [String(port)] };
}

function callerFilter(source: string): FlowFilter {
  const [namespace = '', kind = '', ...name] = source.split('/');
  // Both ends are asked for: answers go the other way.
  return name.length === 0 ? {} : { pod: [`${namespace}/${kind === 'Pod' ? name.join('/') : `${name.join('/')}-`}`] };
}
