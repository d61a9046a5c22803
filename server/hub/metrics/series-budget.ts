/**
 * Bounds how many time series the hub's metrics have in all, whatever names peers choose. What finds no room is counted in
 * one series for each metric whose label values are all `other`, so sums stay exact.
 */

export const DEFAULT_SERIES = 10_000;

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

  /** Takes room for `series` more, if there is. */
  take(series: number): boolean {
    if (this.#used + series > this.limit) return false;
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
