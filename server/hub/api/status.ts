/** `GET /api/v1/status`, `/api/v1/nodes`, `/api/v1/namespaces`: what the hub holds, from whom, and what was lost. */
import type { Request, Response } from 'express';
import type { HubStatus, LossLedger, NamespaceStatus, NodeStatus } from '../../wire/status.ts';
import { formatTime } from '../../flows/timestamp.ts';
import { readerOf } from '../access/http-access.ts';
import type { Visibility } from '../access/visibility.ts';
import type { HubState } from '../hub-state.ts';
import type { AgentNode } from '../ingest/agent-node.ts';
import { addBalance, lossOf, zeroBalance } from '../loss/balance.ts';
import { Parameters } from '../http/parameters.ts';

/** A problem names what it is about, which may be in any namespace. */
const UNTOLD = 'The datapath is not in step with the cluster; who may see all namespaces is told why.';

export function statusRoute(state: HubState) {
  return (request: Request, response: Response): void =>
    answer(request, response, hubStatus(state, readerOf(request).visibility));
}

export function nodesRoute(state: HubState) {
  return (request: Request, response: Response): void =>
    answer(request, response, {
      nodes: sorted(state.nodes).map((node) => nodeStatus(node, readerOf(request).visibility)),
    });
}

export function namespacesRoute(state: HubState) {
  return (request: Request, response: Response): void =>
    answer(request, response, { namespaces: namespaces(state, readerOf(request).visibility) });
}

function answer(request: Request, response: Response, body: object): void {
  // Refuses any parameter.
  void new Parameters(request, []);
  response.set('Cache-Control', 'no-store').json(body);
}

/** Totals tell of all namespaces, so readers of some get none. */
export function hubStatus(state: HubState, { isAll }: Visibility): HubStatus {
  const now = Date.now();
  const nodes = [...state.nodes.values()];
  return {
    version: state.version,
    hub: state.id,
    mode: state.mode,
    started: formatMs(state.startedMs),
    uptime_s: Math.floor((now - state.startedMs) / 1000),
    nodes: { known: nodes.length, connected: nodes.filter((node) => node.connected).length },
    flows: isAll ? flowTotals(state, now) : null,
    drops_rate: isAll ? state.timeline.rate(now, 'drops') : null,
    lost: totalLoss(nodes),
    live_clients: state.stats.liveClients,
    grpc: grpcStatus(state),
    history: historyStatus(state, isAll),
  };
}

function historyStatus({ history }: HubState, isAll: boolean): HubStatus['history'] {
  const status = history?.status() ?? null;
  return status === null || isAll ? status : { ...status, rows: null, bytes: null };
}

function flowTotals({ store, timeline, isWhole }: HubState, now: number): HubStatus['flows'] {
  const oldest = store.oldestTime;
  return {
    stored: store.stored,
    received: store.nextId - 1,
    exact: isWhole,
    overwritten: store.evicted,
    rate: timeline.rate(now, 'flows'),
    oldest: oldest === null ? null : formatTime(BigInt(Math.round(oldest))),
    memory_bytes: store.usedBytes,
    memory_limit_bytes: store.capacityBytes,
  };
}

function grpcStatus({ grpc }: HubState): HubStatus['grpc'] {
  if (grpc === null || grpc.address === null) return null;
  return { address: grpc.address, tls: grpc.tls, streams: grpc.streams };
}

function totalLoss(nodes: readonly AgentNode[]): LossLedger {
  const total = zeroBalance();
  for (const { ledger } of nodes) addBalance(total, ledger.total);
  return lossOf(total);
}

function nodeStatus(node: AgentNode, visibility: Visibility): NodeStatus {
  const { isAll } = visibility;
  const hello = node.session?.hello;
  const problem = node.counters?.problem ?? null;
  let pods = 0;
  const names = node.session === null ? null : visibility.names(node.session.names);
  for (const entry of names?.endpoints.values() ?? []) {
    if (entry.kind === 'pod' && names?.isLive(entry.ref) === true) pods += 1;
  }
  return {
    name: node.name,
    connected: node.connected,
    mode: hello?.mode ?? 'live',
    version: hello?.version ?? '',
    layout_version: hello?.layout.version ?? 0,
    since: formatMs(node.changed),
    flows: isAll ? node.flows : null,
    flows_rate: isAll ? node.flowsRate : null,
    lag_s: node.lagMs / 1000,
    lost: node.lost,
    pods,
    problem: isAll || problem === null ? problem : UNTOLD,
    maps: isAll ? (node.counters?.maps ?? null) : null,
    agent: node.counters?.agent ?? null,
  };
}

export function namespaces(state: HubState, visibility: Visibility): NamespaceStatus[] {
  const pods = new Map<string, Set<string>>();
  for (const names of state.agentNames(visibility)) {
    for (const entry of names.endpoints.values()) {
      if (entry.namespace === '' || !names.isLive(entry.ref)) continue;
      const known = pods.get(entry.namespace) ?? new Set();
      pods.set(entry.namespace, known.add(entry.name));
    }
  }
  return [...pods].map(([name, found]) => ({ name, pods: found.size })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function sorted(nodes: ReadonlyMap<string, AgentNode>): AgentNode[] {
  return [...nodes.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function formatMs(ms: number): string {
  return new Date(ms).toISOString();
}
