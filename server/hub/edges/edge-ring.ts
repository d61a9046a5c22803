/** Increments of all edges over the last 15 minutes. */
import { type Window, WindowRing } from '../window-ring.ts';
import { addTotals, type EdgeTotals, type TrackedEdge, zeroTotals } from './tracked-edge.ts';

/** Bound on edges over all buckets, about 150 bytes each. */
const MAX_ROWS = 600_000;

export type EdgeWindow = Window<TrackedEdge, EdgeTotals>;

export class EdgeRing extends WindowRing<TrackedEdge, EdgeTotals> {
  constructor() {
    super({ zero: zeroTotals, add: addTotals, weight: () => 1 }, MAX_ROWS);
  }
}
