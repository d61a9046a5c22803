/** What is slow or failing: services by harm, with rate, errors and latency; routes and callers of the chosen one. */
import { type ReactNode, useMemo, useState } from 'react';
import type { L7ProtocolName } from '../../../server/wire/l7.ts';
import type { L7Row } from '../../../server/wire/l7-table.ts';
import type { FlowFilter } from '../../../server/wire/live.ts';
import { shownName } from '../filter/names.ts';
import { usePast, windowWords } from '../live/past.ts';
import { useRoutes } from '../live/use-routes.ts';
import { Segments } from '../marks/segments.tsx';
import { FAILING } from '../words/edge-l7.ts';
import { PROTOCOL_WORD } from '../words/message.ts';
import { counted, DASH, duration, exact, percent, rate } from '../words/numbers.ts';
import { AXIS_NS, byHarm, onAxis, spokenId } from './harm.ts';
import { LatencyLine } from './latency-line.tsx';
import { SpokenPanel } from './spoken-panel.tsx';
import './l7.css';

interface L7PageProps {
  windowS: number;
  filter: FlowFilter;
  /** Names of the filter that sums cannot apply. */
  ignored: readonly string[];
  isHeld: boolean;
  /** See spokenId. */
  selected: string | null;
  onSelect: (selected: string | null) => void;
  onFlows: (filter: FlowFilter) => void;
}

const ALL = 'all';

export function L7Page({ windowS, filter, ignored, isHeld, selected, onSelect, onFlows }: L7PageProps): ReactNode {
  const past = usePast();
  const table = useRoutes('workload', windowS, filter, { per: 'target', isHeld });
  const [protocol, setProtocol] = useState<L7ProtocolName | typeof ALL>(ALL);
  const spoken = useMemo(() => [...new Set((table?.rows ?? []).map((row) => row.protocol))].toSorted(), [table]);
  const rows = useMemo(
    () => byHarm((table?.rows ?? []).filter((row) => protocol === ALL || row.protocol === protocol)),
    [table, protocol],
  );
  const chosen = table?.rows.find((row) => spokenId(row) === selected);
  const lost =
    table === null ? 0 : table.losses.ring + table.losses.gaps + table.losses.malformed + table.losses.evicted;
  return (
    <div className={selected === null ? 'left l7' : 'left l7 with-panel'}>
      <div className="l7-main">
        <div className="bar" role="toolbar" aria-label="L7">
          <h2>L7</h2>
          <Segments
            label="Protocol"
            options={[{ value: ALL, text: 'All' }, ...spoken.map((it) => ({ value: it, text: PROTOCOL_WORD[it] }))]}
            value={protocol}
            onChange={setProtocol}
          />
          {ignored.length > 0 && (
            <span className="note" title="Sums know services and routes, not single messages.">
              Without {ignored.map((name) => shownName(name.replace('not.', ''))).join(', ')}
            </span>
          )}
          <span className="gap" />
          {lost > 0 && <span className="note">At least: {counted(lost, 'capture')} could not be read</span>}
          <span>Most harm first, {windowWords(windowS, past)}</span>
        </div>
        <div className="l7-list" tabIndex={0} role="region" aria-label="Services">
          {table === null && <div className="map-wait" role="status" aria-label="Loading" />}
          {table !== null && rows.length === 0 && (
            <p className="none">
              No message was read in this range. Workloads annotated spyglass.io/l7: off send none.
            </p>
          )}
          {rows.length > 0 && <Services rows={rows} selected={selected} onSelect={onSelect} />}
        </div>
      </div>
      {selected !== null && (
        <SpokenPanel
          id={selected}
          row={chosen}
          windowS={windowS}
          filter={filter}
          isHeld={isHeld}
          onFlows={onFlows}
          onClose={() => onSelect(null)}
        />
      )}
    </div>
  );
}

interface ServicesProps {
  rows: readonly L7Row[];
  selected: string | null;
  onSelect: (selected: string) => void;
}

function Services({ rows, selected, onSelect }: ServicesProps): ReactNode {
  const busiest = Math.max(...rows.map((row) => row.rate));
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Service</th>
          <th scope="col">Protocol</th>
          <th scope="col" className="num">
            Rate
          </th>
          <th scope="col" aria-label="Rate beside the busiest, errors below" />
          <th scope="col" className="num">
            Errors
          </th>
          <th scope="col" className="num">
            p50
          </th>
          <th scope="col" className="num">
            p95
          </th>
          <th scope="col" className="num">
            p99
          </th>
          <th scope="col">
            <span className="axis">
              <i>{duration(AXIS_NS[0])}</i>
              <i style={{ left: `${onAxis(1e6) * 100}%` }}>{duration(1e6)}</i>
              <i style={{ left: `${onAxis(100e6) * 100}%` }}>{duration(100e6)}</i>
              <i className="end">{duration(AXIS_NS[1])}</i>
            </span>
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => {
          const id = spokenId(row);
          const [namespace, kind, ...name] = row.target.split('/');
          const { error_share: errors, latency_ns: latency } = row;
          const isFailing = errors !== null && errors >= FAILING;
          return (
            <tr key={id} aria-selected={id === selected} onClick={() => onSelect(id)}>
              <td>
                <button type="button" className="link" onClick={() => onSelect(id)}>
                  {name.length === 0 ? (
                    <b>{kind ?? row.target}</b>
                  ) : (
                    <>
                      <span className="mute">{namespace}/</span>
                      <b>{name.join('/')}</b>
                    </>
                  )}
                  <span className="mute">:{row.port}</span>
                </button>
              </td>
              <td className="soft">{PROTOCOL_WORD[row.protocol]}</td>
              <td className="num" title={`${exact(row.requests)} requests`}>
                {row.exact ? '' : '≥ '}
                {rate(row.rate)}
              </td>
              <td className="rate-bar">
                <i style={{ width: `${(row.rate / busiest) * 100}%` }} />
                <u style={{ width: `${(row.rate / busiest) * (errors ?? 0) * 100}%` }} />
              </td>
              <td className={isFailing ? 'num failing' : 'num'}>{errors === null ? DASH : percent(errors)}</td>
              <td className="num">{latency === null ? DASH : duration(latency.p50)}</td>
              <td className="num">{latency === null ? DASH : duration(latency.p95)}</td>
              <td className="num">{latency === null ? DASH : duration(latency.p99)}</td>
              <td className="line">{latency !== null && <LatencyLine latency={latency} />}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
