/** Rates change each second and move nothing: what places and lines are made from changes only with the shape. */
import { useMemo, useState } from 'react';
import type { Graph } from './graph/model.ts';

export interface Shaped {
  /** The first graph of this shape; its rates are old. */
  graph: Graph | null;
  shape: string;
}

export function useShaped(graph: Graph | null): Shaped {
  const shape = useMemo(() => (graph === null ? '' : shapeOf(graph)), [graph]);
  const [kept, keep] = useState<Shaped>({ graph: null, shape: '' });
  if (kept.shape !== shape) keep({ graph, shape });
  return kept;
}

/** Nodes with their ports, which of them have notes, and lines. */
function shapeOf(graph: Graph): string {
  const nodes = [...graph.nodes.values()].map(
    (it) => `${it.id}(${it.ports.map((port) => `${port.key}${port.l7 === null ? '' : '+'}`).join()})`,
  );
  const lines = graph.lines.map((it) => it.id);
  return `${nodes.toSorted().join()} ${lines.toSorted().join()}`;
}
