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
import { type Changes, Reconciler } from '../datapath/reconciler.ts';
import { parseAddress } from '../wire/address.ts';
import { BpfObject, type Config } from '../kernel/bpf-object.ts';
import { KernelError } from '../kernel/errors.ts';
import { DATAPATH_STATE, MAPS_VERSION } from '../kernel/layouts.gen.ts';
import { attachProgram, detachTcx } from '../kernel/link.ts';
import type { BpfMap, MappedArray } from '../kernel/maps.ts';
import { withNetns } from '../kernel/netns.ts';
import { packStruct, readStruct } from '../wire/struct.ts';

const MAP_NAMES = [
  'flow_cache',
  'endpoints',
  'interfaces',
  'ipcache',
  'services',
  'service_slots',
  'backends',
  'generations',
  'edges',
  'edge_counters',
  'drops',
  'stage_stats',
  'event_stats',
  'state',
  'events',
] as const;

/** Hash maps, the ones that can fill up. */
const SIZED_MAPS = [
  'flow_cache',
  'endpoints',
  'interfaces',
  'ipcache',
  'services',
  'service_slots',
  'backends',
  'edges',
] as const;

const ZERO_KEY = Buffer.alloc(4);

export class Datapath implements Disposable {
  readonly maps: Record<(typeof MAP_NAMES)[number], BpfMap>;
  /** Changes when the counter maps are created anew. */
  readonly countersId: string;
  readonly #object: BpfObject;
  readonly #generations: MappedArray;
  readonly #reconciler: Reconciler;
  readonly #pins: string;
  readonly #netns: string | undefined;
  readonly #node: string;
  readonly #ids = newAllocators();
  #attached = new Set<number>();
  #adopted = false;

  /**
   * Loads `object` (a path) with maps pinned under `pins`. `netns`: path of the namespace that holds the
   * host sides of the pods' devices, undefined for this process's own. @throws KernelError
   */
  constructor(options: { object: string; pins: string; node: string; netns?: string | undefined; config: Config }) {
    this.#pins = options.pins;
    this.#netns = options.netns;
    this.#node = options.node;
    this.#object = new BpfObject(options.object, { config: options.config, pinDirectory: join(options.pins, 'maps') });
    const opened: BpfMap[] = [];
    try {
      this.maps = Object.fromEntries(
        MAP_NAMES.map((name) => {
          const map = this.#object.map(name);
          opened.push(map);
          return [name, map];
        }),
      ) as Datapath['maps'];
      this.countersId = shakeHands(this.maps.state, options.pins);
      this.#generations = this.maps.generations.mapMemory();
      this.#reconciler = new Reconciler(this.maps, this.#generations.values);
    } catch (error) {
      for (const map of opened) map[Symbol.dispose]();
      this.#object[Symbol.dispose]();
      throw error;
    }
  }

  /** What the maps should hold for this state. */
  plan(state: ClusterState, attachments: readonly Attachment[]): Desired {
    if (!this.#adopted) {
      this.#adopted = true;
      this.#reconciler.adopt(this.#ids, serviceByAddress(state));
    }
    return desiredState(state, attachments, this.#node, this.#ids);
  }

  /** Writes the differences. */
  apply(desired: Desired): Changes {
    return this.#reconciler.apply(desired);
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
  programFd(name: 'from_pod' | 'to_pod'): number {
    return this.#object.programFd(name);
  }

  /** How full the maps are; walks all their entries. */
  fill(): { name: string; entries: number; maxEntries: number }[] {
    return SIZED_MAPS.map((name) => ({
      name,
      entries: this.maps[name].count(),
      maxEntries: this.maps[name].shape.maxEntries,
    }));
  }

  [Symbol.dispose](): void {
    this.#generations[Symbol.dispose]();
    for (const map of Object.values(this.maps)) map[Symbol.dispose]();
    this.#object[Symbol.dispose]();
  }

  #inside(block: () => void): void {
    if (this.#netns === undefined) block();
    else withNetns(this.#netns, block);
  }

  #linkPin(endpointId: number, program: 'from_pod' | 'to_pod'): string {
    return join(this.#pins, 'links', `${endpointId}-${program}`);
  }

  #attachOne(at: Attachment): void {
    const { endpointId, hostIfindex } = at;
    attachProgram(this.#object.programFd('to_pod'), hostIfindex, 'egress', this.#linkPin(endpointId, 'to_pod'));
    attachProgram(this.#object.programFd('from_pod'), hostIfindex, 'ingress', this.#linkPin(endpointId, 'from_pod'));
  }

  #detachOthers(wanted: ReadonlySet<number>): void {
    const folder = join(this.#pins, 'links');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(folder)) {
      const id = Number.parseInt(name, 10);
      if (wanted.has(id)) continue;
      detachTcx(join(folder, name));
      this.#attached.delete(id);
    }
  }
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

/** Which Service an address in the pinned maps belongs to now. */
function serviceByAddress(state: ClusterState): (serviceKey: Buffer) => string | undefined {
  const owners = new Map<string, string>();
  for (const service of state.services) {
    for (const text of service.clusterIPs) {
      const bytes = parseAddress(text);
      if (bytes !== null) owners.set(Buffer.from(bytes).toString('hex'), `${service.namespace}/${service.name}`);
    }
  }
  return (key) => owners.get(key.subarray(0, 16).toString('hex'));
}
