/**
 * The node agent: cluster state into maps, ring buffer and counters out to the hub. Order matters: a
 * reference is described to the hub before the maps can make a record that uses it, and a pod is reported
 * ready only when the maps know it and its programs are attached.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Logger } from 'pino';
import type { Attachment } from '../cluster/attachment.ts';
import { attachmentFolder, readAttachments } from '../cni/attachments.ts';
import type { ClusterSource } from '../cluster/model.ts';
import { clusterFile, openStateFile } from '../cluster/state-file.ts';
import { watchFolder } from '../cluster/watch-folder.ts';
import { sentence } from '../base/failure.ts';
import { mountBpffs, pinDirectory } from '../kernel/bpffs.ts';
import { withNetns } from '../kernel/netns.ts';
import { RingBuffer } from '../kernel/ring-buffer.ts';
import { AGENT_PROTOCOL_VERSION } from '../wire/agent.ts';
import { RECORD_LAYOUT } from '../wire/record-layout.gen.ts';
import { ClockOffset } from './clock.ts';
import { CounterReader } from './counters.ts';
import { Datapath } from './datapath.ts';
import { readDenyList } from './deny-list.ts';
import { DictionarySource } from './dictionary.ts';
import { Drain } from './drain.ts';
import { HealthCheckPorts, healthChecks } from './health-check-ports.ts';
import { LossBefore } from './loss-before.ts';
import type { AgentHealth, AgentStats } from './metrics.ts';
import { MapFills } from './map-fill.ts';
import { Messages } from './messages.ts';
import { Outbox } from './outbox.ts';
import type { HubSecurity } from './hub-security.ts';
import { Hubs } from './hubs.ts';
import { readMasqueradePorts, readUplinks } from './uplinks.ts';
import { RecordCounter } from './record-counts.ts';
import { FlowSweeper } from './flow-sweep.ts';

export interface AgentOptions {
  node: string;
  /** Name under /run/netns; undefined for this process's own namespace. */
  netns: string | undefined;
  /** Folder of a cgroup2 mount whose processes reach services by their sockets; undefined for none. */
  cgroup: string | undefined;
  /** The node's state folder: cluster state, attachments, and where readiness is reported. */
  state: string;
  /** URLs of the hubs; a name may stand for several. */
  hubs: readonly string[];
  hubSecurity: HubSecurity;
  /** AGGREGATION_LEVEL number. */
  level: number;
  /** Payload read of each message's head, bytes; 0: none at all. */
  l7Bytes: number;
  /** Bytes of records kept for hubs that are away. */
  buffer: number;
  /** Folder of the eBPF objects. */
  objects: string;
  /** Devices that lead to the world. */
  uplinks: string[];
  /** File of prefixes whose packets are dropped at the uplinks. */
  denyList: string | undefined;
  version: string;
}

const COUNTERS_MS = 1000;
const RECONCILE_MS = 30_000;
/** A batch of the flow cache; all of a full one takes 10 s. */
const SWEEP_MS = 100;
/** Longest problem that hubs take. */
const MAX_PROBLEM = 2000;
/** Changes that come together are applied together. */
const SETTLE_MS = 5;

export class Agent implements AgentHealth, AsyncDisposable {
  readonly #options: AgentOptions;
  readonly #log: Logger;
  readonly #datapath: Datapath;
  readonly #ring: RingBuffer;
  readonly #source: ClusterSource;
  readonly #outbox: Outbox;
  readonly #drain: Drain;
  readonly #messages: Messages;
  readonly #hubs: Hubs;
  readonly #reader: CounterReader;
  readonly #clock = new ClockOffset();
  readonly #dictionary = new DictionarySource();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #unwatch: (() => void)[] = [];
  readonly #lossBefore: LossBefore;
  readonly #checks: HealthCheckPorts;
  /** Whether the last pass brought the maps in step. */
  #inStep = false;
  #lostInRing = 0;
  readonly #records: RecordCounter;
  readonly #sweeper: FlowSweeper;
  readonly #fills: MapFills;
  #settle: NodeJS.Timeout | undefined;
  #sendAll = true;
  #problems = '';
  #problem: string | null = 'The cluster state has not been applied yet.';
  #pods = 0;
  readonly #passes = { passes: 0, failures: 0, lastSeconds: 0 };

  /** Starts everything; the node's state must exist. @throws KernelError or Failure, with nothing left open. */
  constructor(options: AgentOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
    // First what can be wrong without having touched the kernel.
    this.#source = openStateFile(clusterFile(options.state), (problem) => log.warn(problem));
    mkdirSync(attachmentFolder(options.state), { recursive: true });
    try {
      this.#datapath = this.#load();
    } catch (error) {
      void this.#source[Symbol.asyncDispose]();
      throw error;
    }
    this.#reader = new CounterReader(this.#datapath.maps);
    this.#lossBefore = new LossBefore(options.state, this.#datapath.countersId);
    this.#sweeper = new FlowSweeper(this.#datapath.maps);
    this.#fills = new MapFills(
      this.#datapath.countedMaps({
        flow_cache: () => this.#sweeper.entries,
        edges: () => this.#reader.usedEdges,
      }),
    );
    this.#ring = new RingBuffer(this.#datapath.maps.events);
    this.#records = new RecordCounter({
      kernel: () => this.#reader.events(),
      ringBytes: () => this.#ring.pending,
      recordSize: RECORD_LAYOUT.size,
      lostBefore: this.#lossBefore.value,
    });
    this.#outbox = new Outbox(options.buffer);
    this.#hubs = this.#connect();
    this.#drain = new Drain({
      ring: this.#ring,
      outbox: this.#outbox,
      clock: this.#clock,
      recordSize: RECORD_LAYOUT.size,
      lostInRing: () => this.#lostInRing,
      onBatch: () => this.#hubs.sendBatches(),
    });
    this.#messages = new Messages({
      captures: this.#datapath.maps.captures,
      take: (words, bytes) => this.#drain.take(words, 0, bytes),
      lostInRing: () => this.#reader.captures().lost,
      log,
    });
    this.#source.onChange(() => this.#later());
    this.#watch(
      attachmentFolder(options.state),
      () => true,
      () => this.#later(),
    );
    const { denyList } = options;
    if (denyList !== undefined) {
      this.#watch(
        dirname(denyList),
        (file) => file === basename(denyList),
        () => this.#applyDenyList(),
      );
    }
    this.#checks = this.#healthChecks();
    this.#followUplinks();
    this.#apply();
    this.#timers.push(
      setInterval(() => this.#sendCounters(), COUNTERS_MS),
      setInterval(() => {
        this.#followUplinks();
        this.#apply({ verify: true });
      }, RECONCILE_MS),
      setInterval(() => {
        this.#sweep();
        this.#lookAtFill();
      }, SWEEP_MS),
    );
  }

  /** Stops; the datapath goes on without the agent. Sends what has been read, within 1 s. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#settle);
    for (const unwatch of this.#unwatch) unwatch();
    await this.#source[Symbol.asyncDispose]();
    this.#checks[Symbol.dispose]();
    this.#drain[Symbol.dispose]();
    this.#messages.finish();
    this.#drain.finish();
    this.#sendCounters();
    await this.#hubs.close(1000);
    this.#messages[Symbol.dispose]();
    this.#ring[Symbol.dispose]();
    this.#datapath[Symbol.dispose]();
  }

  /** Why this node's datapath is not in step with the cluster, null if it is. */
  problem(): string | null {
    return this.#problem;
  }

  stats(): AgentStats {
    const { written, lost } = this.#reader.events();
    return {
      events: {
        written,
        drained: this.#drain.drained,
        lostInRing: lost - this.#lossBefore.value,
        lostInBuffer: this.#outbox.lost,
      },
      ringBytes: this.#ring.pending,
      outboxBytes: this.#outbox.bytes,
      l7: this.#messages.stats(),
      maps: this.#fills.all,
      apply: { ...this.#passes },
      hubs: this.#hubs.connected,
      pods: this.#pods,
    };
  }

  #load(): Datapath {
    const { node, netns, cgroup, state, level, l7Bytes, objects } = this.#options;
    if (mountBpffs()) writeFileSync(join(state, 'bpffs-mounted'), '');
    return new Datapath({
      objects,
      pins: pinDirectory(node),
      node,
      netns: netnsPath(netns),
      cgroup,
      state,
      config: { config_level: level, config_l7_bytes: l7Bytes },
    });
  }

  #healthChecks(): HealthCheckPorts {
    const netns = netnsPath(this.#options.netns);
    return new HealthCheckPorts({
      inside: (block) => (netns === undefined ? block() : withNetns(netns, block)),
      isHealthy: () => this.#inStep,
      warn: (problem) => this.#log.warn(problem),
    });
  }

  #connect(): Hubs {
    const { node, version, hubs, hubSecurity } = this.#options;
    const hello = {
      protocol: AGENT_PROTOCOL_VERSION,
      node,
      session: randomUUID(),
      boot_id: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      counters_id: this.#datapath.countersId,
      version,
      layout: RECORD_LAYOUT,
      mode: 'live' as const,
    };
    return new Hubs({
      urls: hubs,
      security: hubSecurity,
      hello,
      outbox: this.#outbox,
      snapshot: () => this.#dictionary.snapshot(),
      events: {
        connected: ({ url, ip }, id) => {
          this.#sendAll = true;
          this.#sendCounters();
          this.#log.info({ hub: url, ip, id }, 'connected to the hub');
        },
        disconnected: (hub, reason) =>
          this.#log.warn({ hub, reason }, 'a hub is away; records are kept and sent later'),
      },
    });
  }

  #later(): void {
    this.#settle ??= setTimeout(() => {
      this.#settle = undefined;
      this.#apply();
    }, SETTLE_MS);
  }

  #apply(options: { verify?: boolean } = {}): void {
    const started = performance.now();
    this.#passes.passes++;
    try {
      const attachments = readAttachments(attachmentFolder(this.#options.state));
      const state = this.#source.current;
      const desired = this.#datapath.plan(state, attachments);
      this.#report(desired.problems);
      const change = this.#dictionary.update(desired.dictionary);
      if (change !== null) this.#hubs.sendDictionary(change);
      const changes = this.#datapath.apply(desired, options);
      this.#inStep = true;
      this.#checks.apply(healthChecks(state, this.#options.node));
      const failed = this.#datapath.attach(attachments);
      for (const { attachment, reason } of failed)
        this.#log.error({ pod: attachment.name, reason }, 'pod not attached');
      const bad = new Set(failed.map((it) => it.attachment.podUid));
      // Of a pod that the cluster does not know yet, nothing is known that it may do.
      const known = new Set(state.pods.map((it) => it.uid));
      this.#markReady(attachments.filter((it) => known.has(it.podUid) && !bad.has(it.podUid)));
      this.#pods = attachments.length - failed.length;
      const [first] = failed;
      this.#problem =
        first === undefined
          ? null
          : `${failed.length} pods are not attached, ${first.attachment.name} among them: ${first.reason}.`;
      if (changes.written + changes.deleted > 0) {
        this.#log.info(
          { ...changes, pods: attachments.length, ms: Math.round(performance.now() - started) },
          'applied',
        );
      }
    } catch (error) {
      // The datapath keeps its last good state; the next change or the periodic pass tries again.
      this.#passes.failures++;
      this.#inStep = false;
      this.#problem = `The cluster state could not be applied: ${sentence(error)}.`;
      this.#log.error({ error: sentence(error) }, 'could not apply the cluster state');
    }
    this.#passes.lastSeconds = (performance.now() - started) / 1000;
  }

  #watch(folder: string, concerns: (file: string) => boolean, changed: () => void): void {
    this.#unwatch.push(watchFolder(folder, SETTLE_MS, concerns, changed));
  }

  /** Their addresses may change at any time. */
  #followUplinks(): void {
    const netns = netnsPath(this.#options.netns);
    try {
      this.#datapath.setUplinks(readUplinks(this.#options.uplinks, netns), readMasqueradePorts(netns));
      this.#applyDenyList();
    } catch (error) {
      // What was attached stays; the next pass tries again.
      this.#log.error({ error: sentence(error) }, 'could not follow the uplinks');
    }
  }

  /** A list that cannot be read leaves the former one in force. */
  #applyDenyList(): void {
    const { denyList } = this.#options;
    try {
      this.#datapath.setDenied(denyList === undefined ? [] : readDenyList(denyList));
    } catch (error) {
      this.#log.error({ error: sentence(error) }, 'could not apply the deny list');
    }
  }

  #sweep(): void {
    try {
      this.#sweeper.step(process.hrtime.bigint());
    } catch (error) {
      // New connections have the overflow map meanwhile; the next step tries again.
      this.#log.warn({ error: sentence(error) }, 'could not sweep the flow cache');
    }
  }

  #lookAtFill(): void {
    try {
      const change = this.#fills.step(performance.now());
      if (change?.isWarning === true) this.#log.warn(change.words);
      else if (change !== undefined) this.#log.info(change.words);
    } catch (error) {
      // The gauges keep their last figures; the next round tries again.
      this.#log.warn({ error: sentence(error) }, 'could not see how full a map is');
    }
  }

  #report(problems: readonly string[]): void {
    const text = problems.join('\n');
    if (text !== this.#problems) for (const problem of problems) this.#log.warn(problem);
    this.#problems = text;
  }

  #markReady(attachments: readonly Attachment[]): void {
    const folder = join(this.#options.state, 'ready');
    mkdirSync(folder, { recursive: true });
    for (const { podUid } of attachments) writeFileSync(join(folder, podUid), '');
  }

  #sendCounters(): void {
    this.#clock.refresh();
    const { written, lost } = this.#reader.events();
    this.#lostInRing = lost - this.#lossBefore.value;
    if (this.#hubs.connected === 0) return;
    this.#lossBefore.told(lost);
    const now = process.hrtime.bigint() + this.#clock.ns;
    this.#hubs.sendL7(this.#messages.report(this.#sendAll, now));
    const { edges, overflow } = this.#reader.edges(this.#sendAll);
    this.#sendAll = false;
    const cpu = process.cpuUsage();
    const { drained, taken } = this.#drain;
    this.#hubs.sendCounters({
      time_ns: now.toString(),
      edges,
      overflow,
      drops: this.#reader.drops(),
      stages: this.#reader.stages(),
      maps: this.#fills.all.map((it) => ({ name: it.name, entries: it.entries, max_entries: it.maxEntries })),
      problem: this.#problem?.slice(0, MAX_PROBLEM) ?? null,
      events: { written, drained },
      records: this.#records.counts({ drained, taken, batched: this.#outbox.records, buffer: this.#outbox.lost }),
      agent: {
        rss_bytes: process.memoryUsage.rss(),
        cpu_seconds: (cpu.user + cpu.system) / 1e6,
        buffered_bytes: this.#outbox.bytes + this.#ring.pending,
      },
    });
  }
}

function netnsPath(name: string | undefined): string | undefined {
  return name === undefined ? undefined : `/run/netns/${name}`;
}
