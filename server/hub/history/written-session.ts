/** A session as the writer of history knows it: how its rows are made, and how far they are stored. */
import type { AgentSession } from '../ingest/agent-session.ts';
import { FlowRows } from './flow-rows.ts';

export class WrittenSession {
  readonly session: AgentSession;
  readonly rows: FlowRows;
  /** Unix ms of the hello. */
  readonly begun: number;
  /** Greatest batch that the store had when this hub began to write the session; null until the store said so. */
  storedBefore: number | null = null;
  /** The session and all its names are to be written before its next rows: they never were, or changes were given up. */
  isUnwritten = true;
  /** Number of the newest batch taken, 0 for none. */
  newest = 0;
  /** Place of the record after the last one that came; null before the first. */
  nextSequence: number | null = null;
  /** Records that the agent said it lost, by cause; null before it said any. */
  lost: { ring: number; buffer: number } | null = null;
  #settled = 0;

  constructor(session: AgentSession, begun: number) {
    this.session = session;
    this.begun = begun;
    this.rows = new FlowRows(session.names, session.hello.layout);
  }

  hadBefore(batch: number): boolean {
    return batch <= (this.storedBefore ?? 0);
  }

  /** Number of the newest batch that is stored or given up, as all before it are; 0 for none. */
  get settled(): number {
    return this.#settled;
  }

  settle(batch: number): void {
    if (batch <= this.#settled) return;
    this.#settled = batch;
    this.session.onSettled?.();
  }
}
