/** Details of a node of the map: what arrives at which port, who talks to it, whom it talks to. */
import { memo, type ReactNode } from 'react';
import type { FlowFilter } from '../../../server/wire/live.ts';
import type { MapEdge, MapNode, ServiceMap } from '../../../server/wire/service-map.ts';
import { curlCommand, observeCommand } from '../filter/commands.ts';
import { nodeFilter } from '../filter/edge-filter.ts';
import { CopyButton } from '../marks/copy-button.tsx';
import { VerdictMark } from '../marks/verdict-mark.tsx';
import { KIND_WORDS } from '../words/ends.ts';
import { byteFigure, count, counted, rate } from '../words/numbers.ts';
import { verdictOfEdge } from './edge-panel.tsx';
import { Figures, Panel, Section } from './panel.tsx';

interface NodePanelProps {
  node: MapNode;
  map: ServiceMap;
  isFolded: boolean;
  onFold: (nodeId: string, isFolded: boolean) => void;
  onEdge: (edge: MapEdge) => void;
  onFilter: (filter: FlowFilter) => void;
  onClose: () => void;
}

const MOST_PEERS = 12;

export const NodePanel = memo(function NodePanel({
  node,
  map,
  isFolded,
  onFold,
  onEdge,
  onFilter,
  onClose,
}: NodePanelProps): ReactNode {
  const into = map.edges.filter((edge) => edge.target === node.id);
  const out = map.edges.filter((edge) => edge.source === node.id);
  const names = new Map(map.nodes.map((other) => [other.id, other]));
  const filter = nodeFilter(node);
  const size = byteFigure(sum([...into, ...out], (edge) => edge.byte_rate));
  const dropped = sum([...into, ...out], (edge) => edge.drop_rate);
  const pods =
    node.kind === 'World' || node.kind === 'Host' || node.kind === 'Hidden' ? '' : `, ${counted(node.pods, 'pod')}`;
  return (
    <Panel
      label="Node details"
      title={<span className="name">{node.name}</span>}
      subtitle={`${node.namespace === '' || node.kind === 'Namespace' ? '' : `${node.namespace}, `}${KIND_WORDS[node.kind]}${pods}`}
      onClose={onClose}
      foot={
        <>
          <button type="button" className="btn main" onClick={() => onFilter(filter)} title="Filter to this (x)">
            Filter to this
          </button>
          <button type="button" className="btn" onClick={() => onFold(node.id, !isFolded)} title="Fold (f)">
            {isFolded ? 'Unfold' : 'Fold'}
          </button>
          <CopyButton label="hubble" text={observeCommand(filter)} />
          <CopyButton label="curl" text={curlCommand(filter, location.origin)} />
        </>
      }
    >
      <Figures
        figures={[
          { value: count(sum(into, (edge) => edge.connection_rate)), unit: '/s', caption: 'in' },
          { value: count(sum(out, (edge) => edge.connection_rate)), unit: '/s', caption: 'out' },
          { value: size.value, unit: `\u00a0${size.unit}/s`, caption: 'bytes, exact' },
          { value: count(dropped), unit: '/s', caption: 'dropped', tone: dropped > 0 ? 'bad' : '' },
        ]}
      />
      {node.kind === 'Service' && node.pods === 0 && (
        <Section title="Why" note="0 pods">
          <p className="soft">
            {node.namespace}/{node.name} has no pod behind it, so what is sent to it is dropped.
          </p>
        </Section>
      )}
      <Peers title="From" edges={into} peer={(edge) => names.get(edge.source)} onEdge={onEdge} />
      <Peers title="To" edges={out} peer={(edge) => names.get(edge.target)} onEdge={onEdge} />
      {node.addresses.length > 0 && (
        <Section title="Names and addresses">
          <ul className="plain">
            {node.addresses.map((address) => (
              <li key={address}>{address}</li>
            ))}
          </ul>
        </Section>
      )}
    </Panel>
  );
});

interface PeersProps {
  title: string;
  edges: readonly MapEdge[];
  peer: (edge: MapEdge) => MapNode | undefined;
  onEdge: (edge: MapEdge) => void;
}

function Peers({ title, edges, peer, onEdge }: PeersProps): ReactNode {
  if (edges.length === 0) return null;
  const busiest = edges
    .toSorted((a, b) => b.connection_rate + b.drop_rate - a.connection_rate - a.drop_rate)
    .slice(0, MOST_PEERS);
  return (
    <Section
      title={title}
      note={edges.length > busiest.length ? `top ${busiest.length} of ${edges.length}` : counted(edges.length, 'edge')}
    >
      <ul className="peers">
        {busiest.map((edge) => {
          const other = peer(edge);
          const verdict = verdictOfEdge(edge);
          return (
            <li key={edge.id}>
              <button type="button" className={verdict} onClick={() => onEdge(edge)}>
                <VerdictMark verdict={verdict} />
                <span className="who">
                  {other !== undefined && other.namespace !== '' && <i>{other.namespace}/</i>}
                  {other?.name ?? '–'}
                </span>
                <span className="port">
                  {edge.port === 0 ? '' : edge.port} {edge.protocol.toLowerCase()}
                </span>
                <span className="num">{rate(verdict === 'dropped' ? edge.drop_rate : edge.connection_rate)}</span>
              </button>
            </li>
          );
        })}
      </ul>
    </Section>
  );
}

function sum(edges: readonly MapEdge[], of: (edge: MapEdge) => number): number {
  return edges.reduce((total, edge) => total + of(edge), 0);
}
