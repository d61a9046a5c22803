/**
 * The node's datapath in the kernel: programs, maps, links. What is pinned outlives this process, so the
 * node keeps forwarding while the agent restarts; a new agent adopts the maps and replaces the programs
 * in place.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Attachment } from '../cluster/attachment.ts';
import type { ClusterState } from '../cluster/model.ts';
import { type Desired, desiredState, newAllocators } from '../datapath/desired.ts';
import type { Changes } from '../datapath/map-writer.ts';
import { Reconciler } from '../datapath/reconciler.ts';
import { frontendNames } from '../datapath/service-offers.ts';
import { BpfObject, type Config } from '../kernel/bpf-object.ts';
import { KernelError } from '../kernel/errors.ts';
import { DATAPATH_STATE, MAPS_VERSION, UPLINK } from '../kernel/layouts.gen.ts';
import { attachProgram, attachXdp, detachLink } from '../kernel/link.ts';
import type { BpfMap, MappedArray } from '../kernel/maps.ts';
import { withNetns } from '../kernel/netns.ts';
import { parseAddress } from '../wire/address.ts';
import { packStruct, readStruct, uint32 } from '../wire/struct.ts';
import type { CountedMap } from './map-fill.ts';
import { NumberFiles } from './number-files.ts';
import { attachSocketPrograms } from './socket-programs.ts';
import type { PortRange, UplinkDevice } from './uplinks.ts';

const MAP_NAMES = [
  'flow_cache',
  'flow_overflow',
  'overflowing',
  'fragments',
  'uplinks',
  'denied',
  'endpoints',
  'interfaces',
  'ipcache',
  'policy',
  'services',
  'maglev',
  'backends',
  'affinity',
  'socket_services',
  'node',
  'generations',
  'edges',
  'edge_counters',
  'drops',
  'stage_stats',
  'event_stats',
  'state',
  'events',
  'captures',
] as const;

/** The maps that can fill up, but for those whose entries somebody counts anyway. */
const WALKED_MAPS = [
  'flow_overflow',
  'fragments',
  'uplinks',
  'denied',
  'endpoints',
  'interfaces',
  'ipcache',
  'services',
  'maglev',
  'backends',
  'affinity',
  'socket_services',
] as const;

/** One object a hook family; they share their maps by the pins. */
const OBJECT_NAMES = ['pod', 'uplink', 'prefilter'] as const;
type ObjectName = (typeof OBJECT_NAMES)[number];

/** The object in which each program is. */
const PROGRAM_OBJECTS = {
  from_pod: 'pod',
  to_pod: 'pod',
  from_uplink: 'uplink',
  to_uplink: 'uplink',
  xdp_uplink: 'prefilter',
} as const satisfies Record<string, ObjectName>;
export type ProgramName = keyof typeof PROGRAM_OBJECTS;

const ZERO_KEY = Buffer.alloc(4);

export class Datapath implements Disposable {
  readonly maps: Record<(typeof MAP_NAMES)[number], BpfMap>;
  /** Changes when the counter maps are created anew. */
  readonly countersId: string;
  readonly #objects: Record<ObjectName, BpfObject>;
  readonly #generations: MappedArray;
  readonly #reconciler: Reconciler;
  readonly #pins: string;
  readonly #netns: string | undefined;
  readonly #node: string;
  readonly #ids = newAllocators();
  #uplinks: readonly UplinkDevice[] = [];
  readonly #numbers: NumberFiles;
  #numberProblems: string[] = [];
  #attached = new Set<number>();
  #adopted = false;

  /**
   * Loads the objects in the folder `objects`, with maps pinned under `pins`. `netns`: path of the
   * namespace that holds the host sides of the pods' devices, undefined for this process's own. `cgroup`: the
   * group whose processes reach services through their sockets, undefined for none. `state`: the node's state
   * folder, where the numbers that the maps are written with are kept. @throws KernelError
   */
  constructor(options: {
    objects: string;
    pins: string;
    node: string;
    netns?: string | undefined;
    cgroup?: string | undefined;
    state: string;
    config: Config;
  }) {
    this.#numbers = new NumberFiles(options.state);
    this.#pins = options.pins;
    this.#netns = options.netns;
    this.#node = options.node;
    const pinDirectory = join(options.pins, 'maps');
    const load = (name: string): BpfObject =>
      new BpfObject(join(options.objects, `${name}.bpf.o`), { config: options.config, pinDirectory });
    this.#objects = loadAll(load);
    const opened: BpfMap[] = [];
    try {
      this.maps = Object.fromEntries(
        MAP_NAMES.map((name) => {
          const map = this.#objects.pod.map(name);
          opened.push(map);
          return [name, map];
        }),
      ) as Datapath['maps'];
      this.countersId = shakeHands(this.maps.state, options.pins);
      const { cgroup, pins } = options;
      const sockets = join(options.objects, 'sock.bpf.o');
      this.#inside(() => attachSocketPrograms(sockets, { cgroup, pins, node: this.maps.node }));
      this.#generations = this.maps.generations.mapMemory();
      this.#reconciler = new Reconciler(this.maps, this.#generations.values);
    } catch (error) {
      for (const map of opened) map[Symbol.dispose]();
      disposeAll(this.#objects);
      throw error;
    }
  }

  /** What the maps should hold for this state. */
  plan(state: ClusterState, attachments: readonly Attachment[]): Desired {
    if (!this.#adopted) {
      this.#adopted = true;
      this.#numberProblems = this.#numbers.restore(this.#ids);
      this.#reconciler.adopt(this.#ids, frontendNames(state, this.#node));
    }
    const desired = desiredState(state, attachments, this.#node, this.#ids);
    desired.problems.push(...this.#numberProblems);
    return desired;
  }

  /** Writes the differences; with `verify`, to what the kernel holds. */
  apply(desired: Desired, options: { verify?: boolean } = {}): Changes {
    this.#numbers.save(this.#ids);
    return this.#reconciler.apply(desired, options);
  }

  /**
   * Attaches the programs to the devices of all `attachments`, and removes the links of those that are
   * gone. @returns the attachments that could not be attached, with the reason.
   */
  attach(attachments: readonly Attachment[]): { attachment: Attachment; reason: string }[] {
    const failed: { attachment: Attachment; reason: string }[] = [];
    const wanted = new Set(attachments.map((it) => it.endpointId));
    const fresh = attachments.filter((it) => !this.#attached.has(it.endpointId));
    if (fresh.length > 0) {
      this.#inside(() => {
        for (const attachment of fresh) {
          try {
            this.#attachOne(attachment);
            this.#attached.add(attachment.endpointId);
          } catch (error) {
            if (!(error instanceof KernelError)) throw error;
            failed.push({ attachment, reason: error.message });
          }
        }
      });
    }
    this.#detachOthers(wanted);
    return failed;
  }

  /** Descriptor of one of the programs; it belongs to the datapath. */
  programFd(name: ProgramName): number {
    return this.#objects[PROGRAM_OBJECTS[name]].programFd(name);
  }

  /**
   * Attaches the programs to the devices that lead to the world, under whose addresses and `ports` pods speak
   * with it; detaches all others. @throws KernelError
   */
  setUplinks(devices: readonly UplinkDevice[], ports: PortRange): void {
    const { uplinks } = this.maps;
    const wanted = new Map(devices.map((it) => [uint32(it.ifindex).toString('hex'), uplinkValue(it, ports)]));
    for (const [key] of uplinks.entries()) if (!wanted.has(key.toString('hex'))) uplinks.delete(key);
    for (const [key, value] of wanted) uplinks.set(Buffer.from(key, 'hex'), value);
    this.#inside(() => {
      for (const { ifindex } of devices) {
        const attach = (program: 'from_uplink' | 'to_uplink', side: 'ingress' | 'egress'): void =>
          attachProgram(this.#objects.uplink.programFd(program), ifindex, side, this.#pin(uplinkPin(ifindex, program)));
        attach('to_uplink', 'egress');
        attach('from_uplink', 'ingress');
      }
    });
    this.#uplinks = devices;
    const kept = new Set(devices.flatMap(({ ifindex }) => UPLINK_PROGRAMS.map((it) => uplinkPin(ifindex, it))));
    this.#detach((name) => name.startsWith(UPLINK_PIN) && !kept.has(name));
  }

  /** Drops what comes from these prefixes (keys of the map `denied`) at the uplinks. @throws KernelError */
  setDenied(keys: readonly Buffer[]): void {
    const { denied } = this.maps;
    const wanted = new Set(keys.map((it) => it.toString('hex')));
    const gone = [...denied.entries()].map(([key]) => key).filter((it) => !wanted.has(it.toString('hex')));
    const ones = Buffer.concat(keys.map(() => uint32(1)));
    if (keys.length > 0) denied.setMany(Buffer.concat(keys), ones, keys.length);
    if (gone.length > 0) denied.deleteMany(Buffer.concat(gone), gone.length);
    // Without a list the program would only cost time.
    const devices = keys.length > 0 ? this.#uplinks : [];
    this.#inside(() => {
      for (const { ifindex } of devices) {
        attachXdp(this.#objects.prefilter.programFd('xdp_uplink'), ifindex, this.#pin(`${PREFILTER_PIN}${ifindex}`));
      }
    });
    const kept = new Set(devices.map(({ ifindex }) => `${PREFILTER_PIN}${ifindex}`));
    this.#detach((name) => name.startsWith(PREFILTER_PIN) && !kept.has(name));
  }

  /** How many entries the policy map holds, as far as is known. */
  get policyEntries(): number {
    return this.#reconciler.policyEntries;
  }

  /**
   * Every map that can fill up, with a way to count its entries. `known`: those of maps that others go through
   * all the time; the reconciler knows the policy map's.
   */
  countedMaps(known: Record<'flow_cache' | 'edges', () => number>): CountedMap[] {
    const told = (name: keyof typeof known | 'policy', entries: () => number): CountedMap => ({
      name,
      maxEntries: this.maps[name].shape.maxEntries,
      parts: () => [entries()],
    });
    return [
      told('flow_cache', known.flow_cache),
      told('edges', known.edges),
      told('policy', () => this.policyEntries),
      ...WALKED_MAPS.map((name) => ({
        name,
        maxEntries: this.maps[name].shape.maxEntries,
        parts: () => counts(this.maps[name]),
      })),
    ];
  }

  [Symbol.dispose](): void {
    this.#generations[Symbol.dispose]();
    for (const map of Object.values(this.maps)) map[Symbol.dispose]();
    disposeAll(this.#objects);
  }

  #inside(block: () => void): void {
    if (this.#netns === undefined) block();
    else withNetns(this.#netns, block);
  }

  #pin(name: string): string {
    return join(this.#pins, 'links', name);
  }

  #attachOne(at: Attachment): void {
    const { endpointId, hostIfindex } = at;
    attachProgram(this.#objects.pod.programFd('to_pod'), hostIfindex, 'egress', this.#pin(`${endpointId}-to_pod`));
    attachProgram(this.#objects.pod.programFd('from_pod'), hostIfindex, 'ingress', this.#pin(`${endpointId}-from_pod`));
  }

  #detachOthers(wanted: ReadonlySet<number>): void {
    this.#detach((name) => {
      const id = Number.parseInt(name, 10);
      if (Number.isNaN(id) || wanted.has(id)) return false;
      this.#attached.delete(id);
      return true;
    });
  }

  /** Removes the pinned links of these names. */
  #detach(isUnwanted: (name: string) => boolean): void {
    const folder = join(this.#pins, 'links');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(folder)) if (isUnwanted(name)) detachLink(join(folder, name));
  }
}

/** The entries of a map, a batch at a time. */
function* counts(map: BpfMap): Generator<number> {
  for (const { count } of map.batches()) yield count;
}

/** Loads every object; if one fails, those before it are closed. */
function loadAll(load: (name: ObjectName) => BpfObject): Record<ObjectName, BpfObject> {
  const loaded: Partial<Record<ObjectName, BpfObject>> = {};
  try {
    for (const name of OBJECT_NAMES) loaded[name] = load(name);
    return loaded as Record<ObjectName, BpfObject>;
  } catch (error) {
    disposeAll(loaded);
    throw error;
  }
}

function disposeAll(objects: Partial<Record<ObjectName, BpfObject>>): void {
  for (const object of Object.values(objects)) object[Symbol.dispose]();
}

const UPLINK_PIN = 'uplink-';
const PREFILTER_PIN = 'prefilter-';
const UPLINK_PROGRAMS = ['from_uplink', 'to_uplink'] as const;

function uplinkPin(ifindex: number, program: string): string {
  return `${UPLINK_PIN}${ifindex}-${program}`;
}

function uplinkValue(device: UplinkDevice, ports: PortRange): Buffer {
  const bytes = (text: string): Uint8Array => parseAddress(text) ?? new Uint8Array(16);
  return packStruct(UPLINK, {
    v4: bytes(device.v4),
    v6: bytes(device.v6),
    first_port: ports.first,
    port_count: ports.count,
  });
}

/** Checks that pinned maps are of this build's version; fresh ones are marked. @returns the counters' id. */
function shakeHands(map: BpfMap, pins: string): string {
  const value = map.get(ZERO_KEY);
  const state = value === undefined ? undefined : readStruct(DATAPATH_STATE, value);
  if (state !== undefined && state.maps_version === MAPS_VERSION) return state.counters_id.toString(16);
  if (state !== undefined && state.maps_version !== 0) {
    throw new KernelError(
      `adopt the maps pinned under ${pins}: they are of version ${state.maps_version}, this build needs ${MAPS_VERSION}`,
      0,
      'Stop the node with the version that made them, or remove that folder; connections start anew then',
    );
  }
  const counters_id = randomBytes(8).readBigUInt64LE();
  map.set(ZERO_KEY, packStruct(DATAPATH_STATE, { maps_version: MAPS_VERSION, counters_id }));
  return counters_id.toString(16);
}
