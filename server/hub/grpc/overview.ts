/** The Observer's answers about the hub itself: its state, its nodes, the namespaces it knows. */
import { RECORD_LAYOUT } from '../../wire/record-layout.gen.ts';
import type { Visibility } from '../access/visibility.ts';
import { namespaces } from '../api/status.ts';
import type { HubState } from '../hub-state.ts';

const NS_PER_MS = 1_000_000;
const RATE_S = 60;
/** Names of lost nodes that a status lists at most. */
const MAX_UNAVAILABLE = 10;

/** observer.ServerStatusResponse. Totals tell of all namespaces, so readers of some get none. */
export function serverStatus(state: HubState, { isAll }: Visibility): object {
  const now = Date.now();
  const { store } = state;
  // A hub that is younger than a minute has less to average over.
  const upS = Math.max(1, Math.ceil((now - state.startedMs) / 1000));
  const gone = [...state.nodes.values()].filter((node) => !node.connected).map((node) => node.name);
  return {
    ...(isAll && { num_flows: store.stored, seen_flows: store.nextId - 1 }),
    // The budget is one of bytes; so many flows fit if none carries a message.
    max_flows: Math.floor(store.capacityBytes / RECORD_LAYOUT.size),
    uptime_ns: uptimeNs(state.startedMs, now),
    num_connected_nodes: { value: state.nodes.size - gone.length },
    num_unavailable_nodes: { value: gone.length },
    unavailable_nodes: gone.toSorted().slice(0, MAX_UNAVAILABLE),
    version: `spyglass v${state.version}`,
    ...(isAll && { flows_rate: state.timeline.rate(now, 'flows', Math.min(RATE_S, upS)) }),
  };
}

/** observer.GetNodesResponse. Agents have no API of their own, so nodes have no address. */
export function nodes(state: HubState, { isAll }: Visibility): object {
  const now = Date.now();
  const sorted = [...state.nodes.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return {
    nodes: sorted.map((node) => ({
      name: node.name,
      version: `spyglass v${node.session?.hello.version ?? ''}`,
      state: node.connected ? 'NODE_CONNECTED' : 'NODE_UNAVAILABLE',
      // Since it connected; nothing is up that is gone.
      uptime_ns: node.connected ? uptimeNs(node.changed, now) : '0',
      ...(isAll && { num_flows: state.store.storedOf(node.name), seen_flows: node.flows }),
    })),
  };
}

/** observer.GetNamespacesResponse: those with pods now. */
export function namespaceList(state: HubState, visibility: Visibility): object {
  return { namespaces: namespaces(state, visibility).map(({ name }) => ({ namespace: name })) };
}

/** As text: nanoseconds of years do not fit a number. */
function uptimeNs(sinceMs: number, nowMs: number): string {
  return String(BigInt(Math.max(0, nowMs - sinceMs)) * BigInt(NS_PER_MS));
}
