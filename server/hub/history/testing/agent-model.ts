/** A hub over a real store without sockets, and agents that remember all they ever delivered. */
import { pino } from 'pino';
import { BATCH_HEADER, KIND } from '../../../wire/agent.ts';
import { RECORD_LAYOUT } from '../../../wire/record-layout.gen.ts';
import { sessionKey, sessionUuids } from '../../../flows/flow-uuid.ts';
import { type RecordFields, writeRecord } from '../../../flows/record-writer.ts';
import { HubState } from '../../hub-state.ts';
import { type AgentLink, Ingest } from '../../ingest/ingest.ts';
import { DICTIONARY, HELLO } from '../../testing/hub-bed.ts';
import { DEFAULT_BACKLOG, History } from '../history.ts';
import type { SqlEngine } from '../sql-engine.ts';
import { SCHEMA } from '../tables.ts';

export interface Delivered {
  uuid: string;
  session: bigint;
  sequence: number;
  /** Unix ns. */
  time: bigint;
  node: string;
  fields: RecordFields;
}

/** A hub as a process would be: `end` stops it in order. */
export class ModelHub {
  readonly state: HubState;
  readonly ingest: Ingest;

  /** `memory`: bytes. Without a store it keeps flows in memory only. */
  constructor(memory: number, engine: SqlEngine | null) {
    this.state = new HubState({ memory, version: '0.1.0' });
    if (engine !== null) {
      const prepare = async (): Promise<void> => {
        for (const statement of SCHEMA) await engine.command(statement);
      };
      const store = { kind: 'chdb' as const, engine, prepare, close: async () => Promise.resolve() };
      const options = { hub: this.state.id, log: pino({ level: 'silent' }), backlog: DEFAULT_BACKLOG };
      this.state.history = new History(store, options);
    }
    this.ingest = new Ingest(this.state);
  }

  async end(): Promise<void> {
    await this.state.history?.close();
  }
}

/** An agent, over all its restarts. */
export class ModelAgent {
  readonly node: string;
  readonly delivered: Delivered[] = [];
  #session = '';
  #number = 0;
  #sequence = 0;
  /** Batches of the session, as they would be sent again. */
  #kept: Buffer[] = [];
  #links = new Map<ModelHub, AgentLink>();
  #sessions = 0;

  constructor(node: string) {
    this.node = node;
    this.restart();
  }

  /** A new process on the same node. */
  restart(): void {
    this.#session = `${this.node}-${++this.#sessions}`;
    this.#number = 0;
    this.#sequence = 0;
    this.#kept = [];
    this.#links = new Map();
  }

  /** Says hello and sends again the last batches it keeps. `now`: Unix ms. */
  connect(hub: ModelHub, keeps = Infinity, now = Date.now()): AgentLink {
    const link = hub.ingest.hello({ ...HELLO, node: this.node, session: this.#session });
    hub.ingest.connected(link, now);
    hub.ingest.dictionary(link, DICTIONARY);
    this.#links.set(hub, link);
    const again = keeps === 0 ? [] : this.#kept.slice(-keeps);
    for (const batch of again) hub.ingest.batch(link, batch, now);
    return link;
  }

  /** The records' `time_ns` is Unix ns less `clock`. */
  deliver(hubs: readonly ModelHub[], records: readonly (RecordFields & { time_ns: number })[], clock: bigint): void {
    const header = Buffer.alloc(BATCH_HEADER.size);
    header[0] = KIND.batch;
    header.writeUInt32LE(records.length, BATCH_HEADER.count);
    header.writeBigUInt64LE(BigInt(++this.#number), BATCH_HEADER.number);
    header.writeBigInt64LE(clock, BATCH_HEADER.clock_offset_ns);
    header.writeBigUInt64LE(BigInt(this.#sequence), BATCH_HEADER.first_sequence);
    const session = sessionKey(this.node, this.#session);
    const uuid = sessionUuids(session);
    for (const fields of records) {
      const sequence = this.#sequence++;
      const time = BigInt(fields.time_ns) + clock;
      this.delivered.push({ uuid: uuid(sequence), session, sequence, time, node: this.node, fields });
    }
    const batch = Buffer.concat([header, ...records.map((fields) => writeRecord(RECORD_LAYOUT, fields))]);
    this.#kept.push(batch);
    for (const hub of hubs) {
      if (!this.#links.has(hub)) this.connect(hub, 0);
      const link = this.#links.get(hub);
      if (link !== undefined) hub.ingest.batch(link, batch, Date.now());
    }
  }
}
