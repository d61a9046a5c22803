/**
 * The real programs and maps without traffic: a node with three pods, and an uplink, whose devices lead nowhere.
 * Tests hand packets to the programs with BPF_PROG_TEST_RUN and read from the maps what was made of them.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Datapath, type ProgramName } from '../../server/agent/datapath.ts';
import { readMasqueradePorts, readUplinks } from '../../server/agent/uplinks.ts';
import type { Attachment } from '../../server/cluster/attachment.ts';
import type { ClusterState, Service } from '../../server/cluster/model.ts';
import type { CniNode } from '../../server/cni/pod-network.ts';
import { DATAPATH_STATE, EDGE_COUNTERS } from '../../server/kernel/layouts.gen.ts';
import type { Config } from '../../server/kernel/bpf-object.ts';
import { BPFFS, mountBpffs } from '../../server/kernel/bpffs.ts';
import type { BpfMap } from '../../server/kernel/maps.ts';
import { withNetns } from '../../server/kernel/netns.ts';
import { type SkBuff, testRun } from '../../server/kernel/test-run.ts';
import { createNodeNetwork } from '../../server/standalone/node-network.ts';
import { OUTCOME, STAGE } from '../../server/wire/lists.gen.ts';
import { addressBytes, type Ends, type Ports } from './packet-builder.ts';
import { podModel, removeLeftovers, serviceModel } from './world.ts';

/** linux/pkt_cls.h */
export const VERDICT_NAMES: Record<number, 'ok' | 'drop' | 'redirect'> = { 0: 'ok', 2: 'drop', 7: 'redirect' };

/** Rows of stage_stats after which a packet meets no other stage: `STAGE.OUTCOME` by index. */
const END_ROWS = new Map(
  Object.entries(STAGE).flatMap(([stage, number]) => {
    const last = ['DROP', 'STACK', ...(stage === 'FLOW_CACHE' ? ['HIT'] : stage === 'DELIVER' ? ['PASS'] : [])];
    const outcomes = Object.entries(OUTCOME).filter(([name]) => last.includes(name));
    return outcomes.map(
      ([name, outcome]) => [number * Object.keys(OUTCOME).length + outcome, `${stage}.${name}`] as const,
    );
  }),
);
const LAST_ROW = Math.max(...END_ROWS.keys());

/** Of the node on its uplink. */
export const UPLINK = { v4: '192.0.2.1', v6: '2001:db8::1' } as const;

/** A packet's ends; for an ICMP echo request the identifier is its source port. */
export type Tuple = Ends & Ports & { protocol: number };

export interface Totals {
  /** By reason number. */
  drops: Record<number, number>;
  /** Packets that came to an end, by `stage.outcome`: each packet in exactly one row. */
  ends: Record<string, number>;
  /** Packets and bytes over all edges, both directions. */
  packets: number;
  bytes: number;
}

export interface Handled {
  verdict: 'ok' | 'drop' | 'redirect' | number;
  data: Buffer;
  /** What the packet added to the counters; rows that did not change are left out. */
  added: Totals;
}

export class TestBed implements Disposable {
  readonly datapath: Datapath;
  readonly pods: readonly Attachment[];
  readonly #state: ClusterState;
  readonly #node: CniNode;
  readonly #pins: string;
  #uplink = 0;
  /** The totals as long as nothing has run since they were read. */
  #counted: Totals | undefined;

  private constructor(node: CniNode, pods: readonly Attachment[], pins: string, config: Config) {
    this.#node = node;
    this.#pins = pins;
    this.pods = pods;
    this.#state = {
      nodes: [{ name: node.name, labels: {}, addresses: [...node.addresses], podCIDRs: [...node.podCIDRs] }],
      namespaces: [{ name: 'test', labels: {} }],
      pods: pods.map((it) => podModel(it.name, it, node.name)),
      services: [],
      endpointSlices: [],
      networkPolicies: [],
      policyProblems: [],
    };
    this.datapath = new Datapath({
      objects: 'bpf/build',
      pins,
      node: node.name,
      netns: `/run/netns/${node.netns}`,
      state: node.stateFolder,
      config,
    });
    this.#apply();
  }

  /** `name`: one word, so that several beds can exist at once. */
  static async create(name: string, config: Config = {}): Promise<TestBed> {
    await removeLeftovers();
    mountBpffs();
    const node = {
      name: `kt${process.pid}${name}`,
      netns: `spyglass-kt${process.pid}${name}`,
      stateFolder: mkdtempSync(join(tmpdir(), 'spyglass-kernel-test-')),
      podCIDRs: ['10.42.0.0/24', 'fd42::/64'],
      addresses: ['10.42.0.1', 'fd42::1'],
    };
    await createNodeNetwork(node);
    const pods = ['client', 'one', 'two'].map((pod, i) => dummyPod(node, pod, i));
    return new TestBed(node, pods, `${BPFFS}/spyglass-test-${process.pid}-${name}`, config);
  }

  pod(name: string): Attachment {
    const pod = this.pods.find((it) => it.name === name);
    if (pod === undefined) throw new Error(`the test bed has no pod ${name}`);
    return pod;
  }

  /**
   * A service of one port with the given pods behind it, on an address of each family, by TCP and by UDP. `remote`:
   * addresses of pods on another node that are behind it as well.
   */
  addService(
    name: string,
    clusterIPs: string[],
    port: number,
    targetPort: number,
    pods: readonly string[],
    { nodePort = 0, remote = [], ...more }: Partial<Service> & { nodePort?: number; remote?: readonly string[] } = {},
  ): void {
    for (const protocol of ['TCP', 'UDP'] as const) {
      const backends = pods.map((it) => this.pod(it));
      const { service, slices } = serviceModel(
        `${name}-${protocol}`,
        clusterIPs,
        { port, targetPort, protocol },
        backends,
        this.#node.name,
      );
      this.#state.services.push({ ...service, ...more, ports: service.ports.map((it) => ({ ...it, nodePort })) });
      for (const slice of slices) {
        const addresses = remote.filter((it) => it.includes(':') === (slice.addressType === 'IPv6'));
        const conditions = { ready: true, serving: true, terminating: false };
        slice.endpoints.push(
          ...addresses.map((it) => ({ addresses: [it], conditions, nodeName: 'other', targetRef: it })),
        );
      }
      this.#state.endpointSlices.push(...slices);
    }
    this.#apply();
  }

  /** Sets the annotations of a pod. */
  annotate(pod: string, annotations: Record<string, string>): void {
    const { pods } = this.#state;
    const index = pods.findIndex((it) => it.name === pod);
    const former = pods[index];
    if (former === undefined) throw new Error(`the test bed has no pod ${pod}`);
    pods[index] = { ...former, annotations };
    this.#apply();
  }

  /** Gives the node a device that leads to the world, by which all it does not know is reached. */
  addUplink(): void {
    const { name, netns } = this.#node;
    this.#uplink = dummyDevice(netns, 'up0');
    const ip = (...args: string[]): unknown => execFileSync('ip', ['-n', netns, ...args]);
    // Or the kernel would speak at the other end, and be counted.
    this.inside(() => writeFileSync('/proc/sys/net/ipv6/conf/up0-end/disable_ipv6', '1'));
    ip('link', 'set', 'up0-end', 'arp', 'off');
    ip('address', 'add', `${UPLINK.v4}/24`, 'dev', 'up0');
    ip('address', 'add', `${UPLINK.v6}/64`, 'dev', 'up0', 'nodad');
    ip('route', 'add', 'default', 'via', '192.0.2.2');
    ip('route', 'add', 'default', 'via', '2001:db8::2');
    this.#state.nodes.find((it) => it.name === name)?.addresses.push(UPLINK.v4, UPLINK.v6);
    const path = `/run/netns/${netns}`;
    this.datapath.setUplinks(readUplinks(['up0'], path), readMasqueradePorts(path));
    this.#apply();
  }

  /**
   * Runs `from_pod` for a packet that the pod sent, `to_pod` for one that the host sends to it, the uplink's programs
   * if `pod` is `uplink`; with what was counted for it.
   */
  handle(program: Exclude<ProgramName, 'xdp_uplink'>, pod: string, packet: Buffer, skb: SkBuff = {}): Handled {
    const before = this.#counted ?? this.totals();
    const ifindex = pod === 'uplink' ? this.#uplink : this.pod(pod).hostIfindex;
    const result = this.inside(() => this.#runOn(program, ifindex, packet, skb));
    const after = this.totals();
    this.#counted = after;
    return { ...result, added: difference(before, after) };
  }

  /** Calls `block` in the node's namespace, where runInside works. */
  inside<T>(block: () => T): T {
    return withNetns(`/run/netns/${this.#node.netns}`, block);
  }

  runInside(
    program: 'from_pod' | 'to_pod',
    pod: Attachment,
    packet: Buffer,
  ): { verdict: Handled['verdict']; data: Buffer } {
    return this.#runOn(program, pod.hostIfindex, packet, {});
  }

  /** Whether `xdp_uplink` lets the packet pass; with what was counted for it. */
  prefilter(packet: Buffer): { passes: boolean; data: Buffer; added: Totals } {
    const before = this.totals();
    const { retval, data } = testRun(this.datapath.programFd('xdp_uplink'), packet, null);
    const after = this.totals();
    this.#counted = after;
    // enum xdp_action of linux/bpf.h
    if (retval !== 1 && retval !== 2) throw new Error(`xdp_uplink returned ${retval}`);
    return { passes: retval === 2, data, added: difference(before, after) };
  }

  #runOn(
    program: ProgramName,
    ifindex: number,
    packet: Buffer,
    skb: SkBuff,
  ): { verdict: Handled['verdict']; data: Buffer } {
    this.#counted = undefined;
    const { retval, data } = testRun(this.datapath.programFd(program), packet, { ifindex, ...skb });
    return { verdict: VERDICT_NAMES[retval] ?? retval, data };
  }

  /** Whether the flow cache has an entry for the tuple as seen. */
  hasFlow(tuple: Tuple): boolean {
    return this.datapath.maps.flow_cache.get(flowKey(tuple)) !== undefined;
  }

  totals(): Totals {
    const { drops, stage_stats, edge_counters, state } = this.datapath.maps;
    const slots = (state.get(Buffer.alloc(4))?.readUInt32LE(DATAPATH_STATE.fields.next_edge.offset) ?? 0) + 1;
    const edges = rowsOf(edge_counters, slots);
    const { packets, bytes, reply_packets, reply_bytes } = EDGE_COUNTERS.fields;
    return {
      drops: nonZero(
        rowsOf(drops, drops.shape.maxEntries)
          .column(0)
          .map((count, reason) => [String(reason), count]),
      ),
      ends: nonZero(
        rowsOf(stage_stats, LAST_ROW + 1)
          .column(0)
          .map((count, row) => [END_ROWS.get(row) ?? '', count]),
      ),
      packets: edges.sum(packets.offset) + edges.sum(reply_packets.offset),
      bytes: edges.sum(bytes.offset) + edges.sum(reply_bytes.offset),
    };
  }

  [Symbol.dispose](): void {
    this.datapath[Symbol.dispose]();
    rmSync(this.#pins, { recursive: true, force: true });
    rmSync(this.#node.stateFolder, { recursive: true, force: true });
    execFileSync('ip', ['netns', 'delete', this.#node.netns]);
  }

  #apply(): void {
    this.datapath.apply(this.datapath.plan(this.#state, this.pods));
  }
}

function flowKey(tuple: Tuple): Buffer {
  const wide = (text: string): Buffer => {
    const bytes = addressBytes(text);
    return bytes.length === 16 ? bytes : Buffer.concat([Buffer.from('00000000000000000000ffff', 'hex'), bytes]);
  };
  const ports = Buffer.alloc(8);
  ports.writeUInt16BE(tuple.sourcePort, 0);
  ports.writeUInt16BE(tuple.destinationPort, 2);
  ports[4] = tuple.protocol;
  return Buffer.concat([wide(tuple.source), wide(tuple.destination), ports]);
}

/** The u64 fields of a per-CPU array's first `count` rows; their low halves, which tests do not overflow. */
function rowsOf(map: BpfMap, count: number): { column(offset: number): number[]; sum(offset: number): number } {
  const memory = map.readArray(count, Buffer.allocUnsafeSlow(count * map.stride));
  const words = new Uint32Array(memory.buffer, memory.byteOffset, memory.length / 4);
  const [row, copy] = [map.stride / 4, map.stride / map.shape.copies / 4];
  const cell = (index: number, offset: number): number => {
    let sum = 0;
    for (let at = index * row + offset / 4; at < (index + 1) * row; at += copy) sum += words[at] ?? 0;
    return sum;
  };
  return {
    column: (offset) => Array.from({ length: count }, (_, index) => cell(index, offset)),
    sum: (offset) => {
      let sum = 0;
      for (let index = 0; index < count; index++) sum += cell(index, offset);
      return sum;
    },
  };
}

function nonZero(rows: [name: string, count: number][]): Record<string, number> {
  return Object.fromEntries(rows.filter(([name, count]) => name !== '' && count !== 0));
}

/** Rows that grew, with how much. */
export function grown(before: Record<string, number>, after: Record<string, number>): Record<string, number> {
  const rows = Object.entries(after).map(([row, count]) => [row, count - (before[row] ?? 0)] as const);
  return Object.fromEntries(rows.filter(([, count]) => count !== 0));
}

function difference(before: Totals, after: Totals): Totals {
  return {
    drops: grown(before.drops, after.drops),
    ends: grown(before.ends, after.ends),
    packets: after.packets - before.packets,
    bytes: after.bytes - before.bytes,
  };
}

/** A veth pair whose other end nobody listens to. @returns its ifindex. */
function dummyDevice(netns: string, name: string): number {
  const ip = (...args: string[]): string => execFileSync('ip', ['-n', netns, ...args], { encoding: 'utf8' });
  ip('link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}-end`);
  for (const end of [name, `${name}-end`]) ip('link', 'set', end, 'up');
  const [link] = JSON.parse(ip('-json', 'link', 'show', name)) as { ifindex: number }[];
  if (link === undefined) throw new Error(`the device ${name} was not made`);
  return link.ifindex;
}

/** A device that stands in for the host side of a pod's veth: programs only need its number and its routes. */
function dummyPod(node: CniNode, name: string, index: number): Attachment {
  const ip = (...args: string[]): string => execFileSync('ip', ['-n', node.netns, ...args], { encoding: 'utf8' });
  const hostInterface = `pod${index}`;
  const addresses = [`10.42.0.${10 + index}`, `fd42::${10 + index}`];
  dummyDevice(node.netns, hostInterface);
  for (const address of addresses) ip('route', 'add', address, 'dev', hostInterface);
  const [link] = JSON.parse(ip('-json', 'link', 'show', hostInterface)) as { ifindex: number; address: string }[];
  if (link === undefined) throw new Error(`the device ${hostInterface} was not made`);
  return {
    podUid: name,
    namespace: 'test',
    name,
    endpointId: 16 + index,
    netns: `${node.netns}-${name}`,
    hostInterface,
    hostIfindex: link.ifindex,
    hostMac: link.address,
    podMac: `02:00:00:00:00:${10 + index}`,
    addresses,
  };
}
