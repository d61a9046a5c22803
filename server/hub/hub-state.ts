/**
 * What the hub knows, in one place: the recent flows, the edges, the nodes and their agents. Ingest writes
 * it, the API and the live stream read it. It opens no sockets, so tests and benchmarks drive it directly.
 */
import { randomBytes } from 'node:crypto';
import type { Hello } from '../wire/agent.ts';
import type { Datapath } from '../wire/datapath.ts';
import type { HubbleFlow } from '../wire/hubble.ts';
import type { L7RowsPer, L7Table } from '../wire/l7-table.ts';
import type { ServiceMap } from '../wire/service-map.ts';
import type { MapGroup } from '../wire/service-map.ts';
import type { Names } from '../flows/dictionary.ts';
import type { FlowFilter } from '../flows/filter.ts';
import type { Emitter } from '../flows/hubble-flow.ts';
import { Visibility } from './access/visibility.ts';
import { datapathView } from './datapath/datapath-view.ts';
import { StageRing } from './datapath/stage-ring.ts';
import { EdgeRing } from './edges/edge-ring.ts';
import { serviceMap } from './edges/service-map.ts';
import type { Exports } from './exports/exports.ts';
import type { FlowPlaces } from './flow-reader.ts';
import { l7Table } from './l7/l7-table.ts';
import { L7Ring } from './l7/l7-ring.ts';
import { type Balance, BALANCE_SUMS, zeroBalance } from './loss/balance.ts';
import { SeriesTally } from './l7/series-tally.ts';
import { DEFAULT_METRICS, type MetricConfig, parseMetrics } from './metrics/config.ts';
import { DepartedPods } from './metrics/departed-pods.ts';
import { EdgeTally } from './metrics/edge-tally.ts';
import { HubbleMetrics } from './metrics/hubble-metrics.ts';
import { SeriesBudget } from './metrics/series-budget.ts';
import type { History } from './history/history.ts';
import type { HistoryReader } from './history/reader/history-reader.ts';
import type { AgentNode } from './ingest/agent-node.ts';
import type { AgentSession } from './ingest/agent-session.ts';
import type { ProtocolFault } from './ingest/protocol-error.ts';
import { PolicyHitCounter } from './policy-hits.ts';
import { type Extent, FlowStore, seek } from './store/flow-store.ts';
import { Timeline } from './timeline.ts';
import { Wakeup } from './wakeup.ts';
import { HISTORY_S, WindowRing } from './window-ring.ts';

/** Nodes with records, over all buckets, about 200 bytes each. */
const MAX_BALANCES = 500_000;

export interface Stats {
  batches: number;
  duplicateBatches: number;
  bytes: number;
  faults: Map<ProtocolFault, number>;
  slowReaders: number;
  /** Records of messages that could not be decoded. */
  unreadableMessages: number;
  liveClients: number;
  /** Those that get what agents send, as it is. */
  recorders: number;
}

/** What the Hubble API does, for status and metrics. */
export interface GrpcStats {
  /** `127.0.0.1:4245`; null while it does not listen. */
  address: string | null;
  tls: boolean;
  /** Streams of flows now. */
  streams: number;
  /** Flows sent. */
  flows: number;
  /** Calls that ended, by `method code`. */
  calls: Map<string, number>;
}

/** Between two looks at which pods are gone. */
const PODS_MS = 10_000;

export interface HubStateOptions {
  memory: number;
  version: string;
  metrics?: readonly MetricConfig[] | undefined;
  series?: number | undefined;
}

export class HubState implements FlowPlaces {
  /** Random per process. */
  readonly id: string;
  readonly startedMs = Date.now();
  readonly version: string;
  readonly store: FlowStore;
  readonly edges = new EdgeRing();
  readonly l7 = new L7Ring();
  /** What became of records, by node. */
  readonly losses = new WindowRing<string, Balance>(BALANCE_SUMS, MAX_BALANCES);
  readonly stages = new StageRing();
  readonly series: SeriesBudget;
  readonly hubble: HubbleMetrics;
  readonly seriesTally: SeriesTally;
  readonly edgeTally: EdgeTally;
  readonly policyHits = new PolicyHitCounter();
  readonly timeline = new Timeline();
  readonly nodes = new Map<string, AgentNode>();
  readonly newFlows = new Wakeup();
  readonly stats: Stats = {
    batches: 0,
    duplicateBatches: 0,
    bytes: 0,
    faults: new Map(),
    slowReaders: 0,
    unreadableMessages: 0,
    liveClients: 0,
    recorders: 0,
  };
  /** Of the Hubble API, null if this hub does not serve it. */
  grpc: GrpcStats | null = null;
  /** Null if this hub exports nothing. */
  exports: Exports | null = null;
  /** Null if this hub keeps flows in memory only. */
  history: History | null = null;
  readonly emitter: Emitter;
  readonly #departed = new DepartedPods();
  /** Unix ms of the last look at them. */
  #looked = 0;

  /**
   * `memory` is the budget for flow records in bytes; `metrics` what Prometheus gets of them, `series` how many time series
   * at most.
   */
  constructor(options: HubStateOptions) {
    const { metrics = parseMetrics(DEFAULT_METRICS), series } = options;
    this.series = new SeriesBudget(series);
    this.hubble = new HubbleMetrics(metrics, this.series);
    this.seriesTally = new SeriesTally(this.series);
    this.edgeTally = new EdgeTally(this.series);
    this.id = randomBytes(10).toString('hex');
    this.version = options.version;
    this.emitter = { name: 'Spyglass', version: options.version };
    this.store = new FlowStore(options.memory);
  }

  get mode(): 'live' | 'replay' {
    // A replay that has ended is still what the flows in memory come from.
    return [...this.nodes.values()].some((node) => node.session?.hello.mode === 'replay') ? 'replay' : 'live';
  }

  /** Of the replay, null if this is none, or it does not say. */
  get recording(): NonNullable<Hello['recording']> | null {
    for (const { session } of this.nodes.values()) {
      if (session?.hello.recording !== undefined) return session.hello.recording;
    }
    return null;
  }

  get stored(): HistoryReader | null {
    return this.history?.reader ?? null;
  }

  sessions(): AgentSession[] {
    return [...this.nodes.values()].flatMap((node) => node.session ?? []);
  }

  /** Names of the connected agents. */
  agentNames(visibility: Visibility): Names[] {
    const names: Names[] = [];
    for (const { connected, session } of this.nodes.values()) {
      if (connected && session !== null) names.push(visibility.names(session.names));
    }
    return names;
  }

  /** Those with pods, services or policies, on nodes with a connected agent. */
  get namespaces(): Set<string> {
    const found = new Set<string>();
    for (const names of this.agentNames(Visibility.ALL)) {
      for (const entries of [names.endpoints, names.services, names.policies]) {
        for (const { namespace } of entries.values()) if (namespace !== '') found.add(namespace);
      }
    }
    return found;
  }

  /** Records that agents could not keep. */
  get lost(): number {
    let lost = 0;
    for (const node of this.nodes.values()) lost += node.lost.records;
    return lost;
  }

  /** Whether every record that agents produced since the hub heard of them was received, or is on its way. */
  get isWhole(): boolean {
    return [...this.nodes.values()].every((node) => node.connected && node.ledger.isWhole);
  }

  /** The flow with this id in an extent that is not evicted; null if it is none that the reader may see. */
  flow(extent: Extent, id: number, visibility: Visibility): HubbleFlow | null {
    return visibility.flow(seek(extent, id - extent.firstId), {
      names: extent.source.names,
      clockOffsetNs: extent.clockOffsetNs,
      uuid: extent.source.uuid(extent.firstSequence + id - extent.firstId),
      emitter: this.emitter,
    });
  }

  /** The stored flow with this id, null if it was overwritten. */
  flowById(id: number, visibility: Visibility): HubbleFlow | null {
    const extent = this.store.extentFrom(id);
    return extent === undefined || extent.firstId > id ? null : this.flow(extent, id, visibility);
  }

  /** The map over whole seconds in [since, until), Unix seconds. */
  map(since: number, until: number, group: MapGroup, filter: FlowFilter, visibility: Visibility): ServiceMap {
    const now = Date.now() / 1000;
    const l7 = visibility.series(this.l7.window(since, until, now));
    const edges = visibility.edges(this.edges.window(since, until, now));
    return serviceMap(edges, group, filter, this.agentNames(visibility), l7);
  }

  /** The table of routes over the same window. */
  routes(
    since: number,
    until: number,
    group: MapGroup,
    filter: FlowFilter,
    per: L7RowsPer,
    visibility: Visibility,
  ): L7Table {
    return l7Table(visibility.series(this.l7.window(since, until, Date.now() / 1000)), group, filter, per);
  }

  /** What the stages did over the same kind of window, on one node or (null) on all. */
  datapath(since: number, until: number, node: string | null): Datapath {
    const window = this.stages.window(since, until, Date.now() / 1000);
    return datapathView(window, [...this.nodes.values()], node);
  }

  /** Housekeeping, called every second. */
  tick(now: number): void {
    // Followers also tell what became of nodes.
    this.newFlows.notify();
    const second = Math.floor(now / 1000);
    this.history?.tick(now);
    const oldest = this.store.oldestId;
    this.#forgetPods(now);
    let isBlind = false;
    for (const node of this.nodes.values()) {
      this.#countOverwritten(node, second);
      node.updateRate();
      node.session?.names.prune(oldest, now - HISTORY_S * 1000);
      if (node.connected || now - node.changed >= HISTORY_S * 1000) continue;
      isBlind = true;
      this.losses.add(second, [[node.name, { ...zeroBalance(), blind: 1 }]], false);
    }
    // Traffic of a node without agent is missing from the map, the routes and the stages.
    if (!isBlind) return;
    this.stages.add(second, [], false);
    this.edges.add(second, [], false);
    this.l7.addBlind(second);
  }

  /** Series of pods that are gone go, too. */
  #forgetPods(now: number): void {
    if (now - this.#looked < PODS_MS) return;
    this.#looked = now;
    const names = [...this.nodes.values()].flatMap(({ session }) => session?.names ?? []);
    this.#departed.look(names, now);
    this.hubble.forget(this.#departed.isGone);
  }

  #countOverwritten(node: AgentNode, second: number): void {
    const more = this.store.evictedOf(node.name) - node.ledger.total.overwritten;
    if (more > 0) this.losses.add(second, [[node.name, node.ledger.overwrite(more)]], true);
  }
}
