/**
 * Bounds how many time series the hub's metrics have in all, whatever names peers choose. What finds no room is counted in
 * one series for each metric whose label values are all `other`, so sums stay exact.
 */

export const DEFAULT_SERIES = 10_000;
const TRAFFIC_SHARE = 0.8;

export class SeriesBudget {
  readonly limit: number;
  #used = 0;
  /** How often something was counted as `other`. */
  folded = 0;

  constructor(limit: number = DEFAULT_SERIES) {
    this.limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** Takes room for `series` more, if there is; those of `traffic` leave some to what the hub says of nodes and of itself. */
  take(series: number, of: 'traffic' | 'hub'): boolean {
    if (this.#used + series > (of === 'traffic' ? TRAFFIC_SHARE : 1) * this.limit) return false;
    this.#used += series;
    return true;
  }

  /** For the series `other`, which always have room: that is taken before anything is counted. */
  reserve(series: number): void {
    this.#used += series;
  }

  give(series: number): void {
    this.#used -= series;
  }
}
