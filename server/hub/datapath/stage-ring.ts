/**
 * What stages did on each node over the last 15 minutes. Rows are told apart by text keys, parts separated by spaces
 * (names of nodes have none): `stage NODE STAGE OUTCOME`, `drop NODE REASON`, `dropped-at NODE STAGE REASON`, `cpu NODE`.
 */
import { type Summing, type Window, WindowRing } from '../window-ring.ts';

/** Bound on rows over all buckets, about 100 bytes each. */
const MAX_ROWS = 300_000;

export interface StageTotals {
  /** Packets; of `cpu`: microseconds. */
  count: number;
  /** Of these, packets whose time was measured, and the sum of it. */
  sampled: number;
  sampledNs: number;
}

export type StageWindow = Window<string, StageTotals>;

const SUMS: Summing<StageTotals> = {
  zero: () => ({ count: 0, sampled: 0, sampledNs: 0 }),
  add: (to, by) => {
    to.count += by.count;
    to.sampled += by.sampled;
    to.sampledNs += by.sampledNs;
  },
  weight: () => 1,
};

export class StageRing extends WindowRing<string, StageTotals> {
  constructor() {
    super(SUMS, MAX_ROWS);
  }
}

/** A row of what is only counted. */
export function counted(count: number): StageTotals {
  return { count, sampled: 0, sampledNs: 0 };
}
