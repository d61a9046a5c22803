/** What each edge did since the page was opened: one point a map message, for the small charts of the details panel. */
import type { MapEdge, ServiceMap } from '../../../server/wire/service-map.ts';

/** Points kept per edge, at one a second. */
export const MAX_POINTS = 300;
/** Edges remembered at once; beyond it those that were gone longest are forgotten. */
const MAX_EDGES = 20_000;

export interface EdgePoint {
  /** Unix ms of the end of the window. */
  time: number;
  connectionRate: number;
  byteRate: number;
  dropRate: number;
  p95Ns: number | null;
}

export class EdgeHistory {
  readonly #points = new Map<string, EdgePoint[]>();

  add(map: ServiceMap): void {
    const time = Date.parse(map.window.until);
    for (const edge of map.edges) {
      const points = this.#points.get(edge.id) ?? [];
      points.push(pointOf(edge, time));
      if (points.length > MAX_POINTS) points.shift();
      // Set anew, so that the order of the map is the order of last sight.
      this.#points.delete(edge.id);
      this.#points.set(edge.id, points);
    }
    for (const id of this.#points.keys()) {
      if (this.#points.size <= MAX_EDGES) break;
      this.#points.delete(id);
    }
  }

  /** Oldest first; a copy, empty for an edge never seen. */
  of(edgeId: string): readonly EdgePoint[] {
    return [...(this.#points.get(edgeId) ?? [])];
  }

  clear(): void {
    this.#points.clear();
  }
}

function pointOf(edge: MapEdge, time: number): EdgePoint {
  return {
    time,
    connectionRate: edge.connection_rate,
    byteRate: edge.byte_rate,
    dropRate: edge.drop_rate,
    p95Ns: edge.rtt?.p95_ns ?? null,
  };
}
