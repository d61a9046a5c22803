/**
 * One pod on the standalone node, from its wiring to its removal: wire, wait until the agent's programs
 * are attached, run init containers, run containers, watch their readiness.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sentence } from '../base/failure.ts';
import type { Attachment } from '../cluster/attachment.ts';
import { addPod, deletePod } from '../cni/pod-network.ts';
import type { LocalPod } from '../cluster/local-state.ts';
import type { ContainerPlan, PodPlan } from '../cluster/plan.ts';
import type { ChildOptions } from './child.ts';
import { rotateLog } from './child.ts';
import { runContainer } from './container.ts';
import type { LocalNode } from './local-node.ts';
import { launchArgv, writePodFiles } from './pod-launch.ts';
import type { Prober } from './prober/prober.ts';

const POLL_MS = 20;
/** Longer than a whole start may take: at the start one sentence about the agent is enough. */
const AGENT_SLOW_MS = 40_000;

export interface PodSurroundings {
  node: LocalNode;
  /** Folder of manifests. */
  folder: string;
  /** Address of the DNS service. */
  nameserver(): string;
  prober: Prober;
  /** Something in `state` has changed. */
  changed(): void;
  warn(line: string): void;
}

export class RunningPod {
  readonly state: LocalPod;
  readonly #around: PodSurroundings;
  readonly #stopping = new AbortController();
  readonly #ready = new Map<string, boolean>();
  readonly #logs: string[] = [];
  #attachment: Attachment | undefined;
  #work: Promise<unknown> = Promise.resolve();

  constructor(plan: PodPlan, around: PodSurroundings) {
    this.#around = around;
    const created = new Date().toISOString();
    this.state = { plan, uid: randomUUID(), podIPs: [], ready: false, terminating: false, created };
  }

  get title(): string {
    return `${this.state.plan.namespace}/${this.state.plan.name}`;
  }

  /** Gives the pod its network. Throws a Failure if that cannot be had. */
  async wire(): Promise<void> {
    const { plan, uid } = this.state;
    this.#attachment = await addPod(this.#around.node, { uid, namespace: plan.namespace, name: plan.name });
    this.state.podIPs = this.#attachment.addresses;
    this.#around.changed();
  }

  /** Resolves when the agent has reported that the pod's programs are attached; warns if that takes long. */
  async attached(): Promise<void> {
    const mark = join(this.#around.node.stateFolder, 'ready', this.state.uid);
    const began = performance.now();
    for (let warned = false; !existsSync(mark);) {
      if (this.#stopping.signal.aborted) return;
      if (!warned && performance.now() - began > AGENT_SLOW_MS) {
        warned = true;
        const log = join(this.#around.node.stateFolder, 'logs/agent.log');
        this.#around.warn(
          `pod ${this.title} is not started yet: the agent has not attached its programs within ${AGENT_SLOW_MS / 1000} s, see ${log}`,
        );
      }
      await sleep(POLL_MS);
    }
  }

  /** Starts the processes, once attached. Returns at once. */
  start(): void {
    this.#work = this.#run().catch((error: unknown) => this.#around.warn(`pod ${this.title}: ${sentence(error)}`));
  }

  /** Ends the processes. The pod stays wired. */
  async stop(): Promise<void> {
    this.state.terminating = true;
    this.#update();
    this.#stopping.abort();
    await this.#work;
  }

  /** Ends the processes and removes the network, and with it the pod. */
  async remove(): Promise<void> {
    await this.stop();
    const { node } = this.#around;
    await deletePod(node, this.state.uid);
    rmSync(join(node.stateFolder, 'ready', this.state.uid), { force: true });
    rmSync(join(node.stateFolder, 'pods', this.state.uid), { recursive: true, force: true });
    for (const log of this.#logs) rmSync(log, { force: true });
  }

  rotateLogs(): void {
    for (const log of this.#logs) rotateLog(log);
  }

  async #run(): Promise<void> {
    const { plan } = this.state;
    await this.attached();
    for (const container of plan.initContainers) {
      const policy = plan.restartPolicy === 'Never' ? 'Never' : 'OnFailure';
      const done = await this.#container(container, policy, { running: () => {}, ended: () => {} });
      if (!done) return;
    }
    const runs = plan.containers.map((container) => this.#runReadied(container));
    await Promise.all(runs);
  }

  async #runReadied(container: ContainerPlan): Promise<void> {
    const { prober } = this.#around;
    const id = `${this.state.uid}/${container.name}`;
    const set = (ready: boolean): void => {
      this.#ready.set(container.name, ready);
      this.#update();
    };
    const { readiness } = container;
    await this.#container(container, this.state.plan.restartPolicy, {
      running: () => {
        if (readiness === null) set(true);
        else prober.watch(id, this.state.podIPs[0] ?? '', readiness, set);
      },
      ended: () => {
        prober.forget(id);
        set(false);
      },
    });
    prober.forget(id);
    set(false);
  }

  #container(
    container: ContainerPlan,
    policy: PodPlan['restartPolicy'],
    events: { running(): void; ended(): void },
  ): Promise<boolean> {
    const title = `pod ${this.title} container ${container.name}`;
    const tell = (line: string): void => this.#around.warn(line);
    return runContainer(title, this.#childOptions(container), policy, this.#stopping.signal, { ...events, tell });
  }

  #childOptions(container: ContainerPlan): ChildOptions {
    const { node, folder } = this.#around;
    const { plan, uid, podIPs } = this.state;
    const addresses = podIPs;
    const files = writePodFiles(node.stateFolder, { ...plan, uid, addresses, nameserver: this.#around.nameserver() });
    const env = {
      POD_NAME: plan.name,
      POD_NAMESPACE: plan.namespace,
      POD_IP: podIPs[0] ?? '',
      POD_IPS: podIPs.join(','),
    };
    const place = { netns: this.#attachment?.netns ?? '', files, hostname: plan.name.slice(0, 63), env };
    const log = join(node.stateFolder, 'logs', `${plan.namespace}_${plan.name}_${container.name}.log`);
    this.#logs.push(log);
    const argv = launchArgv({ stateFolder: node.stateFolder, folder }, place, container);
    return { argv, env: process.env, log, stateFolder: node.stateFolder };
  }

  #update(): void {
    const { plan, terminating } = this.state;
    // A pod that is to end still serves until its processes have.
    const ready = plan.containers.every((it) => this.#ready.get(it.name) === true);
    if (ready === this.state.ready && !terminating) return;
    this.state.ready = ready;
    this.#around.changed();
  }
}
