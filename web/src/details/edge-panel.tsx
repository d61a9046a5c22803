/** Details of an edge of the map: who talks to whom, how much, how fast, and what was dropped. */
import { memo, type ReactNode } from 'react';
import type { FlowFilter } from '../../../server/wire/live.ts';
import type { MapEdge, MapGroup, MapNode } from '../../../server/wire/service-map.ts';
import { curlCommand, observeCommand } from '../filter/commands.ts';
import { CopyButton } from '../marks/copy-button.tsx';
import { VerdictMark } from '../marks/verdict-mark.tsx';
import {
  type Figure,
  byteFigure,
  bytes,
  count,
  counted,
  DASH,
  duration,
  durationFigure,
  exact,
  percent,
} from '../words/numbers.ts';
import { usePast, windowWords } from '../live/past.ts';
import { FAILING } from '../words/edge-l7.ts';
import { reasonWords } from '../words/reasons.ts';
import { VERDICT_WORD, type Verdict } from '../words/what.ts';
import { EdgeCharts } from './edge-charts.tsx';
import { EdgeRoutes } from './edge-routes.tsx';
import { Figures, Panel, Section } from './panel.tsx';

interface EdgePanelProps {
  edge: MapEdge;
  source: MapNode | undefined;
  target: MapNode | undefined;
  group: MapGroup;
  windowS: number;
  filter: FlowFilter;
  onFilter: (filter: FlowFilter) => void;
  onClose: () => void;
}

export const EdgePanel = memo(function EdgePanel(props: EdgePanelProps): ReactNode {
  const { edge, source, target, group, windowS, filter, onFilter, onClose } = props;
  const past = usePast();
  const unknown: Figure = { value: DASH, unit: '' };
  const { l7 } = edge;
  const p95Ns = l7 === null ? (edge.rtt?.p95_ns ?? null) : l7.p95_ns;
  const p95 = p95Ns === null ? unknown : durationFigure(p95Ns);
  const errors = l7?.error_share ?? null;
  const size = byteFigure(edge.byte_rate);
  const routes = l7 !== null && (
    <EdgeRoutes edge={edge} target={target} group={group} windowS={windowS} filter={filter} onFilter={onFilter} />
  );
  return (
    <Panel
      label="Edge details"
      title={
        <>
          <span className="name">{source?.name ?? edge.source}</span>
          <VerdictMark verdict={verdictOfEdge(edge)} />
          <span className="name">{target?.name ?? edge.target}</span>
        </>
      }
      subtitle={`${place(source, edge.source)} to ${place(target, edge.target)}${edge.port === 0 ? '' : `:${edge.port}`}, ${edge.protocol.toLowerCase()}`}
      onClose={onClose}
      foot={
        <>
          <button type="button" className="btn main" onClick={() => onFilter(filter)} title="Filter to this (x)">
            Filter to this edge
          </button>
          <CopyButton label="hubble" text={observeCommand(filter)} />
          <CopyButton label="curl" text={curlCommand(filter, location.origin)} />
        </>
      }
    >
      <Figures
        figures={[
          l7 === null
            ? { value: count(edge.connection_rate), unit: '/s', caption: 'connections' }
            : { value: `${l7.exact ? '' : '≥\u00a0'}${count(l7.rate)}`, unit: '/s', caption: 'requests' },
          ...(l7 === null ? [] : [errorFigure(errors)]),
          { value: size.value, unit: `\u00a0${size.unit}/s`, caption: 'bytes, exact' },
          { value: p95.value, unit: p95.unit === '' ? '' : `\u00a0${p95.unit}`, caption: 'p95' },
          ...(l7 === null || edge.drop_rate > 0
            ? [{ value: count(edge.drop_rate), unit: '/s', caption: 'dropped', tone: edge.drop_rate > 0 ? 'bad' : '' }]
            : []),
        ]}
      />
      {past === null ? (
        <EdgeCharts key={`${edge.id} ${group}`} edgeId={edge.id} group={group} filter={filter} routes={routes} />
      ) : (
        routes
      )}
      {Object.keys(edge.drop_reasons).length > 0 && (
        <Section title="Dropped" note="packets, by reason">
          <dl className="kv wide">
            {sorted(edge.drop_reasons).map(([reason, packets]) => (
              <div key={reason}>
                <dt className="bad">{reasonWords(reason)}</dt>
                <dd>{exact(packets)}</dd>
              </div>
            ))}
          </dl>
        </Section>
      )}
      <Section title="Addressed" note={edge.service === null ? 'directly' : 'by service'}>
        <p className="soft">
          {edge.service === null ? (
            'Clients used the address of the target itself.'
          ) : (
            <>
              Clients called service{' '}
              <b className="m">
                {edge.service.namespace}/{edge.service.name}
              </b>
              .
            </>
          )}
        </p>
      </Section>
      <Section title="Traffic" note={`kernel counters, ${windowWords(windowS, past)}`}>
        <dl className="kv four">
          <div>
            <dt>Opened</dt>
            <dd>{exact(edge.connections)}</dd>
          </div>
          <div>
            <dt>Answered</dt>
            <dd className={edge.connections > 0 && edge.answered === 0 ? 'bad' : ''}>{exact(edge.answered)}</dd>
          </div>
          <div>
            <dt>Sent</dt>
            <dd>{bytes(edge.bytes)}</dd>
          </div>
          <div>
            <dt>Returned</dt>
            <dd>{bytes(edge.reply_bytes)}</dd>
          </div>
          <div>
            <dt>Packets</dt>
            <dd>{count(edge.packets)}</dd>
          </div>
          <div>
            <dt>Returned</dt>
            <dd>{count(edge.reply_packets)}</dd>
          </div>
          {edge.rtt !== null && (
            <>
              <div>
                <dt>p50</dt>
                <dd>{duration(edge.rtt.p50_ns)}</dd>
              </div>
              <div>
                <dt>Measured</dt>
                <dd>{counted(edge.rtt.count, 'time')}</dd>
              </div>
            </>
          )}
        </dl>
      </Section>
      <Section title="Verdicts" note="packets">
        <dl className="kv wide">
          {sorted(edge.verdicts).map(([verdict, packets]) => (
            <div key={verdict}>
              <dt className={verdict === 'DROPPED' ? 'bad' : ''}>{wordOf(verdict)}</dt>
              <dd>{exact(packets)}</dd>
            </div>
          ))}
        </dl>
      </Section>
    </Panel>
  );
});

function errorFigure(share: number | null): { value: string; unit: string; caption: string; tone: string } {
  const [value = DASH, unit = ''] = share === null ? [] : percent(share).split('\u00a0');
  return {
    value,
    unit: unit === '' ? '' : `\u00a0${unit}`,
    caption: 'errors',
    tone: share !== null && share >= FAILING ? 'error' : '',
  };
}

/** What the end of its line shows. */
export function verdictOfEdge(edge: MapEdge): Verdict {
  if ((edge.verdicts['DROPPED'] ?? 0) > 0 && edge.packets === 0) return 'dropped';
  if (edge.connections > 0 && edge.answered === 0) return 'unanswered';
  return 'forwarded';
}

function sorted(counts: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(counts).toSorted(([, a], [, b]) => b - a);
}

function wordOf(verdict: string): string {
  const key = verdict.toLowerCase();
  return Object.hasOwn(VERDICT_WORD, key) ? VERDICT_WORD[key as Verdict] : verdict;
}

function place(node: MapNode | undefined, id: string): string {
  if (node === undefined) return id;
  return node.namespace === '' ? node.name : `${node.namespace}/${node.name}`;
}
