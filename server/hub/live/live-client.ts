/** One browser on the live stream: what it subscribed to, and where it is in the flows. */
import type { WebSocket } from 'ws';
import type { FlowsMessage, LiveMessage, StatusMessage } from '../../wire/live.ts';
import { RECORD_TYPE } from '../../wire/lists.gen.ts';
import { FilterError } from '../../flows/filter-test.ts';
import type { Visibility } from '../access/visibility.ts';
import type { HubState } from '../hub-state.ts';
import { findFlows } from '../store/flow-search.ts';
import { seek } from '../store/flow-store.ts';
import { FlowSampler } from './flow-sampler.ts';
import type { Timeline } from '../timeline.ts';
import {
  type DatapathSubscription,
  type FlowsSubscription,
  type MapSubscription,
  readSubscribe,
  type TimelineSubscription,
} from './subscribe.ts';

/** With more unsent bytes than this a client gets nothing new. */
const MAX_UNSENT = 1024 * 1024;
/** A client that stays behind for so long is cut. */
const PATIENCE_MS = 20_000;
const EXCEPTIONS_PER_SECOND = 50;
/** Flows looked at in one turn; what came on top is only estimated. */
const MAX_LOOK = 250_000;
/** The same where messages have to be decoded. */
const MAX_MESSAGE_LOOK = 10_000;
const TURNS_PER_SECOND = 4;
/** Messages decoded in one turn to find those that tell of errors; what comes on top is sampled as the rest. */
const MAX_ERROR_LOOK = 1000;

/** What is summed over a window: many clients ask for the same. */
export type SumKind = 'map' | 'l7';

/** What a client may see, and what is worked out once for all who may see the same. */
export interface LiveView {
  readonly visibility: Visibility;
  readonly timeline: Pick<Timeline, 'rate' | 'message'>;
  render(kind: SumKind, wanted: MapSubscription): string;
}

export class LiveClient {
  readonly #socket: WebSocket;
  readonly #state: HubState;
  readonly #view: LiveView;
  /** Ends the search for first rows when another subscription takes its place, or the client goes. */
  #search = new AbortController();
  #map: MapSubscription | null = null;
  #l7: MapSubscription | null = null;
  #datapath: DatapathSubscription | null = null;
  #flows: FlowsSubscription | null = null;
  #timeline: TimelineSubscription | null = null;
  /** Id of the next flow to look at; null while the first rows are being looked for. */
  #next: number | null = null;
  #behindSince: number | null = null;

  constructor(socket: WebSocket, state: HubState, view: LiveView) {
    this.#socket = socket;
    this.#state = state;
    this.#view = view;
    socket.on('close', () => this.#search.abort());
    socket.on('message', (data, isBinary) => {
      this.#receive(isBinary || !Buffer.isBuffer(data) ? null : data.toString());
    });
  }

  get view(): LiveView {
    return this.#view;
  }

  /** Whether the client has been behind for too long. */
  isHopeless(): boolean {
    if (this.#socket.bufferedAmount < MAX_UNSENT) this.#behindSince = null;
    else this.#behindSince ??= Date.now();
    return this.#behindSince !== null && Date.now() - this.#behindSince > PATIENCE_MS;
  }

  cut(): void {
    this.#socket.terminate();
  }

  send(message: LiveMessage): void {
    this.#sendText(JSON.stringify(message));
  }

  tickSecond(status: StatusMessage): void {
    if (this.#behindSince !== null) return;
    this.send(status);
    if (this.#map !== null) this.#sendText(this.#view.render('map', this.#map));
    if (this.#l7 !== null) this.#sendText(this.#view.render('l7', this.#l7));
    if (this.#datapath !== null) this.#sendDatapath(this.#datapath);
    if (this.#timeline !== null) this.#sendTimeline(this.#timeline);
  }

  tickFlows(): void {
    // A client that is behind keeps its place: its next message covers more flows, and says how thinly.
    if (this.#flows === null || this.#next === null || this.#behindSince !== null) return;
    const { store } = this.#state;
    const end = store.nextId;
    if (this.#next >= end) return;
    const look = this.#flows.filter.messageNames.length > 0 ? MAX_MESSAGE_LOOK : MAX_LOOK;
    const from = Math.max(this.#next, end - look);
    const share = (end - this.#next) / (end - from);
    this.#next = end;
    const room = Math.ceil(this.#flows.maxRate / TURNS_PER_SECOND);
    const sampler = new FlowSampler(room, Math.ceil(EXCEPTIONS_PER_SECOND / TURNS_PER_SECOND));
    let decoded = 0;
    const filter = this.#view.visibility.filter(this.#flows.filter);
    for (let at = from; at < end;) {
      const extent = store.extentFrom(at);
      if (extent === undefined) break;
      const test = filter.predicate(extent.source.names);
      const last = extent.firstId + extent.count - 1;
      for (at = Math.max(at, extent.firstId); at <= last; at++) {
        const record = seek(extent, at - extent.firstId);
        if (!test(record, extent.firstSequence + at - extent.firstId)) continue;
        const isMessage = record.type === RECORD_TYPE.L7 && decoded++ < MAX_ERROR_LOOK;
        sampler.add(at, record.type === RECORD_TYPE.DROP || (isMessage && record.l7?.is_error === true));
      }
    }
    const { ids, sampled, matched } = sampler.result();
    if (matched > 0) this.send(this.#rows(ids, Math.round(sampled * share), Math.round(matched * share)));
  }

  #receive(text: string | null): void {
    try {
      if (text === null) throw new FilterError('The message is binary; send JSON text.');
      const wanted = readSubscribe(text);
      if (wanted.datapath && !this.#view.visibility.isAll) {
        throw new FilterError('The datapath shows all namespaces; this reader may see only some.');
      }
      if (wanted.map !== undefined) this.#map = wanted.map;
      if (wanted.l7 !== undefined) this.#l7 = wanted.l7;
      if (wanted.datapath !== undefined) this.#datapath = wanted.datapath;
      if (wanted.timeline !== undefined) this.#timeline = wanted.timeline;
      if (wanted.map) this.#sendText(this.#view.render('map', wanted.map));
      if (wanted.l7) this.#sendText(this.#view.render('l7', wanted.l7));
      if (wanted.datapath) this.#sendDatapath(wanted.datapath);
      if (wanted.timeline) this.#sendTimeline(wanted.timeline);
      if (wanted.flows !== undefined) this.#follow(wanted.flows);
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      this.send({ type: 'error', detail: error.message });
    }
  }

  /** Sends the newest matching rows, also if there are none, then goes on from there. */
  #follow(flows: FlowsSubscription | null): void {
    this.#flows = flows;
    this.#next = null;
    this.#search.abort();
    if (flows === null) return;
    const search = new AbortController();
    this.#search = search;
    const { store } = this.#state;
    const end = store.nextId;
    const query = { filter: this.#view.visibility.filter(flows.filter), since: null, until: null };
    findFlows(store, query, flows.last, 'newest', search.signal).then(
      (ids) => {
        // Another subscription may have come while this one was looked up.
        if (this.#flows !== flows) return;
        this.#next = end;
        this.send(this.#rows(ids, 1, ids.length));
      },
      () => {
        if (!search.signal.aborted) this.cut();
      },
    );
  }

  #rows(ids: readonly number[], sampled: number, matched: number): FlowsMessage {
    const rows = ids.flatMap((id) => {
      const flow = this.#state.flowById(id, this.#view.visibility);
      return flow === null ? [] : [{ id, flow }];
    });
    return { type: 'flows', rows, sampled, matched, tag: this.#flows?.tag ?? 0 };
  }

  #sendDatapath({ windowS, node }: DatapathSubscription): void {
    const until = Math.floor(Date.now() / 1000) + 1;
    this.send({ type: 'datapath', datapath: this.#state.datapath(until - windowS, until, node) });
  }

  #sendTimeline({ windowS, bucketS }: TimelineSubscription): void {
    this.send(this.#view.timeline.message(Date.now(), windowS, bucketS));
  }

  #sendText(text: string): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(text);
  }
}
