/** What a stream of flows says of nodes: which are connected, and what of theirs was lost since it began. */
import type { HubState } from '../hub-state.ts';

/** Arms of observer.GetFlowsResponse. */
export interface Notice {
  node_name: string;
  node_status?: { state_change: string; node_names: string[] };
  lost_events?: { source: string; num_events_lost: string };
}

/** Where Hubble loses events, for the ends of our ledger. */
const LOSSES = [
  ['ring', 'PERF_EVENT_RING_BUFFER'],
  ['buffer', 'OBSERVER_EVENTS_QUEUE'],
] as const;

export class NodeWatch {
  readonly #state: HubState;
  readonly #connected = new Map<string, boolean>();
  readonly #lost = new Map<string, number>();

  constructor(state: HubState) {
    this.#state = state;
    for (const { name, lost } of state.nodes.values()) {
      for (const [cause] of LOSSES) this.#lost.set(`${cause} ${name}`, lost[cause]);
    }
  }

  /** What changed since the last call; at the first, all nodes. */
  changes(): Notice[] {
    const come: string[] = [];
    const gone: string[] = [];
    const notices: Notice[] = [];
    for (const { name, connected, lost } of this.#state.nodes.values()) {
      if (this.#connected.get(name) !== connected) (connected ? come : gone).push(name);
      this.#connected.set(name, connected);
      for (const [cause, source] of LOSSES) {
        const key = `${cause} ${name}`;
        const more = lost[cause] - (this.#lost.get(key) ?? 0);
        this.#lost.set(key, lost[cause]);
        if (more > 0) notices.push({ node_name: name, lost_events: { source, num_events_lost: String(more) } });
      }
    }
    if (gone.length > 0) notices.unshift(status('NODE_UNAVAILABLE', gone));
    if (come.length > 0) notices.unshift(status('NODE_CONNECTED', come));
    return notices;
  }
}

function status(change: string, names: readonly string[]): Notice {
  return { node_name: '', node_status: { state_change: change, node_names: names.toSorted() } };
}
