/** One run of a standalone node: start everything in order, follow the manifests, end everything in order. */
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, sentence } from '../base/failure.ts';
import { watchManifestFolder } from '../cluster/manifest-folder.ts';
import type { ManifestPlan } from '../cluster/plan.ts';
import { createCgroup } from '../kernel/cgroup.ts';
import { isChdbInstalled } from '../hub/history/chdb/store-process.ts';
import { lastLine } from './child.ts';
import { removeLeftovers } from './leftovers.ts';
import { DNS_SERVICE, LocalCluster } from './local-cluster.ts';
import type { LocalNode } from './local-node.ts';
import type { RunningPod } from './local-pod.ts';
import { createNodeNetwork } from './node-network.ts';
import { builtModule } from './package-root.ts';
import { prepareView } from './pod-launch.ts';
import { startProber } from './prober/prober.ts';
import type { Prober } from './prober/prober.ts';
import type { Progress } from './progress.ts';
import { readPlan } from './read-plan.ts';
import { supervise } from './supervised.ts';
import type { Supervised } from './supervised.ts';

const AGENT_GRACE_MS = 1500;
const HUB_GRACE_MS = 1000;
const START_TIMEOUT_MS = 30_000;
/** Beyond it the oldest goes. */
const HISTORY_BYTES = '4Gi';
/** Pods that take longer to become ready are not waited for. */
const READY_WAIT_MS = 5000;

export interface UpOptions {
  folder: string;
  node: string;
  /** Of the hub, on 127.0.0.1. */
  port: number;
  /** Of the Hubble API, on 127.0.0.1; 0: none. */
  grpcPort: number;
  /** Payload read of each message's head, bytes; 0: none at all. */
  l7Bytes: number;
  /** Of this build. */
  version: string;
}

export class NodeRun {
  readonly #node: LocalNode;
  readonly #options: UpOptions;
  readonly #progress: Progress;
  readonly #stopping: AbortSignal;
  #prober: Prober | undefined;
  #cluster: LocalCluster | undefined;
  #services: Supervised[] = [];
  #changes: Promise<void> = Promise.resolve();

  constructor(node: LocalNode, options: UpOptions, progress: Progress, stopping: AbortSignal) {
    this.#node = node;
    this.#options = options;
    this.#progress = progress;
    this.#stopping = stopping;
  }

  async start(plan: ManifestPlan): Promise<void> {
    const { step, warn } = this.#progress;
    const node = this.#node;
    mkdirSync(join(node.stateFolder, 'ready'), { recursive: true });
    await this.#step(`node ${node.name}`, () => createNodeNetwork(node));
    if (node.cgroup !== undefined) createCgroup(node.cgroup);
    else warn('there is no cgroup2 mount, so processes of the node reach services by no cluster IP; pods do');
    prepareView(node.stateFolder);
    const prober = startProber(node, warn);
    this.#prober = prober;
    const cluster = new LocalCluster(plan, { node, folder: this.#options.folder, prober, warn });
    this.#cluster = cluster;
    cluster.publish();
    const { port, grpcPort } = this.#options;
    const hubble = grpcPort === 0 ? 'off' : `127.0.0.1:${grpcPort}`;
    const places = ['--listen', `127.0.0.1:${port}`, '--grpc-listen', hubble];
    const hub = this.#service('hub', [...places, '--store', this.#store(), '--store-bytes', HISTORY_BYTES]);
    const agent = this.#service('agent', this.#agentArguments());
    await this.#step(`wired ${plan.pods.length} pods`, () => cluster.wire(cluster.pods));
    await this.#step('agent attached its programs', () =>
      this.#within('the agent', agent, Promise.all(cluster.pods.map((it) => it.attached()))),
    );
    await this.#step('hub answers', () => this.#within('the hub', hub, this.#hubAnswers()));
    await step(`started ${plan.pods.length} pods`, () => this.#startPods(cluster));
  }

  /** Follows the manifests until the run is to end. */
  async untilStopped(): Promise<void> {
    const unwatch = watchManifestFolder(this.#options.folder, () => {
      this.#changes = this.#changes.then(() => this.#applyChange());
    });
    await new Promise<void>((done) => {
      // It may have come during the last step of the start.
      if (this.#stopping.aborted) done();
      else this.#stopping.addEventListener('abort', () => done(), { once: true });
    });
    unwatch();
  }

  async end(): Promise<void> {
    const began = performance.now();
    await this.#changes;
    await this.#cluster?.stop();
    await this.#prober?.stop();
    // The agent before the hub, so that its last batch arrives.
    const [hub, agent] = this.#services;
    await agent?.stop(AGENT_GRACE_MS);
    await hub?.stop(HUB_GRACE_MS);
    const removed = await removeLeftovers(this.#node);
    if (removed.length === 0) return;
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    this.#progress.tell(`stopped node ${this.#node.name} and removed ${removed.join(', ')}  ${seconds} s`);
  }

  async #applyChange(): Promise<void> {
    if (this.#stopping.aborted) return;
    try {
      const plan = readPlan(this.#options.folder);
      for (const warning of plan.warnings) this.#progress.warn(warning);
      const counts = await this.#cluster?.apply(plan);
      this.#progress.tell(`manifests changed: ${counts?.added} pods added, ${counts?.removed} removed`);
    } catch (error) {
      const words = error instanceof Failure ? error.message : sentence(error);
      this.#progress.warn(`${words}\nthe manifests are not applied; what ran before goes on`);
      this.#cluster?.refuse(words);
    }
  }

  #step<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.#stopping.throwIfAborted();
    return this.#progress.step(name, work);
  }

  #service(name: 'hub' | 'agent', args: string[]): Supervised {
    const argv = [process.execPath, builtModule('cli/main'), name, ...args, '--exit-with-parent'];
    const { stateFolder } = this.#node;
    const options = { argv, env: process.env, log: join(stateFolder, 'logs', `${name}.log`), stateFolder, tied: true };
    const service = supervise(name, options, this.#progress.warn);
    this.#services.push(service);
    return service;
  }

  /** A node for trying things out goes on without history. */
  #store(): string {
    if (isChdbInstalled()) return `chdb:${this.#node.historyFolder}`;
    this.#progress.warn('the package chdb is not installed, so history is kept in memory only');
    return 'memory';
  }

  #agentArguments(): string[] {
    const { name, netns, cgroup, stateFolder } = this.#node;
    const hub = `ws://127.0.0.1:${this.#options.port}`;
    // Several nodes may run on this machine, so the port of its metrics is any that is free.
    const places = ['--netns', netns, '--state', stateFolder, '--listen', '127.0.0.1:0'];
    const group = cgroup === undefined ? [] : ['--cgroup', cgroup];
    const l7 = ['--l7-bytes', String(this.#options.l7Bytes)];
    return ['--node', name, ...places, ...group, ...l7, '--hub', hub];
  }

  /** Waits for `work`, but neither for a process that does not work nor for ever. */
  async #within(name: string, service: Supervised, work: Promise<unknown>): Promise<void> {
    const timeout = new AbortController();
    const late = sleep(START_TIMEOUT_MS, undefined, { signal: timeout.signal }).then(() => {
      throw new Failure(
        `${name} is not ready after ${START_TIMEOUT_MS / 1000} s; the last it said is: ${lastLine(service.log) || 'nothing'}`,
      );
    });
    late.catch(() => {});
    const stopped = new Promise<never>((_, reject) => {
      this.#stopping.addEventListener('abort', () => reject(new Failure('stopped')), {
        once: true,
        signal: timeout.signal,
      });
    });
    try {
      await Promise.race([work, late, stopped, service.hopeless]);
    } finally {
      timeout.abort();
    }
  }

  async #hubAnswers(): Promise<void> {
    while (!this.#stopping.aborted && !(await canConnect(this.#options.port))) await sleep(50);
  }

  /**
   * Starts all pods and waits a little until they are ready, so that the page is full when it is first
   * looked at. DNS comes first: a query before it is there costs a resolver five seconds.
   */
  async #startPods(cluster: LocalCluster): Promise<void> {
    const isDns = (pod: RunningPod): boolean => pod.state.plan.namespace === DNS_SERVICE.namespace;
    const groups = [cluster.pods.filter(isDns), cluster.pods.filter((pod) => !isDns(pod))];
    for (const pods of groups) {
      if (this.#stopping.aborted) return;
      for (const pod of pods) pod.start();
      await this.#allReady(pods);
    }
  }

  async #allReady(pods: readonly RunningPod[]): Promise<void> {
    const end = performance.now() + READY_WAIT_MS;
    while (!this.#stopping.aborted && performance.now() < end && !pods.every((it) => it.state.ready)) await sleep(20);
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 500 });
    const end = (good: boolean) => (): void => {
      socket.destroy();
      answer(good);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
}
