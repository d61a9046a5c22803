/**
 * What one edge does second by second, while somebody looks at it. The map's own figures are means over
 * the whole range, where a burst is flat; so the edge is asked for once more, over the shortest window.
 */
import type { FlowFilter, LiveMessage } from '../../../server/wire/live.ts';
import type { MapEdge, MapGroup } from '../../../server/wire/service-map.ts';
import { LiveSocket } from './live-socket.ts';
import { type ReadSignal, Signal } from './signal.ts';

/** Seconds that a point is the mean of. */
export const POINT_S = 5;
/** Points kept, at one a second. */
const MAX_POINTS = 300;

export interface EdgePoint {
  /** Unix ms of the end of its window. */
  time: number;
  connectionRate: number;
  dropRate: number;
  /** Null if no handshake was measured. */
  p95Ns: number | null;
  /** Of messages; null if none was read. */
  l7: { rate: number; errorRate: number; p95Ns: number | null } | null;
}

export class EdgeWatch {
  readonly #points = new Signal<readonly EdgePoint[]>([]);
  readonly #socket: LiveSocket;
  readonly #edgeId: string;

  /** `filter` needs to select the edge, and as little else as the map's filters allow. */
  constructor(url: string, edgeId: string, group: MapGroup, filter: FlowFilter) {
    this.#edgeId = edgeId;
    this.#socket = new LiveSocket(url, (message) => this.#receive(message));
    this.#socket.subscribe({ map: { group, window_s: POINT_S, filter } });
    this.#socket.connect();
  }

  /** Oldest first. */
  get points(): ReadSignal<readonly EdgePoint[]> {
    return this.#points;
  }

  close(): void {
    this.#socket.close();
  }

  #receive(message: LiveMessage): void {
    if (message.type !== 'map') return;
    const { edges, window } = message.map;
    const point = pointOf(
      edges.find(({ id }) => id === this.#edgeId),
      Date.parse(window.until),
    );
    this.#points.set([...this.#points.get(), point].slice(-MAX_POINTS));
  }
}

/** An edge that is not in the map was idle. */
export function pointOf(edge: MapEdge | undefined, time: number): EdgePoint {
  const l7 = edge?.l7 ?? null;
  return {
    time,
    connectionRate: edge?.connection_rate ?? 0,
    dropRate: edge?.drop_rate ?? 0,
    p95Ns: edge?.rtt?.p95_ns ?? null,
    l7: l7 === null ? null : { rate: l7.rate, errorRate: l7.errors / POINT_S, p95Ns: l7.p95_ns },
  };
}
