/** A node at near level: kind, name, replicas, and a row for each port traffic arrives at. */
import { memo, type ReactNode } from 'react';
import { DASH, duration, rate } from '../words/numbers.ts';
import type { ColourMode } from './contract.ts';
import type { Box } from './graph/geometry.ts';
import type { GraphNode, Port } from './graph/model.ts';
import { MAX_ROWS, ROW_HEIGHT } from './graph/size.ts';
import { KindIcon } from './kind-icon.tsx';

const KNOWN_PORTS: Readonly<Record<string, string>> = {
  'UDP/53': 'dns',
  'TCP/53': 'dns tcp',
  'TCP/80': 'http',
  'TCP/443': 'tls',
  'TCP/6379': 'redis',
  'TCP/5432': 'pgsql',
};

interface CardProps {
  node: GraphNode;
  box: Box;
  colour: ColourMode;
  isSelected: boolean;
  onSelect: (id: string) => void;
  onFold: (id: string) => void;
}

export const Card = memo(function Card({ node, box, colour, isSelected, onSelect, onFold }: CardProps): ReactNode {
  const { name, kind, pods } = node.node;
  const isEmpty = kind === 'Service' && pods === 0;
  const classes = ['map-card', kind === 'World' && 'world', isEmpty && 'no-pods', isSelected && 'selected'];
  return (
    <button
      type="button"
      data-node={node.id}
      className={classes.filter(Boolean).join(' ')}
      style={{ left: box.x, top: box.y, width: box.width, height: box.height }}
      aria-pressed={isSelected}
      aria-label={`${name}, ${kind}${node.group === null ? '' : ` in ${node.group}`}`}
      onClick={() => onSelect(node.id)}
      onKeyDown={(event) => {
        if (event.key === 'f') onFold(node.id);
      }}
    >
      <span className="map-card-head">
        <KindIcon kind={kind} />
        <span className="map-card-name">{middle(name, box.width)}</span>
        <span className="map-card-pods">{isEmpty ? '0 pods' : pods > 1 ? `×${pods}` : ''}</span>
      </span>
      {node.ports.length === 0 ? (
        <span className="map-card-row only">{`${rate(node.out)} out`}</span>
      ) : (
        node.ports.slice(0, MAX_ROWS).map((port) => <PortRow key={port.key} port={port} colour={colour} />)
      )}
      {node.ports.length > MAX_ROWS && <span className="map-card-row only">{node.ports.length - MAX_ROWS} more</span>}
    </button>
  );
});

function PortRow({ port, colour }: { port: Port; colour: ColourMode }): ReactNode {
  const value =
    colour === 'latency' ? (port.p95 === null ? DASH : duration(port.p95)) : port.rate === 0 ? DASH : rate(port.rate);
  return (
    <span className="map-card-row" style={{ height: ROW_HEIGHT }}>
      <span className="map-card-dot" />
      <span className="map-card-port">
        {port.port === 0
          ? port.protocol.toLowerCase()
          : `${port.port} ${KNOWN_PORTS[port.key] ?? port.protocol.toLowerCase()}`}
      </span>
      <span className="map-card-value">{value}</span>
    </span>
  );
}

/** The name, cut in the middle where it is too long for the card. */
function middle(name: string, width: number): string {
  const most = Math.floor((width - 62) / 7);
  if (name.length <= most) return name;
  const tail = Math.floor(most / 2);
  return `${name.slice(0, most - tail - 1)}…${name.slice(-tail)}`;
}
