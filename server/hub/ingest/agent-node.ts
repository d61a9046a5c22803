/** A node of the cluster, over all agents that ran on it: what the hub received from it, and lost. */
import type { Counters } from '../../wire/agent.ts';
import type { LossLedger } from '../../wire/status.ts';
import { StageTracker } from '../datapath/stage-tracker.ts';
import { CounterTracker } from '../edges/counter-tracker.ts';
import { SeriesTracker } from '../l7/series-tracker.ts';
import type { AgentSession } from './agent-session.ts';

export class AgentNode {
  readonly name: string;
  readonly tracker = new CounterTracker();
  readonly series = new SeriesTracker();
  readonly stages: StageTracker;
  #session: AgentSession | null = null;
  connected = false;
  /** Unix ms of the last connect or disconnect. */
  changed = 0;
  flows = 0;
  flowsRate = 0;
  lagMs = 0;
  duplicates = 0;
  missingBatches = 0;
  counters: Counters | null = null;
  /** Records lost by sessions before the current one. */
  #lostBefore: Omit<LossLedger, 'missing_batches'> = { records: 0, ring: 0, buffer: 0 };
  #flowsBefore = 0;

  constructor(name: string) {
    this.name = name;
    this.stages = new StageTracker(name);
  }

  /** The agent process that was heard last, null before the first. */
  get session(): AgentSession | null {
    return this.#session;
  }

  begin(session: AgentSession): void {
    this.#lostBefore = this.#lost();
    this.counters = null;
    this.#session = session;
  }

  get lost(): LossLedger {
    return { ...this.#lost(), missing_batches: this.missingBatches };
  }

  /** Called every second. */
  updateRate(): void {
    const now = this.flows - this.#flowsBefore;
    this.#flowsBefore = this.flows;
    this.flowsRate += (now - this.flowsRate) / 5;
    if (this.flowsRate < 0.01) this.flowsRate = 0;
  }

  #lost(): Omit<LossLedger, 'missing_batches'> {
    const { records, ring, buffer } = this.#lostBefore;
    return {
      records: records + (this.session?.lost ?? 0),
      ring: ring + (this.counters?.lost.ring ?? 0),
      buffer: buffer + (this.counters?.lost.buffer ?? 0),
    };
  }
}
