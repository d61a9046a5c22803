/**
 * Everything live that the page shows. Messages are collected and shown once per animation frame, so a
 * burst of them costs one drawing. While held, data goes on arriving, and what is shown stays.
 */
import type { FlowsMessage, LiveMessage, StatusMessage, TimelineMessage } from '../../../server/wire/live.ts';
import type { ServiceMap } from '../../../server/wire/service-map.ts';
import { addFlows, EMPTY_TAIL, type FlowTail } from './flow-tail.ts';
import { type Connection, LiveSocket } from './live-socket.ts';
import { loadPast, type Past } from './past.ts';
import { type ReadSignal, Signal } from './signal.ts';
import { subscriptionOf, type Wanted } from './wanted.ts';

export interface Hold {
  /** Unix ms. */
  since: number;
  /** Flows that came since. */
  missed: number;
}

export class LiveStore {
  readonly status = new Signal<StatusMessage | null>(null);
  readonly map = new Signal<ServiceMap | null>(null);
  readonly timeline = new Signal<TimelineMessage | null>(null);
  readonly flows = new Signal<FlowTail>(EMPTY_TAIL);
  readonly hold = new Signal<Hold | null>(null);
  /** What the hub said about the last subscription, null if it took it. */
  readonly refusal = new Signal<string | null>(null);
  /** Why the range that is over could not be shown, null if it could. */
  readonly pastProblem = new Signal<string | null>(null);
  readonly #socket: LiveSocket;
  #loading = new AbortController();
  #wanted: Wanted | null = null;
  #isScheduled = false;
  #newStatus: StatusMessage | null = null;
  #newMap: ServiceMap | null = null;
  #newTimeline: TimelineMessage | null = null;
  #newFlows: FlowsMessage[] = [];
  #hubStarted: string | null = null;
  /** Of the last question for flows. */
  #tag = 0;
  /** The tail as it is now; `flows` is what is shown. */
  #tail: FlowTail = EMPTY_TAIL;

  constructor(url: string) {
    this.#socket = new LiveSocket(url, (message) => this.#receive(message));
  }

  get connection(): ReadSignal<Connection> {
    return this.#socket.connection;
  }

  connect(): void {
    this.#socket.connect();
  }

  disconnect(): void {
    this.#socket.close();
  }

  /** Asks for what the page shows. Only what differs from the last call is sent. */
  want(wanted: Wanted): void {
    // Back from the past everything is asked for anew.
    const before = this.#wanted?.past === null ? this.#wanted : null;
    this.#wanted = wanted;
    this.#loading.abort();
    this.pastProblem.set(null);
    if (wanted.past !== null) {
      this.#showPast(wanted, wanted.past);
      return;
    }
    const change = subscriptionOf(wanted, before);
    if (change.flows) {
      this.#tag += 1;
      change.flows.tag = this.#tag;
      this.#newFlows = [];
      this.#tail = EMPTY_TAIL;
      this.flows.set(EMPTY_TAIL);
      // What was held belongs to another question.
      if (this.hold.get() !== null) this.hold.set({ since: Date.now(), missed: 0 });
    }
    if (Object.keys(change).length === 0) return;
    this.refusal.set(null);
    this.#socket.subscribe(change);
  }

  /** Until the answer is there nothing is shown: what is live must not look like it. */
  #showPast(wanted: Wanted, past: Past): void {
    this.#socket.subscribe({ map: null, flows: null, timeline: null });
    this.refusal.set(null);
    this.#forget();
    this.map.set(null);
    this.flows.set(EMPTY_TAIL);
    const loading = new AbortController();
    this.#loading = loading;
    loadPast(wanted, past, loading.signal).then(
      ({ map, timeline, tail }) => {
        this.map.set(map);
        this.timeline.set(timeline);
        this.flows.set(tail);
      },
      (error: unknown) => {
        if (loading.signal.aborted) return;
        this.pastProblem.set(error instanceof Error ? error.message : String(error));
      },
    );
  }

  /** What came last of the live stream, so that it is not shown later. */
  #forget(): void {
    this.#newMap = null;
    this.#newTimeline = null;
    this.#newFlows = [];
    this.#tail = EMPTY_TAIL;
    this.#tag += 1;
  }

  setHeld(isHeld: boolean): void {
    if (isHeld === (this.hold.get() !== null)) return;
    this.hold.set(isHeld ? { since: Date.now(), missed: 0 } : null);
    if (!isHeld) this.#schedule();
  }

  #receive(message: LiveMessage): void {
    switch (message.type) {
      case 'status':
        this.#meet(message.hub_started);
        this.#newStatus = message;
        break;
      case 'map':
        this.#newMap = message.map;
        break;
      case 'timeline':
        this.#newTimeline = message;
        break;
      case 'flows':
        // Answers to the former filter may still be under way: they would stay, and keep the new ones out.
        if (message.tag !== this.#tag) return;
        this.#newFlows.push(message);
        break;
      case 'l7':
      case 'datapath':
        // Asked for by what shows them, on connections of their own.
        return;
      case 'error':
        this.refusal.set(message.detail);
        return;
    }
    this.#schedule();
  }

  /** A hub that was started anew counts its flows anew. */
  #meet(hubStarted: string): void {
    if (this.#hubStarted !== null && this.#hubStarted !== hubStarted) {
      this.#newFlows = [];
      this.#tail = EMPTY_TAIL;
    }
    this.#hubStarted = hubStarted;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      this.#show();
    });
  }

  #show(): void {
    if (this.#newStatus !== null) this.status.set(this.#newStatus);
    if (this.#wanted?.past) return;
    const arrived = this.#newFlows.reduce((sum, message) => sum + message.matched, 0);
    this.#tail = addFlows(this.#tail, this.#newFlows);
    this.#newFlows = [];
    const hold = this.hold.get();
    // A page that was opened held shows the first answer it gets.
    if (hold === null || !this.flows.get().isKnown) this.flows.set(this.#tail);
    else if (arrived > 0) this.hold.set({ since: hold.since, missed: hold.missed + arrived });
    if (hold === null || this.map.get() === null) this.#showMapAndTimeline();
  }

  #showMapAndTimeline(): void {
    if (this.#newMap !== null) this.map.set(this.#newMap);
    if (this.#newTimeline !== null) this.timeline.set(this.#newTimeline);
  }
}
