/** Turns the cumulative series of one node's agent into increments. */
import type { L7Report } from '../../wire/l7.ts';
import type { L7Losses } from '../../wire/l7-table.ts';
import type { Names } from '../../flows/dictionary.ts';
import { Baseline, type SeenFromStart } from '../baseline.ts';
import { type L7Totals, LOSS_SUMS, newLosses, zeroLosses } from './l7-totals.ts';
import { TrackedSeries } from './tracked-series.ts';

/**
 * Series of one agent session, about 1 kB each with their histograms. Agents hold fewer, and give what they have
 * forgotten a new id: beyond this the one that was named longest ago is gone for good.
 */
const MAX_SERIES = 20_000;

export interface L7Increments {
  series: [TrackedSeries, L7Totals][];
  losses: L7Losses;
  /** False if something was counted that no increment shows. */
  exact: boolean;
}

export class SeriesTracker {
  readonly #baseline = new Baseline<{ names: Names; report: L7Report }>();
  #series = new Map<number, TrackedSeries>();
  #losses = zeroLosses();
  #lastReport = '';

  /** The agent's connection is new: its next report may cover a time of silence. */
  reconnected(): void {
    this.#baseline.reconnected();
  }

  /** What the agent's series say now, as it would tell a hub that has just begun to listen; null before the first report. */
  current(): Pick<L7Report, 'time_ns' | 'series' | 'losses'> | null {
    if (this.#lastReport === '') return null;
    const series = new Map(Array.from(this.#series, ([id, it]) => [id, it.current()]));
    let losses = this.#losses;
    for (const { report } of this.#baseline.pending) {
      for (const it of report.series) series.set(it.id, it);
      losses = report.losses;
    }
    return { time_ns: this.#lastReport, series: [...series.values()], losses };
  }

  /**
   * `session` names the agent's process; `now` is Unix ms at arrival. A long report comes in parts with the same time,
   * one after another.
   */
  apply(names: Names, session: string, report: L7Report, fromStart: SeenFromStart, now: number): L7Increments {
    const isPart = report.time_ns === this.#lastReport;
    this.#lastReport = report.time_ns;
    const { isNew, take, exact } = this.#baseline.read(session, { names, report }, fromStart, now, isPart);
    const result: L7Increments = { series: [], losses: zeroLosses(), exact };
    if (isNew) {
      this.#series = new Map();
      this.#losses = zeroLosses();
    }
    for (const { message, as } of take) this.#take(message.names, message.report, as === 'increment', result);
    return result;
  }

  /** The series named longest ago comes first. */
  #remember(id: number, series: TrackedSeries): void {
    this.#series.delete(id);
    this.#series.set(id, series);
    if (this.#series.size <= MAX_SERIES) return;
    const [oldest] = this.#series.keys();
    if (oldest !== undefined) this.#series.delete(oldest);
  }

  #take(names: Names, report: L7Report, isIncrement: boolean, result: L7Increments): void {
    for (const entry of report.series) {
      const series = this.#series.get(entry.id) ?? new TrackedSeries(names, entry);
      this.#remember(entry.id, series);
      const { by, isForward } = series.advance(entry);
      if (!isForward) result.exact = false;
      else if (isIncrement && by.requests + by.responses > 0) result.series.push([series, by]);
    }
    const losses = newLosses(report.losses, this.#losses);
    this.#losses = report.losses;
    if (isIncrement) LOSS_SUMS.add(result.losses, losses);
  }
}
