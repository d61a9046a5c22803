/**
 * The browsers' WebSockets: all are served from one clock, flows four times a second, the rest once.
 * A browser that reads slowly gets its flows later and thinner; one that stops reading is cut.
 */
import type { Logger } from 'pino';
import type { WebSocket } from 'ws';
import type { LiveMessage, StatusMessage } from '../../wire/live.ts';
import { formatTime, nowNs } from '../../flows/timestamp.ts';
import type { Visibility } from '../access/visibility.ts';
import type { HubState } from '../hub-state.ts';
import { LiveClient, type LiveView, type SumKind } from './live-client.ts';
import type { MapSubscription } from './subscribe.ts';
import { VisibleTimeline } from './visible-timeline.ts';

const TICK_MS = 250;
const TICKS_PER_SECOND = 1000 / TICK_MS;

export class LiveSockets {
  readonly #state: HubState;
  readonly #log: Logger;
  readonly #clients = new Set<LiveClient>();
  readonly #timer: NodeJS.Timeout;
  /** Maps and tables already rendered in this second: many browsers look at the same one. */
  readonly #sums = new Map<string, string>();
  /** By what is visible. */
  readonly #views = new Map<string, LiveView>();
  #ticks = 0;

  constructor(state: HubState, log: Logger) {
    this.#state = state;
    this.#log = log;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  accept(socket: WebSocket, visibility: Visibility): void {
    const client = new LiveClient(socket, this.#state, this.#view(visibility));
    this.#clients.add(client);
    this.#state.stats.liveClients = this.#clients.size;
    client.send(this.#status(client.view));
    socket.on('close', () => {
      this.#clients.delete(client);
      this.#state.stats.liveClients = this.#clients.size;
    });
    socket.on('error', (error) => this.#log.info({ err: error }, 'a live client broke off'));
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const isSecond = this.#ticks++ % TICKS_PER_SECOND === 0;
    if (isSecond) this.#beginSecond();
    for (const client of this.#clients) {
      try {
        if (client.isHopeless()) {
          this.#state.stats.slowReaders += 1;
          this.#log.info('a live client was cut: it stopped reading');
          client.cut();
          continue;
        }
        client.tickFlows();
        if (isSecond) client.tickSecond(this.#status(client.view));
      } catch (error) {
        this.#log.error({ err: error }, 'serving a live client failed');
        client.cut();
      }
    }
  }

  #beginSecond(): void {
    this.#sums.clear();
    const used = new Set([...this.#clients].map(({ view }) => view));
    for (const [key, view] of this.#views) {
      if (!used.has(view)) this.#views.delete(key);
      else if (view.timeline instanceof VisibleTimeline) view.timeline.update(Date.now());
    }
  }

  #view(visibility: Visibility): LiveView {
    const known = this.#views.get(visibility.key);
    if (known !== undefined) return known;
    const view: LiveView = {
      visibility,
      timeline: visibility.isAll ? this.#state.timeline : new VisibleTimeline(this.#state, visibility),
      render: (kind, wanted) => this.#sum(kind, wanted, visibility),
    };
    this.#views.set(visibility.key, view);
    return view;
  }

  #sum(kind: SumKind, { group, windowS, filter, per }: MapSubscription, visibility: Visibility): string {
    const key = `${visibility.key} ${kind} ${group} ${windowS} ${per} ${filter.key}`;
    const known = this.#sums.get(key);
    if (known !== undefined) return known;
    const until = Math.floor(Date.now() / 1000) + 1;
    const since = until - windowS;
    const message: LiveMessage =
      kind === 'map'
        ? { type: 'map', map: this.#state.map(since, until, group, filter, visibility) }
        : { type: 'l7', table: this.#state.routes(since, until, group, filter, per, visibility) };
    const text = JSON.stringify(message);
    this.#sums.set(key, text);
    return text;
  }

  #status({ timeline }: LiveView): StatusMessage {
    const { mode, recording, nodes, startedMs, lost } = this.#state;
    const now = Date.now();
    return {
      type: 'status',
      time: formatTime(nowNs()),
      mode,
      recording,
      hub_started: new Date(startedMs).toISOString(),
      nodes: [...nodes.values()].map((node) => ({
        name: node.name,
        connected: node.connected,
        lag_s: node.lagMs / 1000,
        lost: node.lost.records,
      })),
      flows_rate: timeline.rate(now, 'flows'),
      drops_rate: timeline.rate(now, 'drops'),
      lost,
    };
  }
}
