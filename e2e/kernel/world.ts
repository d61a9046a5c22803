/**
 * A node with pods, for tests: real namespaces and veth pairs, the real datapath, a cluster state the
 * test writes itself. Names carry the process id; what a crashed run left is removed at the start.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Datapath } from '../../server/agent/datapath.ts';
import { CounterReader } from '../../server/agent/counters.ts';
import type { Attachment } from '../../server/cluster/attachment.ts';
import { addPod, type CniNode, deletePod } from '../../server/cni/pod-network.ts';
import type { ClusterState, EndpointSlice, Pod, Protocol, Service } from '../../server/cluster/model.ts';
import type { Config } from '../../server/kernel/bpf-object.ts';
import { BPFFS, mountBpffs } from '../../server/kernel/bpffs.ts';
import { RingBuffer } from '../../server/kernel/ring-buffer.ts';
import { readStruct, type StructValue } from '../../server/wire/struct.ts';
import { createNodeNetwork } from '../../server/standalone/node-network.ts';
import type { EdgeCounters } from '../../server/wire/agent.ts';
import { RECORD_LAYOUT } from '../../server/wire/record-layout.gen.ts';

export type KernelRecord = StructValue<typeof RECORD_LAYOUT>;

const PEER = join(import.meta.dirname, 'peer.mjs');
const PREFIX = 'kt';

export class World implements AsyncDisposable {
  readonly node: CniNode;
  readonly pins: string;
  readonly state: ClusterState;
  readonly pods = new Map<string, Attachment>();
  datapath: Datapath;
  readonly #config: Config;
  readonly #children: ChildProcess[] = [];
  #ring: RingBuffer;

  private constructor(node: CniNode, pins: string, config: Config) {
    this.node = node;
    this.pins = pins;
    this.#config = config;
    this.state = {
      nodes: [{ name: node.name, labels: {}, addresses: [...node.addresses], podCIDRs: [...node.podCIDRs] }],
      namespaces: [{ name: 'test', labels: {} }],
      pods: [],
      services: [],
      endpointSlices: [],
    };
    this.datapath = this.#load();
    this.#ring = new RingBuffer(this.datapath.maps.events);
  }

  static async create(config: Config = {}): Promise<World> {
    removeLeftovers();
    mountBpffs();
    const name = `${PREFIX}${process.pid}`;
    const node = {
      name,
      netns: `spyglass-${name}`,
      stateFolder: mkdtempSync(join(tmpdir(), 'spyglass-kernel-test-')),
      podCIDRs: ['10.42.0.0/24', 'fd42::/64'],
      addresses: ['10.42.0.1', 'fd42::1'],
    };
    await createNodeNetwork(node);
    return new World(node, `${BPFFS}/spyglass-test-${process.pid}`, config);
  }

  async addPods(...names: string[]): Promise<void> {
    await this.addPodsIn('test', ...names);
  }

  /** Pods of a namespace, which is made if it is not there; its only label is Kubernetes' own. */
  async addPodsIn(namespace: string, ...names: string[]): Promise<void> {
    if (!this.state.namespaces.some((it) => it.name === namespace)) {
      this.state.namespaces.push({ name: namespace, labels: { 'kubernetes.io/metadata.name': namespace } });
    }
    for (const name of names) {
      this.pods.set(name, await addPod(this.node, { uid: name, namespace, name }));
      this.state.pods.push(podModel(name, this.pod(name), this.node.name));
    }
    this.apply();
  }

  pod(name: string): Attachment {
    const pod = this.pods.get(name);
    if (pod === undefined) throw new Error(`the test has no pod ${name}`);
    return pod;
  }

  v4(name: string): string {
    return this.pod(name).addresses.find((it) => !it.includes(':')) ?? '';
  }

  v6(name: string): string {
    return this.pod(name).addresses.find((it) => it.includes(':')) ?? '';
  }

  /** Sets a service with one port on each given pod; replaces one of the same name. */
  setService(
    name: string,
    clusterIPs: string[],
    port: number,
    targetPort: number,
    protocol: Protocol,
    pods: string[],
  ): void {
    const { services, endpointSlices } = this.state;
    this.state.services = services.filter((it) => it.name !== name);
    this.state.endpointSlices = endpointSlices.filter((it) => it.serviceName !== name);
    const backends = pods.map((it) => this.pod(it));
    const made = serviceModel(name, clusterIPs, { port, targetPort, protocol }, backends, this.node.name);
    this.state.services.push(made.service);
    this.state.endpointSlices.push(...made.slices);
    this.apply();
  }

  /** Brings the maps and the links to the current state. */
  apply(): void {
    const attachments = [...this.pods.values()];
    this.datapath.apply(this.datapath.plan(this.state, attachments));
    const failed = this.datapath.attach(attachments);
    if (failed.length > 0) throw new Error(failed.map((it) => it.reason).join('; '));
  }

  /** What an agent restart does: everything closed, then opened again from the pins. */
  restart(): void {
    this.#ring[Symbol.dispose]();
    this.datapath[Symbol.dispose]();
    this.datapath = this.#load();
    this.#ring = new RingBuffer(this.datapath.maps.events);
    this.apply();
  }

  /** Runs a program inside a pod's namespace to its end. `pod` may be `host`. */
  exec(pod: string, command: string, ...args: string[]): string {
    const netns = pod === 'host' ? this.node.netns : this.pod(pod).netns;
    return execFileSync('nsenter', [`--net=/run/netns/${netns}`, command, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** Whether a program run in the pod ends with code 0. */
  succeeds(pod: string, command: string, ...args: string[]): boolean {
    try {
      this.exec(pod, command, ...args);
      return true;
    } catch {
      return false;
    }
  }

  /** Starts a server in the pod and waits until it listens. */
  async serve(pod: string, protocol: string, address: string, port: number, answer = pod): Promise<void> {
    await this.start(pod, 'server', protocol, address, String(port), answer);
  }

  /** `count` exchanges from a pod: how often each answer came. Errors are in angle brackets. */
  ask(
    pod: string,
    protocol: string,
    address: string,
    port: number,
    count: number,
    local?: string,
  ): Record<string, number> {
    const args = ['client', protocol, address, String(port), String(count), ...(local === undefined ? [] : [local])];
    return JSON.parse(this.exec(pod, process.execPath, PEER, ...args)) as Record<string, number>;
  }

  /** Starts peer.mjs in the pod; resolves when it prints "ready". `stop` asks it to end; `result` is its later output. */
  async start(pod: string, ...args: string[]): Promise<{ result: Promise<string>; stop: () => Promise<string> }> {
    const netns = pod === 'host' ? this.node.netns : this.pod(pod).netns;
    const child = spawn('nsenter', [`--net=/run/netns/${netns}`, process.execPath, PEER, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#children.push(child);
    let output = '';
    const result = new Promise<string>((resolve) => child.on('close', () => resolve(output)));
    await new Promise<void>((resolve, reject) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        if (output === '' && text.startsWith('ready')) {
          output += text.slice('ready\n'.length);
          resolve();
        } else output += text;
      });
      child.on('close', () => reject(new Error(`${args.join(' ')} ended before it was ready: ${output}`)));
    });
    const stop = (): Promise<string> => {
      child.kill('SIGTERM');
      return result;
    };
    return { result, stop };
  }

  /** All records written since the last call. */
  records(): KernelRecord[] {
    const records: KernelRecord[] = [];
    const sink = {
      take(words: Int32Array, at: number, bytes: number): boolean {
        const copy = Buffer.from(new Uint8Array(words.buffer, words.byteOffset + at * 4, bytes));
        records.push(readStruct(RECORD_LAYOUT, copy));
        return true;
      },
    };
    while (this.#ring.drain(sink, Number.POSITIVE_INFINITY) > 0);
    return records;
  }

  /** Counters of all edges between two pods (by name; '' for no endpoint). */
  edges(source: string, destination: string): EdgeCounters[] {
    const ref = (name: string): number => (name === '' ? 0 : name === 'host' ? 1 : this.pod(name).endpointId);
    const { edges } = new CounterReader(this.datapath.maps).edges(true);
    return edges.filter((it) => it.source_endpoint === ref(source) && it.destination_endpoint === ref(destination));
  }

  drops(): Record<number, number> {
    return new CounterReader(this.datapath.maps).drops();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    this.#ring[Symbol.dispose]();
    this.datapath[Symbol.dispose]();
    for (const pod of this.pods.values()) await deletePod(this.node, pod.podUid);
    rmSync(this.pins, { recursive: true, force: true });
    execFileSync('ip', ['netns', 'delete', this.node.netns]);
    rmSync(this.node.stateFolder, { recursive: true, force: true });
  }

  #load(): Datapath {
    return new Datapath({
      object: 'bpf/build/pod.bpf.o',
      pins: this.pins,
      node: this.node.name,
      netns: `/run/netns/${this.node.netns}`,
      config: this.#config,
    });
  }
}

/** Waits until the condition holds. @throws Error that names it after 30 s. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + 30_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited 30 s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The pod as the cluster describes it. */
export function podModel(name: string, at: Attachment, nodeName: string): Pod {
  return {
    uid: name,
    namespace: at.namespace,
    name,
    labels: { app: name },
    annotations: {},
    nodeName,
    hostNetwork: false,
    podIPs: at.addresses,
    serviceAccountName: 'default',
    workload: { kind: 'Pod', name },
    containerPorts: [],
    ready: true,
    terminating: false,
    creationTimestamp: '2026-01-01T00:00:00Z',
  };
}

/** A service of one port and its endpoint slices, one a family. */
export function serviceModel(
  name: string,
  clusterIPs: string[],
  { port, targetPort, protocol }: { port: number; targetPort: number; protocol: Protocol },
  backends: readonly Attachment[],
  nodeName: string,
): { service: Service; slices: EndpointSlice[] } {
  const ofFamily = (pod: Attachment, isV6: boolean): string[] =>
    pod.addresses.filter((it) => it.includes(':') === isV6);
  return {
    service: {
      uid: name,
      namespace: 'test',
      name,
      type: 'ClusterIP',
      clusterIPs,
      selector: null,
      ports: [{ name: 'main', port, protocol, targetPort, appProtocol: '' }],
    },
    slices: (['IPv4', 'IPv6'] as const).map((addressType) => ({
      namespace: 'test',
      name: `${name}-${addressType}`,
      serviceName: name,
      addressType,
      ports: [{ name: 'main', port: targetPort, protocol, appProtocol: '' }],
      endpoints: backends.map((pod) => ({
        addresses: ofFamily(pod, addressType === 'IPv6'),
        conditions: { ready: true, serving: true, terminating: false },
        nodeName,
        targetRef: pod.name,
      })),
    })),
  };
}

/** Removes namespaces and pins of runs whose process is gone. */
export function removeLeftovers(): void {
  const isAlive = (pid: string): boolean => {
    try {
      process.kill(Number(pid), 0);
      return true;
    } catch {
      return false;
    }
  };
  const names = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }).split('\n');
  for (const line of names) {
    const [, name, pid] = /^(spyglass-kt(\d+)\S*)/.exec(line) ?? [];
    if (name !== undefined && pid !== undefined && !isAlive(pid)) execFileSync('ip', ['netns', 'delete', name]);
  }
  const pins = execFileSync('sh', ['-c', `ls ${BPFFS}`], { encoding: 'utf8' }).split('\n');
  for (const line of pins) {
    const [, pid] = /^spyglass-test-(\d+)/.exec(line) ?? [];
    if (pid !== undefined && !isAlive(pid)) rmSync(join(BPFFS, line), { recursive: true, force: true });
  }
}
