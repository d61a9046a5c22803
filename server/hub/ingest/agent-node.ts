/** A node of the cluster, over all agents that ran on it: what the hub received from it, and lost. */
import type { Counters } from '../../wire/agent.ts';
import type { LossLedger } from '../../wire/status.ts';
import { StageTracker } from '../datapath/stage-tracker.ts';
import { CounterTracker } from '../edges/counter-tracker.ts';
import { SeriesTracker } from '../l7/series-tracker.ts';
import { NodeLedger } from '../loss/node-ledger.ts';
import type { AgentSession } from './agent-session.ts';

export class AgentNode {
  readonly name: string;
  readonly tracker = new CounterTracker();
  readonly series = new SeriesTracker();
  readonly ledger = new NodeLedger();
  readonly stages: StageTracker;
  #session: AgentSession | null = null;
  connected = false;
  /** Unix ms of the last connect or disconnect. */
  changed = 0;
  flows = 0;
  flowsRate = 0;
  lagMs = 0;
  duplicates = 0;
  counters: Counters | null = null;
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
    this.counters = null;
    this.#session = session;
  }

  get lost(): LossLedger {
    return this.ledger.lost;
  }

  /** Called every second. */
  updateRate(): void {
    const now = this.flows - this.#flowsBefore;
    this.#flowsBefore = this.flows;
    this.flowsRate += (now - this.flowsRate) / 5;
    if (this.flowsRate < 0.01) this.flowsRate = 0;
  }
}
