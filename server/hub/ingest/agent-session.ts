/** One agent process as the hub knows it. Stored records keep their session, and with it their names, alive. */
import type { Archive, Hello } from '../../wire/agent.ts';
import { AgentDictionary } from '../../flows/dictionary.ts';
import { sessionKey, sessionUuids } from '../../flows/flow-uuid.ts';
import { RecordCursor } from '../../flows/record.ts';
import type { SeenFromStart } from '../baseline.ts';
import type { WrittenSession } from '../history/written-session.ts';
import type { SessionHits } from '../policy-hits.ts';
import type { FlowSource } from '../store/flow-store.ts';

/** A first record older than this at arrival shows that the agent had been counting before the hub saw it. */
const MAX_START_AGE_MS = 10_000;

export class AgentSession implements FlowSource {
  readonly hello: Hello;
  readonly uuid: (sequence: number) => string;
  readonly names: AgentDictionary;
  readonly cursor: RecordCursor;
  readonly recordSize: number;
  readonly policyHits: SessionHits = new Map();
  /** Number of the newest batch held, 0 for none. */
  lastBatch = 0;
  /** Place that its next record will have, as far as batches arrived; 0 before the first. */
  nextSequence = 0;
  /** As history knows it, null if the hub keeps none. */
  written: WrittenSession | null = null;
  /** Called when more of its batches are settled. */
  onSettled: (() => void) | null = null;
  #seenFromStart: SeenFromStart = null;
  /** Records the agent could not keep, as it said last. */
  lost = 0;
  /** Who archives, as the agent said last; null if it said nothing: this hub. */
  archive: Archive | null = null;
  /** Records held or overwritten, and how many of them are messages. */
  received = 0;
  messages = 0;

  constructor(hello: Hello) {
    this.hello = hello;
    this.names = new AgentDictionary(hello.node, sessionKey(hello.node, hello.session));
    this.uuid = sessionUuids(this.names.session);
    this.cursor = new RecordCursor(hello.layout);
    this.recordSize = hello.layout.size;
  }

  /** Number of the newest batch that is held for good, as all before it: stored, given up, or in memory without history. */
  get settled(): number {
    return this.written?.settled ?? this.lastBatch;
  }

  /** Whether the hub with this id writes the session to history. */
  isArchivedBy(hub: string): boolean {
    return this.archive === null || this.archive.hub === hub;
  }

  get seenFromStart(): SeenFromStart {
    return this.#seenFromStart;
  }

  /** Told of the first batch only: its number, its loss, and the age of its oldest record in ms. */
  began(number: number, lost: number, age: number): void {
    this.#seenFromStart ??= number === 1 && lost === 0 && age <= MAX_START_AGE_MS;
  }
}
