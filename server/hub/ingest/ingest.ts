/** Takes over what agents send. One call a message; the socket around it is agent-socket.ts. */
import { isDeepStrictEqual } from 'node:util';
import { AGENT_PROTOCOL_VERSION, type Archive, type Counters, type Dictionary, type Hello } from '../../wire/agent.ts';
import type { L7Report } from '../../wire/l7.ts';
import { RECORD_TYPE } from '../../wire/lists.gen.ts';
import { layoutProblem } from '../../flows/record.ts';
import { DropPlaces } from '../datapath/drop-places.ts';
import type { HistoryWriter } from '../history/writer.ts';
import type { HubState } from '../hub-state.ts';
import { AgentNode } from './agent-node.ts';
import { AgentSession } from './agent-session.ts';
import { type Batch, readBatchHeader, walkRecords } from './batch.ts';
import { ProtocolError } from './protocol-error.ts';

/** Bounds on what agents can make the hub remember, far above the largest clusters. */
const MAX_NODES = 10_000;
const MAX_NAMES = 500_000;

export interface AgentLink {
  readonly node: AgentNode;
  readonly session: AgentSession;
}

export class Ingest {
  readonly #state: HubState;
  readonly #dropPlaces = new DropPlaces();

  constructor(state: HubState) {
    this.#state = state;
  }

  get #writer(): HistoryWriter | null {
    return this.#state.history?.writer ?? null;
  }

  /** Finds or begins the session of a hello. Throws a ProtocolError if the hub cannot serve this agent. */
  hello(hello: Hello): AgentLink {
    if (hello.protocol !== AGENT_PROTOCOL_VERSION) {
      throw new ProtocolError(
        'hello',
        `The agent speaks protocol ${hello.protocol}, this hub ${AGENT_PROTOCOL_VERSION}; run the same version of both.`,
      );
    }
    const problem = layoutProblem(hello.layout);
    if (problem !== null) throw new ProtocolError('hello', problem);
    let node = this.#state.nodes.get(hello.node);
    if (node === undefined) {
      if (this.#state.nodes.size >= MAX_NODES)
        throw new ProtocolError('hello', `The hub knows ${MAX_NODES} nodes already.`);
      node = new AgentNode(hello.node);
      this.#state.nodes.set(hello.node, node);
    }
    node.tracker.reconnected();
    node.series.reconnected();
    node.stages.reconnected();
    const known = node.session;
    if (
      known !== null &&
      known.hello.session === hello.session &&
      isDeepStrictEqual(known.hello.layout, hello.layout)
    ) {
      return { node, session: known };
    }
    const session = new AgentSession(hello);
    node.begin(session);
    return { node, session };
  }

  connected(link: AgentLink, now: number): void {
    link.node.connected = true;
    link.node.changed = now;
    this.#writer?.connected(link.session, now);
    this.#state.timeline.mark(now, `Agent of ${link.node.name} connected`);
  }

  disconnected(link: AgentLink, now: number): void {
    link.node.connected = false;
    link.node.changed = now;
    this.#writer?.disconnected(link.session);
    this.#state.timeline.mark(now, `Agent of ${link.node.name} lost`);
  }

  dictionary(link: AgentLink, dictionary: Dictionary): void {
    const { names } = link.session;
    this.#writer?.dictionary(link.session, dictionary, Date.now());
    names.apply(dictionary, this.#state.store.nextId);
    const { endpoints, services, identities, rules, policies } = names;
    if (endpoints.size + services.size + identities.size + rules.size + policies.size > MAX_NAMES) {
      throw new ProtocolError('dictionary', `The dictionary has more than ${MAX_NAMES} entries.`);
    }
  }

  /** Appends a batch message (kind byte included). A batch that is held already is only counted. */
  batch(link: AgentLink, message: Buffer, now: number): void {
    const { stats, timeline } = this.#state;
    const { node, session } = link;
    const batch = readBatchHeader(message);
    if (batch.number === 0) throw new ProtocolError('batch', 'The batch has number 0; numbers begin with 1.');
    stats.bytes += message.length;
    if (batch.number <= session.lastBatch) {
      stats.duplicateBatches += 1;
      node.duplicates += 1;
      this.#archiveAgain(link, batch, now);
      return;
    }
    const isGap = batch.firstSequence > session.nextSequence;
    const flows = this.#append(link, batch, now);
    this.#state.stages.add(Math.floor(now / 1000), this.#dropPlaces.take(node.name), true);
    stats.batches += 1;
    if (session.lastBatch !== 0 && (isGap || batch.lost > session.lost)) timeline.addLoss(now);
    session.began(batch.number, batch.lost, node.lagMs);
    session.lastBatch = batch.number;
    session.lost = Math.max(session.lost, batch.lost);
    session.received += flows;
    node.flows += flows;
    timeline.addFlows(now, flows);
    this.#state.newFlows.notify();
  }

  /** The agent says who archives its session. A store of this hub's own is for what it heard, whatever others store. */
  archive({ session }: AgentLink, archive: Archive): void {
    if (this.#state.history?.isShared !== true) return;
    const wasOurs = session.isArchivedBy(this.#state.id);
    session.archive = archive;
    if (!wasOurs && session.isArchivedBy(this.#state.id)) this.#writer?.takeOver(session);
  }

  counters(link: AgentLink, counters: Counters, now: number): void {
    const { node, session } = link;
    node.counters = counters;
    const followed = session.seenFromStart !== false;
    const { by, exact } = node.ledger.update(session, counters.records, followed);
    this.#state.losses.add(Math.floor(now / 1000), [[node.name, by]], exact);
    const { edges, stages, timeline } = this.#state;
    const id = session.hello.counters_id;
    const done = node.stages.apply(id, counters, session.seenFromStart, now);
    stages.add(Math.floor(now / 1000), done.rows, done.exact);
    const found = node.tracker.apply(session.names, id, counters, session.seenFromStart, now);
    this.#writer?.counters(session, counters, found, now);
    edges.add(
      Math.floor(now / 1000),
      found.edges.map(({ edge, by }) => [edge, by]),
      found.exact,
    );
    this.#state.edgeTally.add(found.edges);
    if (found.drops > 0) timeline.addDrops(now, found.drops);
  }

  l7(link: AgentLink, report: L7Report, now: number): void {
    const { node, session } = link;
    const named = new Set<string>();
    for (const name of report.names) {
      const address = session.names.dns.add(name);
      if (address !== null) named.add(address);
    }
    this.#writer?.dns(session, named, now);
    const found = node.series.apply(session.names, session.hello.session, report, session.seenFromStart, now);
    this.#writer?.l7(session, found, now);
    this.#state.l7.add(Math.floor(now / 1000), node.name, found);
    this.#state.seriesTally.add(node.name, found);
  }

  /** A batch that memory has, sent again for history: the hub that wrote the session is gone. */
  #archiveAgain({ session }: AgentLink, batch: Batch, now: number): void {
    if (this.#writer === null || !this.#writer.wants(session, batch.number)) return;
    const walked = walkRecords(batch, session.cursor, session.recordSize, session.hello.layout.version);
    const rows = this.#writer.batch(session, batch, now);
    const view = new DataView(batch.records.buffer, batch.records.byteOffset, batch.records.byteLength);
    for (let i = 0; i < batch.count; i++) {
      const offset = walked.offsets?.[i] ?? i * session.recordSize;
      rows?.add(session.cursor.moveTo(view, offset), offset, i);
    }
    // Its flows have their ids since it came first.
    rows?.end(batch.count === 0 ? 0 : walked.maxTime + Number(batch.clockOffsetNs), 0, now);
  }

  #append(link: AgentLink, batch: Batch, now: number): number {
    const { session, node } = link;
    const { store, hubble, policyHits, stats } = this.#state;
    if (batch.count === 0) {
      const empty = this.#writer?.batch(session, batch, now);
      empty?.end(0, store.nextId, now);
      return 0;
    }
    const walked = walkRecords(batch, session.cursor, session.recordSize, session.hello.layout.version);
    const clockOffset = Number(batch.clockOffsetNs);
    const minTime = walked.minTime + clockOffset;
    const newest = walked.maxTime + clockOffset;
    // A time before 1970 or after the year 2200 has no text form; no clock is that wrong by itself.
    if (minTime < 0 || newest > 7.2e18) {
      throw new ProtocolError(
        'batch',
        'The batch has record times outside the years 1970 to 2200; check the clock offset.',
      );
    }
    const firstId = store.append(session, {
      bytes: batch.records,
      count: batch.count,
      firstSequence: batch.firstSequence,
      offsets: walked.offsets,
      clockOffsetNs: batch.clockOffsetNs,
      minTime,
      maxTime: newest,
    });
    session.nextSequence = batch.firstSequence + batch.count;
    node.lagMs = Math.max(0, now - newest / 1e6);
    const rows = this.#writer?.batch(session, batch, now) ?? null;
    const view = new DataView(batch.records.buffer, batch.records.byteOffset, batch.records.byteLength);
    for (let i = 0; i < batch.count; i++) {
      const offset = walked.offsets?.[i] ?? i * session.recordSize;
      const record = session.cursor.moveTo(view, offset);
      if (record.type === RECORD_TYPE.DROP) this.#dropPlaces.add(record);
      if (record.type === RECORD_TYPE.L7) {
        session.messages += 1;
        if (record.l7 === null) stats.unreadableMessages += 1;
      }
      hubble.add(record, session.names);
      policyHits.add(record, session.names, session.policyHits, newest);
      rows?.add(record, offset, i);
    }
    rows?.end(newest, store.nextId, now);
    return store.nextId - firstId;
  }
}
