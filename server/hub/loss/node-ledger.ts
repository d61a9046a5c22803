/**
 * Accounts for every record of a node: what the kernel says it produced, what the agent says it gave up and handed over,
 * and what this hub counted. An agent's counters follow all batches it sent before them, so the figures are of one moment.
 */
import type { RecordCounts } from '../../wire/agent.ts';
import type { LossLedger } from '../../wire/status.ts';
import type { AgentSession } from '../ingest/agent-session.ts';
import { addBalance, type Balance, difference, lossOf, zeroBalance } from './balance.ts';

interface SessionState {
  session: AgentSession;
  /** As said last. */
  counts: RecordCounts;
  /** Records of the session that this hub had received then. */
  received: number;
  balance: Balance;
}

export class NodeLedger {
  /** Over all sessions since the hub heard of the node. */
  readonly #total = zeroBalance();
  #last: SessionState | null = null;
  #isFollowed = true;

  get total(): Balance {
    return this.#total;
  }

  get lost(): LossLedger {
    return lossOf(this.#total);
  }

  /** Whether this hub has followed all of the node's sessions from their begin, so that the total leaves nothing out. */
  get isFollowed(): boolean {
    return this.#isFollowed;
  }

  /** Whether every record that the node produced since this hub heard of it was received, or is on its way. */
  get isWhole(): boolean {
    const { elsewhere, ring, buffer, agent, transit } = this.#total;
    return this.#isFollowed && elsewhere + ring + buffer + agent + transit === 0;
  }

  /** Some records of the node were replaced in memory. */
  overwrite(count: number): Balance {
    const by = { ...zeroBalance(), overwritten: count };
    addBalance(this.#total, by);
    return by;
  }

  /**
   * The agent's counts have arrived. `followed`: this hub has seen the session from its begin. @returns what is new since
   * the counts before; `exact` is false if part of it was not watched, and is left out.
   */
  update(session: AgentSession, counts: RecordCounts, followed: boolean): { by: Balance; exact: boolean } {
    const by = zeroBalance();
    const last = this.#last;
    if (last !== null && last.session !== session) addBalance(by, this.#end(last, session, counts));
    const before = last?.session === session ? last.balance : zeroBalance();
    const balance = balanceOf(session, counts);
    const more = difference(balance, before);
    addBalance(this.#total, by);
    addBalance(this.#total, more);
    this.#last = { session, counts, received: session.received, balance };
    // What a session had counted before this hub heard of it is no traffic of this second.
    const isNew = last?.session !== session;
    if (isNew && !followed) {
      this.#isFollowed = false;
      return { by, exact: false };
    }
    addBalance(by, more);
    return { by, exact: true };
  }

  /** What became of the rest of a session whose agent has ended; `counts` are the first of the next one. */
  #end({ session, counts: last, balance, received }: SessionState, next: AgentSession, counts: RecordCounts): Balance {
    const arrived = session.received - received;
    let agent: number;
    if (next.hello.counters_id === session.hello.counters_id) {
      // Records it took out of the ring, less those that are accounted for.
      const taken = counts.taken_before - last.taken_before;
      agent = Math.max(0, taken - (session.received - session.messages) - last.skipped);
    } else {
      // The ring is gone with it: what was on the way when the agent was heard last.
      agent = Math.max(0, balance.waiting - arrived);
      this.#isFollowed = false;
    }
    // Of messages that it made and nobody saw, nothing is known.
    if (agent > 0) this.#isFollowed = false;
    // What still waits in the ring is the next one's.
    const waiting = -balance.waiting;
    return { ...zeroBalance(), produced: arrived + agent + waiting, received: arrived, agent, waiting };
  }
}

/** Where the session's records are, as counted by all sides. */
function balanceOf({ received }: AgentSession, counts: RecordCounts): Balance {
  const { produced, ring, buffer, waiting, skipped, handed } = counts;
  return {
    ...zeroBalance(),
    produced,
    received,
    elsewhere: Math.max(0, skipped - buffer),
    waiting,
    ring,
    buffer,
    transit: Math.max(0, handed - received),
  };
}
