/**
 * The backends of a pool: which endpoints take new connections, and which only keep those they have.
 *
 * Ready endpoints take new ones; if there are none, those that still serve while they terminate. All others
 * that the slices list keep their TCP connections, whatever their readiness, as the slices' consumers in
 * Kubernetes do; datagrams belong to no connection, so UDP stays only with endpoints that serve.
 */
import type { EndpointSlice } from '../cluster/model.ts';
import { BACKEND, MAGLEV_CHUNK } from '../kernel/layouts.gen.ts';
import { parseAddress } from '../wire/address.ts';
import { packStruct } from '../wire/struct.ts';
import type { IdAllocator } from './id-allocator.ts';
import { maglevTable, tableSize } from './maglev.ts';
import { type FrontendPlan, networkOrder, type Scope } from './service-frontends.ts';

/** How far an endpoint may be used, best last. */
const KEEPS = 0;
const SERVES = 1;
const READY = 2;

export interface Target {
  address: Uint8Array;
  port: number;
  /** Whether new connections may go there. */
  isChosen: boolean;
}

export interface Backend {
  id: number;
  /** struct backend, packed. */
  value: Buffer;
}

export interface PoolTable {
  /** Slots: 0 without backends, 1 with one. */
  size: number;
  /** The backend, if there is only one, else 0. */
  only: number;
  /** struct maglev_chunk each, by number; none if there is at most one backend. */
  chunks: Buffer[];
}

export interface Pool {
  id: number;
  /** Whether there are backends for new connections, but by traffic policy Local none that counts here. */
  isElsewhere: boolean;
  backends: Backend[];
  table: PoolTable;
}

/** Targets of a service's port by name, an address and port that does not depend on the node. */
export function targetsOf(
  slices: readonly EndpointSlice[],
  { port, family }: Pick<FrontendPlan, 'port' | 'family'>,
  scope: Scope,
  nodeName: string,
): Map<string, Target> {
  const found = new Map<string, { address: Uint8Array; port: number; use: number }>();
  for (const slice of scope === 'None' ? [] : slices) {
    if (slice.addressType !== family) continue;
    const target = slice.ports.find((it) => it.name === port.name && it.protocol === port.protocol);
    if (target === undefined) continue;
    for (const { addresses, conditions, nodeName: place } of slice.endpoints) {
      if (scope === 'Local' && place !== nodeName) continue;
      const use = conditions.ready ? READY : conditions.serving && conditions.terminating ? SERVES : KEEPS;
      if (use === KEEPS && port.protocol !== 'TCP') continue;
      const address = parseAddress(addresses[0] ?? '');
      if (address === null) continue;
      const name = `${Buffer.from(address).toString('hex')}:${target.port}`;
      // An endpoint on its way from one slice to another is in both.
      if (use > (found.get(name)?.use ?? -1)) found.set(name, { address, port: target.port, use });
    }
  }
  const best = Math.max(SERVES, ...Array.from(found.values(), (it) => it.use));
  const targets = new Map<string, Target>();
  for (const [name, { address, port: number, use }] of found) {
    targets.set(name, { address, port: number, isChosen: use === best });
  }
  return targets;
}

/** The name under which a backend's number is known, from its struct: pool, address and port. */
export function backendName(value: Buffer): string {
  const copy = Buffer.from(value);
  copy.writeUInt8(0, BACKEND.fields.draining.offset);
  return copy.toString('hex');
}

/** Makes pools, and keeps the tables of those whose backends have not changed: they cost most of a pass. */
export class PoolTables {
  readonly #known = new Map<string, { members: string; table: PoolTable }>();

  /** The table over `ids`, backend numbers by stable name. */
  get(pool: string, ids: ReadonlyMap<string, number>): PoolTable {
    // Sorted, so that all nodes see the same order whatever the slices' is.
    const sorted = [...ids].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const members = sorted.map(([name, id]) => `${name}=${id}`).join();
    const known = this.#known.get(pool);
    if (known?.members === members) return known.table;
    const table = makeTable(sorted);
    this.#known.set(pool, { members, table });
    return table;
  }

  /** Forgets all pools that `keep` does not name. */
  retain(keep: ReadonlySet<string>): void {
    for (const pool of this.#known.keys()) if (!keep.has(pool)) this.#known.delete(pool);
  }
}

function makeTable(sorted: readonly (readonly [name: string, id: number])[]): PoolTable {
  const size = tableSize(sorted.length);
  if (size <= 1) return { size, only: sorted[0]?.[1] ?? 0, chunks: [] };
  const slots = maglevTable(
    sorted.map(([name]) => name),
    size,
  );
  const ids = Uint32Array.from(sorted, ([, id]) => id);
  const chunks = Array.from({ length: Math.ceil(size / MAGLEV_CHUNK) }, (_, chunk) => {
    const numbers = new Uint32Array(MAGLEV_CHUNK);
    for (let i = 0; i < MAGLEV_CHUNK; i++) {
      // Behind the end the table begins anew: while a table of another size is being replaced, any slot has a backend.
      numbers[i] = ids[slots[(chunk * MAGLEV_CHUNK + i) % size] ?? 0] ?? 0;
    }
    return Buffer.from(numbers.buffer);
  });
  return { size, only: 0, chunks };
}

/** Numbers the targets of a pool and packs them. `used` collects the names of backends. */
export function backendsOf(
  pool: number,
  targets: ReadonlyMap<string, Target>,
  ids: IdAllocator,
  used: Set<string>,
): { backends: Backend[]; chosen: Map<string, number> } {
  const backends: Backend[] = [];
  const chosen = new Map<string, number>();
  for (const [name, { address, port, isChosen }] of targets) {
    const value = packStruct(BACKEND, {
      address,
      port_be: networkOrder(port),
      draining: isChosen ? 0 : 1,
      pool,
    });
    const known = backendName(value);
    used.add(known);
    const id = ids.get(known);
    backends.push({ id, value });
    if (isChosen) chosen.set(name, id);
  }
  return { backends, chosen };
}
