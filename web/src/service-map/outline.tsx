/** The map as text, for those who cannot see it: every node, and every line with its end and rate. */
import type { ReactNode } from 'react';
import { edgeL7Words, isFailing } from '../words/edge-l7.ts';
import { counted, exact, packetRate } from '../words/numbers.ts';
import type { Graph, GraphNode, Line } from './graph/model.ts';

const WORDS = { forwarded: '', dropped: ', dropped', unanswered: ', no answer' } as const;

/** A longer list is not heard to its end, and costs more than it tells; a filter makes it shorter. */
const MOST = 400;

interface OutlineProps {
  graph: Graph;
  onSelectNode: (id: string) => void;
  onSelect: (line: Line) => void;
}

export function Outline({ graph, onSelectNode, onSelect }: OutlineProps): ReactNode {
  const name = (id: string): string => graph.nodes.get(id)?.node.name ?? id;
  const lines = mostTelling(graph.lines);
  const nodes = [...graph.nodes.values()].slice(0, MOST);
  return (
    <div className="visually-hidden">
      <ul aria-label="Nodes of the map">
        {nodes.map((it) => (
          <li key={it.id}>
            <button type="button" tabIndex={-1} onClick={() => onSelectNode(it.id)}>
              {describe(it)}
            </button>
          </li>
        ))}
        <More of="nodes" hidden={graph.nodes.size - nodes.length} />
      </ul>
      <ul aria-label="Edges of the map">
        {lines.map((line) => (
          <li key={line.id}>
            <button type="button" tabIndex={-1} onClick={() => onSelect(line)}>
              {`${name(line.source)} to ${name(line.target)}, ${line.edge.protocol} ${line.edge.port}, ${packetRate(line.rate)}${WORDS[line.end]}${messageWords(line)}`}
            </button>
          </li>
        ))}
        <More of="edges" hidden={graph.lines.length - lines.length} />
      </ul>
    </div>
  );
}

function More({ of, hidden }: { of: string; hidden: number }): ReactNode {
  return hidden > 0 ? <li>{`${exact(hidden)} more ${of}; a filter makes the list shorter`}</li> : null;
}

function messageWords({ end, edge }: Line): string {
  return end === 'dropped' || edge.l7 === null ? '' : `, ${edgeL7Words(edge.l7)}`;
}

/** Exceptions and the busiest, in the order of the map. */
function mostTelling(lines: readonly Line[]): readonly Line[] {
  if (lines.length <= MOST) return lines;
  const rank = (it: Line): number => (it.end === 'forwarded' && !isFailing(it.edge.l7) ? 0 : 1e12) + it.rate;
  const kept = new Set(lines.toSorted((a, b) => rank(b) - rank(a)).slice(0, MOST));
  return lines.filter((it) => kept.has(it));
}

/** `web, Deployment in shop, 1 pod`. */
function describe({ node, group }: GraphNode): string {
  const place = group === null ? '' : ` in ${group}`;
  const pods =
    node.kind === 'World' || node.kind === 'Host' || node.kind === 'Hidden' ? '' : `, ${counted(node.pods, 'pod')}`;
  return `${node.name}, ${node.kind}${place}${pods}`;
}
