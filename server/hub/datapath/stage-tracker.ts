/** Turns the cumulative counters of one node's stages, drops and CPU time into increments. */
import type { Counters } from '../../wire/agent.ts';
import { Baseline, type SeenFromStart } from '../baseline.ts';
import { counted, type StageTotals } from './stage-ring.ts';

export interface StageIncrements {
  rows: [key: string, by: StageTotals][];
  /** False if something was counted that no increment shows. */
  exact: boolean;
}

export class StageTracker {
  readonly #node: string;
  readonly #baseline = new Baseline<Counters>();
  #last = new Map<string, StageTotals>();

  constructor(node: string) {
    this.#node = node;
  }

  /** The agent's connection is new: its next message may cover a time of silence. */
  reconnected(): void {
    this.#baseline.reconnected();
  }

  /** `now` is Unix ms at arrival. */
  apply(countersId: string, counters: Counters, fromStart: SeenFromStart, now: number): StageIncrements {
    const { isNew, take, exact } = this.#baseline.read(countersId, counters, fromStart, now);
    const result: StageIncrements = { rows: [], exact };
    if (isNew) this.#last = new Map();
    for (const { message, as } of take) {
      for (const [key, totals] of this.#rows(message)) {
        const by = this.#advance(key, totals);
        // Agents count their CPU time anew when they start, although the kernel's counters go on.
        if (as === 'increment' && by.count > 0) result.rows.push([key, by]);
      }
    }
    return result;
  }

  *#rows(counters: Counters): Generator<[string, StageTotals]> {
    const node = this.#node;
    for (const [stage, outcome, count, sampled, sampledNs] of counters.stages) {
      yield [`stage ${node} ${stage} ${outcome}`, { count, sampled, sampledNs }];
    }
    for (const [reason, count] of Object.entries(counters.drops)) yield [`drop ${node} ${reason}`, counted(count)];
    yield [`cpu ${node}`, counted(Math.round(counters.agent.cpu_seconds * 1e6))];
  }

  #advance(key: string, now: StageTotals): StageTotals {
    const last = this.#last.get(key);
    this.#last.set(key, now);
    return {
      count: now.count - (last?.count ?? 0),
      sampled: Math.max(0, now.sampled - (last?.sampled ?? 0)),
      sampledNs: Math.max(0, now.sampledNs - (last?.sampledNs ?? 0)),
    };
  }
}
