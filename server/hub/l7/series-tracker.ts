/** Turns the cumulative series of one node's agent into increments. */
import type { L7Report } from '../../wire/l7.ts';
import type { L7Losses } from '../../wire/l7-table.ts';
import type { Names } from '../../flows/dictionary.ts';
import { Baseline, type SeenFromStart } from '../baseline.ts';
import { ProtocolError } from '../ingest/protocol-error.ts';
import { type L7Totals, LOSS_SUMS, newLosses, zeroLosses } from './l7-totals.ts';
import { TrackedSeries } from './tracked-series.ts';

/** Series of one agent session, about 1 kB each with their histograms. */
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

  /** The agent's connection is new: its next report may cover a time of silence. */
  reconnected(): void {
    this.#baseline.reconnected();
  }

  /** `session` names the agent's process; `now` is Unix ms at arrival. Throws a ProtocolError at too many series. */
  apply(names: Names, session: string, report: L7Report, fromStart: SeenFromStart, now: number): L7Increments {
    const { isNew, take, exact } = this.#baseline.read(session, { names, report }, fromStart, now);
    const result: L7Increments = { series: [], losses: zeroLosses(), exact };
    if (isNew) {
      this.#series = new Map();
      this.#losses = zeroLosses();
    }
    for (const { message, as } of take) this.#take(message.names, message.report, as === 'increment', result);
    return result;
  }

  #take(names: Names, report: L7Report, isIncrement: boolean, result: L7Increments): void {
    for (const entry of report.series) {
      let series = this.#series.get(entry.id);
      if (series === undefined) {
        if (this.#series.size >= MAX_SERIES) {
          throw new ProtocolError(
            'l7',
            `The agent has more than ${MAX_SERIES} series; a hub keeps no more of one node.`,
          );
        }
        series = new TrackedSeries(names, entry);
        this.#series.set(entry.id, series);
      }
      const { by, isForward } = series.advance(entry);
      if (!isForward) result.exact = false;
      else if (isIncrement && by.requests + by.responses > 0) result.series.push([series, by]);
    }
    const losses = newLosses(report.losses, this.#losses);
    this.#losses = report.losses;
    if (isIncrement) LOSS_SUMS.add(result.losses, losses);
  }
}
