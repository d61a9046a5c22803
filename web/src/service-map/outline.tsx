/** The map as text, for those who cannot see it: every node, and every line with its end and rate. */
import type { ReactNode } from 'react';
import { rate } from '../words/numbers.ts';
import type { Graph, Line } from './graph/model.ts';

const WORDS = { forwarded: '', dropped: ', dropped', unanswered: ', no answer' } as const;

interface OutlineProps {
  graph: Graph;
  onSelect: (line: Line) => void;
}

export function Outline({ graph, onSelect }: OutlineProps): ReactNode {
  const name = (id: string): string => graph.nodes.get(id)?.node.name ?? id;
  return (
    <ul className="visually-hidden" aria-label="Edges of the map">
      {graph.lines.map((line) => (
        <li key={line.id}>
          <button type="button" tabIndex={-1} onClick={() => onSelect(line)}>
            {`${name(line.source)} to ${name(line.target)}, ${line.edge.protocol} ${line.edge.port}, ${rate(line.rate)}${WORDS[line.end]}`}
          </button>
        </li>
      ))}
    </ul>
  );
}
