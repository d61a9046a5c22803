/** A node at near level: kind, name, replicas, and a row for each port traffic arrives at. */
import { memo, type ReactNode } from 'react';
import { FAILING } from '../words/edge-l7.ts';
import { PROTOCOL_WORD } from '../words/message.ts';
import { DASH, duration, packetRate, percent, rate } from '../words/numbers.ts';
import type { ColourMode } from './contract.ts';
import type { Box } from './graph/geometry.ts';
import type { GraphNode, Port, PortL7 } from './graph/model.ts';
import { besideName, CARD_MAX_WIDTH, MAX_ROWS, NAME_CHARACTER, NOTE_HEIGHT, ROW_HEIGHT } from './graph/size.ts';
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
  const { name, kind } = node.node;
  const classes = [
    'map-card',
    kind === 'World' && 'world',
    kind === 'Hidden' && 'hatched',
    isGhost(node) && 'ghost',
    isSelected && 'selected',
  ];
  const hidden = node.ports.length - MAX_ROWS;
  return (
    <button
      type="button"
      data-node={node.id}
      className={classes.filter(Boolean).join(' ')}
      style={{ left: box.x, top: box.y, width: box.width, height: box.height }}
      title={name}
      aria-pressed={isSelected}
      aria-label={`${name}, ${kind}${node.group === null ? '' : ` in ${node.group}`}`}
      onClick={() => onSelect(node.id)}
      onKeyDown={(event) => {
        if (event.key === 'f') onFold(node.id);
      }}
    >
      <span className="map-card-head">
        <KindIcon kind={kind} />
        <span className="map-card-name">
          {box.width < CARD_MAX_WIDTH ? name : middle(name, box.width - besideName(node))}
        </span>
        <span className="map-card-pods">{podsOf(node)}</span>
      </span>
      {node.ports.length === 0 ? (
        <span className="map-card-row only">{`${packetRate(node.out)} ${node.hasReached ? 'out' : 'tried'}`}</span>
      ) : (
        node.ports.slice(0, MAX_ROWS).map((port) => <PortRow key={port.key} port={port} colour={colour} />)
      )}
      {hidden > 0 && <span className="map-card-row more">{hidden} more</span>}
    </button>
  );
}, isSame);

/** Nothing stands behind it now, or nothing got there: drawn as an outline. */
function isGhost({ node, isUnreached }: GraphNode): boolean {
  return podsOf({ node }) === '0 pods' || (node.kind === 'World' && isUnreached);
}

function podsOf({ node }: Pick<GraphNode, 'node'>): string {
  if (['World', 'Host', 'Namespace', 'Hidden'].includes(node.kind)) return '';
  return node.pods === 0 ? '0 pods' : node.pods > 1 ? `×${node.pods}` : '';
}

/** Each second brings new objects; a card is rendered anew for what it shows. */
function isSame(a: CardProps, b: CardProps): boolean {
  return (
    a.box === b.box &&
    a.colour === b.colour &&
    a.isSelected === b.isSelected &&
    a.onSelect === b.onSelect &&
    a.onFold === b.onFold &&
    shown(a.node) === shown(b.node)
  );
}

function shown({ node, ports, out, hasReached, isUnreached }: GraphNode): string {
  return JSON.stringify([node.name, node.pods, ports, out, hasReached, isUnreached]);
}

function PortRow({ port, colour }: { port: Port; colour: ColourMode }): ReactNode {
  const { l7 } = port;
  const name = l7 === null ? (KNOWN_PORTS[port.key] ?? port.protocol.toLowerCase()) : PROTOCOL_WORD[l7.protocol];
  const p95 = l7 === null ? port.p95 : l7.p95;
  const latency = p95 === null ? DASH : duration(p95);
  const figure = l7 === null ? port.rate : l7.rate;
  return (
    <>
      <span
        className="map-card-row"
        style={{ height: ROW_HEIGHT }}
        title={colour === 'latency' ? undefined : l7 === null ? 'packets a second' : 'requests a second'}
      >
        <span className={port.rate === 0 ? 'map-card-dot hollow' : 'map-card-dot'} />
        <span className="map-card-port">
          {port.port === 0 ? name : port.port}
          {port.port !== 0 && <i>{name}</i>}
        </span>
        <span className="map-card-value">{colour === 'latency' ? latency : figure === 0 ? DASH : rate(figure)}</span>
      </span>
      {l7 !== null && <MessageNote l7={l7} colour={colour} />}
    </>
  );
}

/** What the row above leaves out: how fast requests are answered, or how many there are; and how many of them fail. */
function MessageNote({ l7, colour }: { l7: PortL7; colour: ColourMode }): ReactNode {
  const { responses, errors, p95 } = l7;
  const share = responses === 0 ? null : errors / responses;
  return (
    <span className="map-card-note" style={{ height: NOTE_HEIGHT }}>
      <span>{colour === 'latency' ? rate(l7.rate) : `p95 ${p95 === null ? DASH : duration(p95)}`}</span>
      <span className={share !== null && share >= FAILING ? 'map-card-errors failing' : 'map-card-errors'}>
        err {share === null ? DASH : percent(share)}
      </span>
    </span>
  );
}

/** The name, cut in the middle where it is wider than `width`. */
function middle(name: string, width: number): string {
  const most = Math.floor(width / NAME_CHARACTER);
  if (name.length <= most) return name;
  const tail = Math.floor(most / 2);
  return `${name.slice(0, most - tail - 1)}…${name.slice(-tail)}`;
}
