/**
 * What runs on the standalone node: the pods of the current plan, and the published cluster state. A
 * new plan is applied as a difference; pods it does not touch go on undisturbed.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeFileAtomic } from '../cluster/atomic-file.ts';
import { withFormerPolicies } from '../cluster/former-policies.ts';
import { localState } from '../cluster/local-state.ts';
import type { PolicyProblem } from '../cluster/model.ts';
import { type NodePorts, nodePorts } from '../cluster/node-ports.ts';
import type { ManifestPlan, PodPlan } from '../cluster/plan.ts';
import { clusterIPs, serviceKey } from '../cluster/service-addresses.ts';
import { clusterFile, writeClusterState } from '../cluster/state-file.ts';
import { zoneOf } from './dns/zone.ts';
import { RunningPod } from './local-pod.ts';
import type { PodSurroundings } from './local-pod.ts';
import { zoneFolder } from './pod-launch.ts';

const PUBLISH_MS = 10;
const ROTATE_MS = 10_000;
/** How long former pods go on while their successors become ready. */
const HANDOVER_MS = 10_000;
/** Manifests may be of any length; what is told of them is not. */
const MAX_MESSAGE = 1000;

export const DNS_SERVICE = { namespace: 'kube-system', name: 'kube-dns' };

const keyOf = (plan: PodPlan): string => `${plan.namespace}/${plan.name}`;

export class LocalCluster {
  readonly #around: PodSurroundings;
  #plan: ManifestPlan;
  #addresses: Map<string, string[]>;
  #nodePorts: Map<string, NodePorts>;
  #pods: RunningPod[] = [];
  #refusal: PolicyProblem | undefined;
  #publishing: NodeJS.Timeout | undefined;
  readonly #rotating: NodeJS.Timeout;

  /** Throws a Failure if the services of the plan cannot have their addresses or node ports. */
  constructor(plan: ManifestPlan, around: Omit<PodSurroundings, 'changed' | 'nameserver'>) {
    this.#plan = plan;
    this.#addresses = clusterIPs(plan.services, new Map());
    this.#nodePorts = nodePorts(plan.services, new Map());
    this.#around = {
      ...around,
      changed: () => this.#publishSoon(),
      nameserver: () => this.#addresses.get(serviceKey(DNS_SERVICE))?.[0] ?? '',
    };
    this.#pods = plan.pods.map((it) => new RunningPod(it, this.#around));
    this.#rotating = setInterval(() => {
      for (const pod of this.#pods) pod.rotateLogs();
    }, ROTATE_MS);
  }

  get pods(): readonly RunningPod[] {
    return this.#pods;
  }

  /** Writes cluster state and DNS zone now. */
  publish(): void {
    clearTimeout(this.#publishing);
    this.#publishing = undefined;
    const { node } = this.#around;
    const pods = this.#pods.map((it) => it.state);
    const grants = { addresses: this.#addresses, nodePorts: this.#nodePorts };
    const { policyProblems } = this.#plan;
    const plan = { ...this.#plan, policyProblems: [...policyProblems, ...(this.#refusal ? [this.#refusal] : [])] };
    const state = localState(node.model, plan, grants, pods);
    writeClusterState(clusterFile(node.stateFolder), state);
    writeFileAtomic(join(zoneFolder(node.stateFolder), 'zone.json'), `${JSON.stringify(zoneOf(state))}\n`);
  }

  /** Says where policies are shown that there are newer manifests, which cannot be applied; `words` tell why. */
  refuse(words: string): void {
    const message = `The manifests are not applied, what was in force before stays: ${words}`.slice(0, MAX_MESSAGE);
    this.#refusal = { namespace: '', name: 'manifests', message };
    this.publish();
  }

  /** Wires the given pods side by side. Throws the first Failure after all have been tried. */
  async wire(pods: readonly RunningPod[]): Promise<void> {
    const results = await Promise.allSettled(pods.map((it) => it.wire()));
    this.publish();
    const failed = results.find((it) => it.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** Brings the node to another plan. Throws a Failure, with nothing changed, if services cannot have their addresses or node ports. */
  async apply(plan: ManifestPlan): Promise<{ added: number; removed: number }> {
    const addresses = clusterIPs(plan.services, this.#addresses);
    this.#nodePorts = nodePorts(plan.services, this.#nodePorts);
    this.#addresses = addresses;
    this.#plan = withFormerPolicies(this.#plan, plan);
    this.#refusal = undefined;
    const wanted = new Map(plan.pods.map((it) => [keyOf(it), it]));
    const kept = this.#pods.filter((it) => wanted.get(it.title)?.hash === it.state.plan.hash);
    const gone = this.#pods.filter((it) => !kept.includes(it));
    for (const pod of kept) wanted.delete(pod.title);
    // A pod of the same name must be gone before its successor comes.
    await this.#remove(gone.filter((it) => wanted.has(it.title)));
    const added = Array.from(wanted.values(), (it) => new RunningPod(it, this.#around));
    this.#pods = [...this.#pods, ...added];
    await this.wire(added);
    for (const pod of added) pod.start();
    const rest = this.#pods.filter((it) => gone.includes(it));
    if (rest.length > 0) await this.#handOver(added);
    await this.#remove(rest);
    this.publish();
    return { added: added.length, removed: gone.length };
  }

  /** Ends all processes. Networks and files are left to removeLeftovers. */
  async stop(): Promise<void> {
    clearInterval(this.#rotating);
    await Promise.all(this.#pods.map((it) => it.stop()));
    clearTimeout(this.#publishing);
  }

  async #remove(pods: readonly RunningPod[]): Promise<void> {
    await Promise.all(pods.map((it) => it.remove()));
    this.#pods = this.#pods.filter((it) => !pods.includes(it));
  }

  async #handOver(successors: readonly RunningPod[]): Promise<void> {
    const end = performance.now() + HANDOVER_MS;
    while (performance.now() < end && successors.some((it) => !it.state.ready)) await sleep(50);
  }

  #publishSoon(): void {
    this.#publishing ??= setTimeout(() => this.publish(), PUBLISH_MS);
  }
}
