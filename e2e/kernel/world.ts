/**
 * A node with pods, for tests: real namespaces and veth pairs, the real datapath, a cluster state the
 * test writes itself. Names carry the process id; what a crashed run left is removed at the start.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Datapath } from '../../server/agent/datapath.ts';
import { CounterReader } from '../../server/agent/counters.ts';
import { readMasqueradePorts, readUplinks } from '../../server/agent/uplinks.ts';
import type { Attachment } from '../../server/cluster/attachment.ts';
import { addPod, type CniNode, deletePod } from '../../server/cni/pod-network.ts';
import type { ClusterState, EndpointSlice, Pod, Protocol, Service } from '../../server/cluster/model.ts';
import { serviceWithDefaults } from '../../server/cluster/service-defaults.ts';
import type { Config } from '../../server/kernel/bpf-object.ts';
import { BPFFS, mountBpffs } from '../../server/kernel/bpffs.ts';
import { cgroupMount, createCgroup, inCgroup, removeCgroup } from '../../server/kernel/cgroup.ts';
import { RingBuffer } from '../../server/kernel/ring-buffer.ts';
import { readStruct, type StructValue } from '../../server/wire/struct.ts';
import { createNodeNetwork } from '../../server/standalone/node-network.ts';
import type { EdgeCounters } from '../../server/wire/agent.ts';
import { RECORD_LAYOUT } from '../../server/wire/record-layout.gen.ts';

export type KernelRecord = StructValue<typeof RECORD_LAYOUT>;

const PEER = join(import.meta.dirname, 'peer.mjs');
const PREFIX = 'kt';

/** Addresses in the namespace that stands for the world. */
export const WORLD = { v4: '192.0.2.2', v6: '2001:db8::2', otherV4: '192.0.2.3', otherV6: '2001:db8::3' } as const;

export class World implements AsyncDisposable {
  readonly node: CniNode;
  /** Of the node's own processes. */
  readonly cgroup: string;
  readonly pins: string;
  readonly state: ClusterState;
  readonly pods = new Map<string, Attachment>();
  datapath: Datapath;
  readonly #config: Config;
  readonly #children: ChildProcess[] = [];
  #ring: RingBuffer;

  private constructor(node: CniNode, pins: string, config: Config) {
    this.node = node;
    this.cgroup = cgroupOf(node.name);
    createCgroup(this.cgroup);
    this.pins = pins;
    this.#config = config;
    this.state = {
      nodes: [{ name: node.name, labels: {}, addresses: [...node.addresses], podCIDRs: [...node.podCIDRs] }],
      namespaces: [{ name: 'test', labels: {} }],
      pods: [],
      services: [],
      endpointSlices: [],
      networkPolicies: [],
      policyProblems: [],
    };
    this.datapath = this.#load();
    this.#ring = new RingBuffer(this.datapath.maps.events);
  }

  static async create(config: Config = {}): Promise<World> {
    await removeLeftovers();
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
    more: Partial<Service> = {},
  ): void {
    const { services, endpointSlices } = this.state;
    this.state.services = services.filter((it) => it.name !== name);
    this.state.endpointSlices = endpointSlices.filter((it) => it.serviceName !== name);
    const backends = pods.map((it) => this.pod(it));
    const made = serviceModel(name, clusterIPs, { port, targetPort, protocol }, backends, this.node.name);
    this.state.services.push({ ...made.service, ...more });
    this.state.endpointSlices.push(...made.slices);
    this.apply();
  }

  /**
   * Joins the node with a namespace that stands for the world: the node is 192.0.2.1 and 2001:db8::1, and routes
   * there what it does not know; the world is `WORLD` and knows the node, not the pods.
   */
  addWorld(): void {
    const { netns } = this.node;
    const world = this.#worldNetns;
    const ip = (lines: string[], inside?: string): void => {
      execFileSync('ip', [...(inside === undefined ? [] : ['-n', inside]), '-batch', '-'], { input: lines.join('\n') });
    };
    ip([`netns add ${world}`]);
    // Addresses can be used at once.
    this.exec('world', 'sh', '-c', 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad');
    ip(
      [`link add up0 address 02:00:00:00:01:01 type veth peer name eth0 address 02:00:00:00:01:02 netns ${world}`],
      netns,
    );
    ip(
      [
        'link set up0 up',
        'address add 192.0.2.1/24 dev up0',
        'address add 2001:db8::1/64 dev up0 nodad',
        // Like every uplink's; the kernel asks for neighbours of forwarded packets from it (RFC 4861, 7.2.2).
        'address add fe80::ff:fe00:101/64 dev up0 nodad',
        `route add default via ${WORLD.v4}`,
        `route add default via ${WORLD.v6}`,
      ],
      netns,
    );
    ip(
      [
        'link set lo up',
        'link set eth0 up',
        ...[WORLD.v4, WORLD.otherV4].map((it) => `address add ${it}/24 dev eth0`),
        ...[WORLD.v6, WORLD.otherV6].map((it) => `address add ${it}/64 dev eth0 nodad`),
      ],
      world,
    );
    const path = `/run/netns/${netns}`;
    this.state.nodes[0]?.addresses.push('192.0.2.1', '2001:db8::1');
    this.datapath.setUplinks(readUplinks(['up0'], path), readMasqueradePorts(path));
    this.apply();
  }

  get #worldNetns(): string {
    return `${this.node.netns}-world`;
  }

  #netnsOf(place: string): string {
    if (place === 'host') return this.node.netns;
    return place === 'world' ? this.#worldNetns : this.pod(place).netns;
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

  /** Runs a program inside a pod's namespace to its end. `pod` may be `host`, a process of the node, or `world`. */
  exec(pod: string, command: string, ...args: string[]): string {
    const [program = '', ...rest] = this.inside(pod, [command, ...args]);
    return execFileSync(program, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
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

  /** One exchange from each of `count` local ports of a pod, from `first` on: the answers in their order. */
  askFromPorts(pod: string, protocol: string, address: string, port: number, first: number, count: number): string[] {
    const args = ['ports', protocol, address, String(port), String(first), String(count)];
    return JSON.parse(this.exec(pod, process.execPath, PEER, ...args)) as string[];
  }

  /** Empties the flow cache: each packet from now on is a first one. */
  forgetFlows(): void {
    const { flow_cache: cache } = this.datapath.maps;
    const keys = Array.from(cache.entries(), ([key]) => key);
    cache.deleteMany(Buffer.concat(keys), keys.length);
  }

  /** Starts peer.mjs in the pod; resolves when it prints "ready". `stop` asks it to end; `result` is its later output. */
  async start(pod: string, ...args: string[]): Promise<{ result: Promise<string>; stop: () => Promise<string> }> {
    const [program = '', ...rest] = this.inside(pod, [process.execPath, PEER, ...args]);
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
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
    await removeCgroup(this.cgroup);
    execFileSync('ip', ['netns', 'delete', this.node.netns]);
    if (existsSync(`/run/netns/${this.#worldNetns}`)) execFileSync('ip', ['netns', 'delete', this.#worldNetns]);
    rmSync(this.node.stateFolder, { recursive: true, force: true });
  }

  /** The command that runs `argv` in the namespace of a pod, `host` or `world`; of `host`, also in the node's cgroup. */
  inside(pod: string, argv: string[]): string[] {
    const command = ['nsenter', `--net=/run/netns/${this.#netnsOf(pod)}`, ...argv];
    return pod === 'host' ? inCgroup(this.cgroup, command) : command;
  }

  #load(): Datapath {
    return new Datapath({
      objects: 'bpf/build',
      pins: this.pins,
      node: this.node.name,
      netns: `/run/netns/${this.node.netns}`,
      cgroup: this.cgroup,
      state: this.node.stateFolder,
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
    service: serviceWithDefaults({
      namespace: 'test',
      name,
      clusterIPs,
      ports: [{ name: 'main', port, protocol, targetPort, appProtocol: '', nodePort: 0 }],
    }),
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

/** The group of a test node's own processes; a machine without cgroup2 cannot run these tests. */
function cgroupOf(node: string): string {
  const mount = cgroupMount();
  if (mount === undefined)
    throw new Error('the kernel tests need a cgroup2 mount: mount -t cgroup2 none /sys/fs/cgroup');
  return join(mount, `spyglass-${node}`);
}

/** Namespaces, groups and pins of runs whose process is gone. */
export async function removeLeftovers(): Promise<void> {
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
  const mount = cgroupMount() ?? '';
  for (const name of existsSync(mount) ? readdirSync(mount) : []) {
    const [, pid] = /^spyglass-kt(\d+)$/.exec(name) ?? [];
    if (pid !== undefined && !isAlive(pid)) await removeCgroup(join(mount, name));
  }
  const pins = execFileSync('sh', ['-c', `ls ${BPFFS}`], { encoding: 'utf8' }).split('\n');
  for (const line of pins) {
    const [, pid] = /^spyglass-test-(\d+)/.exec(line) ?? [];
    if (pid !== undefined && !isAlive(pid)) rmSync(join(BPFFS, line), { recursive: true, force: true });
  }
}
