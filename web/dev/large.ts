/** Fixture: a cluster of any size, the same for the same size. Not part of the product. */
import type { MapEdge, MapNode, ServiceMap } from '../../server/wire/service-map.ts';
import { dropped, edge } from './shop.ts';

const GROUP = 50;

/** A small generator of repeatable numbers in [0, 1). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** `nodes` in groups of 50, `edges` mostly within a group; each 25th is dropped. */
export function large(nodes: number, edges: number): ServiceMap {
  const next = random(7);
  const groups = Math.ceil(nodes / GROUP);
  const all = Array.from({ length: nodes }, (_, i) => nodeAt(i));
  const found = new Map<string, MapEdge>();
  while (found.size < edges) {
    const from = Math.floor(next() * nodes);
    const own = Math.floor(from / GROUP);
    // Each group calls three others: one of a few everybody uses, and two of its own choice.
    const others = [own % 3, (own * 7 + 3) % groups, (own * 5 + 1) % groups];
    const group = next() < 0.8 ? own : (others[Math.floor(next() * 3)] ?? own);
    const [source, target] = [all[from], all[group * GROUP + Math.floor(next() * GROUP)]];
    if (source === undefined || target === undefined || source === target) continue;
    const rest = found.size % 25 === 0 ? dropped(1 + next() * 9, 'POLICY_DENIED') : {};
    const it = edge(source.id, target.id, 'TCP/8080', Math.round(10 ** (next() * 3)), rest);
    found.set(it.id, it);
  }
  const window = { since: '2026-01-01T00:00:00Z', until: '2026-01-01T00:01:00Z', exact: true };
  return { window, group: 'workload', nodes: all, edges: [...found.values()] };
}

function nodeAt(i: number): MapNode {
  const namespace = `team-${String(Math.floor(i / GROUP)).padStart(2, '0')}`;
  const name = `service-${i % GROUP}`;
  return {
    id: `${namespace}/Deployment/${name}`,
    kind: 'Deployment',
    namespace,
    name,
    pods: 1 + (i % 3),
    addresses: [],
  };
}
