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
import { type Emitter, toHubbleFlow } from '../flows/hubble-flow.ts';
import { datapathView } from './datapath/datapath-view.ts';
import { StageRing } from './datapath/stage-ring.ts';
import { EdgeRing } from './edges/edge-ring.ts';
import { serviceMap } from './edges/service-map.ts';
import type { Exports } from './exports/exports.ts';
import type { FlowPlaces } from './flow-reader.ts';
import { FlowTally } from './flow-tally.ts';
import { l7Table } from './l7/l7-table.ts';
import { L7Ring } from './l7/l7-ring.ts';
import { MessageTally } from './l7/message-tally.ts';
import { SeriesTally } from './l7/series-tally.ts';
import type { History } from './history/history.ts';
import type { HistoryReader } from './history/reader/history-reader.ts';
import type { AgentNode } from './ingest/agent-node.ts';
import type { AgentSession } from './ingest/agent-session.ts';
import type { ProtocolFault } from './ingest/protocol-error.ts';
import { PolicyHitCounter } from './policy-hits.ts';
import { type Extent, FlowStore, seek } from './store/flow-store.ts';
import { Timeline } from './timeline.ts';
import { Wakeup } from './wakeup.ts';
import { HISTORY_S } from './window-ring.ts';

export interface Stats {
  batches: number;
  duplicateBatches: number;
  bytes: number;
  faults: Map<ProtocolFault, number>;
  slowReaders: number;
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

export class HubState implements FlowPlaces {
  /** Random per process. */
  readonly id: string;
  readonly startedMs = Date.now();
  readonly version: string;
  readonly store: FlowStore;
  readonly edges = new EdgeRing();
  readonly l7 = new L7Ring();
  readonly stages = new StageRing();
  readonly tally = new FlowTally();
  readonly messageTally = new MessageTally();
  readonly seriesTally = new SeriesTally();
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

  /** `memory` is the budget for flow records in bytes. */
  constructor(options: { memory: number; version: string }) {
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
  get agentNames(): Names[] {
    const names: Names[] = [];
    for (const node of this.nodes.values()) if (node.connected && node.session !== null) names.push(node.session.names);
    return names;
  }

  /** Records that agents could not keep. */
  get lost(): number {
    let lost = 0;
    for (const node of this.nodes.values()) lost += node.lost.records;
    return lost;
  }

  /** The flow with this id in an extent that is not evicted. */
  flow(extent: Extent, id: number): HubbleFlow {
    return toHubbleFlow(seek(extent, id - extent.firstId), {
      names: extent.source.names,
      clockOffsetNs: extent.clockOffsetNs,
      uuid: extent.source.uuid(extent.firstSequence + id - extent.firstId),
      emitter: this.emitter,
    });
  }

  /** The stored flow with this id, null if it was overwritten. */
  flowById(id: number): HubbleFlow | null {
    const extent = this.store.extentFrom(id);
    return extent === undefined || extent.firstId > id ? null : this.flow(extent, id);
  }

  /** The map over whole seconds in [since, until), Unix seconds. */
  map(since: number, until: number, group: MapGroup, filter: FlowFilter): ServiceMap {
    const now = Date.now() / 1000;
    const l7 = this.l7.window(since, until, now);
    return serviceMap(this.edges.window(since, until, now), group, filter, this.agentNames, l7);
  }

  /** The table of routes over the same window. */
  routes(since: number, until: number, group: MapGroup, filter: FlowFilter, per: L7RowsPer): L7Table {
    return l7Table(this.l7.window(since, until, Date.now() / 1000), group, filter, per);
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
    this.history?.tick(now);
    const oldest = this.store.oldestId;
    let isBlind = false;
    for (const node of this.nodes.values()) {
      node.updateRate();
      node.session?.names.prune(oldest, now - HISTORY_S * 1000);
      isBlind ||= !node.connected && now - node.changed < HISTORY_S * 1000;
    }
    // Traffic of a node without agent is missing from the map, the routes and the stages.
    if (!isBlind) return;
    this.stages.add(Math.floor(now / 1000), [], false);
    this.edges.add(Math.floor(now / 1000), [], false);
    this.l7.addBlind(Math.floor(now / 1000));
  }
}
