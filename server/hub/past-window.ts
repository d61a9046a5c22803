/**
 * Sums over any window, from memory and history. Memory serves what it has whole, by the second; history whole minutes
 * before that. They meet where a minute begins, so nothing is counted twice.
 */
import type { L7RowsPer, L7Table } from '../wire/l7-table.ts';
import type { MapGroup, ServiceMap } from '../wire/service-map.ts';
import type { FlowFilter } from '../flows/filter.ts';
import type { Visibility } from './access/visibility.ts';
import { serviceMap } from './edges/service-map.ts';
import type { Minutes } from './history/reader/sql-text.ts';
import type { StoredLedger } from './history/reader/stored-ledger.ts';
import type { HubState } from './hub-state.ts';
import type { L7Window } from './l7/l7-ring.ts';
import { l7Table } from './l7/l7-table.ts';
import { LOSS_SUMS } from './l7/l7-totals.ts';
import type { Window } from './window-ring.ts';

export interface SumRequest {
  /** Unix seconds, [since, until). */
  since: number;
  until: number;
  group: MapGroup;
  filter: FlowFilter;
  visibility: Visibility;
}

interface Halves {
  /** Null where memory has all of it. */
  stored: Minutes | null;
  /** Seconds that memory serves; null where history serves all. */
  memory: { since: number; until: number } | null;
}

/**
 * Which part of a window comes from where. `wholeFrom` is the second from which on memory is whole, null if it is
 * never. What history serves is rounded outwards to whole minutes.
 */
export function halves({ since, until }: { since: number; until: number }, wholeFrom: number | null): Halves {
  if (wholeFrom !== null && since >= wholeFrom) return { stored: null, memory: { since, until } };
  const begin = Math.floor(since / 60) * 60;
  const meet = wholeFrom === null ? Infinity : Math.ceil(wholeFrom / 60) * 60;
  if (until <= meet) return { stored: { since: begin, until: Math.ceil(until / 60) * 60 }, memory: null };
  return { stored: { since: begin, until: meet }, memory: { since: meet, until } };
}

/** Rejects with a StoreError or a TooMuchError. */
export async function mapOver(state: HubState, wanted: SumRequest, signal: AbortSignal): Promise<ServiceMap> {
  const { group, filter, visibility } = wanted;
  const now = Date.now() / 1000;
  const wholeFrom = state.edges.wholeFrom(now);
  const { stored, memory } = halves(wanted, wholeFrom);
  const fromMemory = (): ServiceMap => state.map(wanted.since, wanted.until, group, filter, visibility);
  if (stored === null || state.stored === null) return fromMemory();
  const { sums } = state.stored;
  const ledger = await state.stored.ledger(stored, signal);
  if (isAllInMemory(ledger, wholeFrom)) return fromMemory();
  const edges = await sums.edges(stored, signal);
  const series = await sums.series(stored, signal);
  const recent = memory && state.edges.window(memory.since, memory.until, now);
  const window = visibility.edges(joined(edges.rows, stored, ledger, recent, now));
  const l7 = visibility.series(l7Window(state, series.rows, stored, ledger, memory, now));
  // A window that ends now shows what stands behind its nodes now; one that is past, what stood there at its end.
  const names = new Map(edges.names.map((it) => [it.node, visibility.names(it)]));
  if (memory !== null) for (const it of state.agentNames(visibility)) names.set(it.node, it);
  return serviceMap(window, group, filter, [...names.values()], l7);
}

/** Rejects with a StoreError or a TooMuchError. */
export async function routesOver(
  state: HubState,
  wanted: SumRequest,
  per: L7RowsPer,
  signal: AbortSignal,
): Promise<L7Table> {
  const { group, filter, visibility } = wanted;
  const now = Date.now() / 1000;
  const wholeFrom = state.l7.wholeFrom(now);
  const { stored, memory } = halves(wanted, wholeFrom);
  const fromMemory = (): L7Table => state.routes(wanted.since, wanted.until, group, filter, per, visibility);
  if (stored === null || state.stored === null) return fromMemory();
  const ledger = await state.stored.ledger(stored, signal);
  if (isAllInMemory(ledger, wholeFrom)) return fromMemory();
  const { rows } = await state.stored.sums.series(stored, signal);
  return l7Table(visibility.series(l7Window(state, rows, stored, ledger, memory, now)), group, filter, per);
}

/**
 * Whether history has no minute of the window before the one in which memory begins: a hub that has just been started
 * for the first time knows more, and sooner, than what it has written.
 */
function isAllInMemory({ first }: StoredLedger, wholeFrom: number | null): boolean {
  return wholeFrom !== null && (first === null || first >= Math.floor(wholeFrom / 60) * 60);
}

function l7Window(
  state: HubState,
  rows: L7Window['rows'],
  stored: Minutes,
  ledger: StoredLedger,
  memory: Halves['memory'],
  now: number,
): L7Window {
  const recent = memory && state.l7.window(memory.since, memory.until, now);
  const losses = new Map(ledger.losses);
  for (const [node, lost] of recent?.losses ?? []) {
    const sum = LOSS_SUMS.zero();
    LOSS_SUMS.add(sum, lost);
    LOSS_SUMS.add(sum, losses.get(node) ?? LOSS_SUMS.zero());
    losses.set(node, sum);
  }
  return { ...joined(rows, stored, ledger, recent, now), losses };
}

/** The sums of history's minutes and of memory's seconds behind them, as one window. */
function joined<Key, Totals>(
  rows: ReadonlyMap<Key, Totals>,
  stored: Minutes,
  { exact, first }: StoredLedger,
  recent: Window<Key, Totals> | null,
  now: number,
): Window<Key, Totals> {
  const covered = Math.min(stored.until, now) - Math.max(stored.since, first ?? now);
  return {
    since: stored.since,
    until: recent?.until ?? stored.until,
    covered: Math.max(1, Math.max(0, covered) + (recent?.covered ?? 0)),
    exact: exact && (recent?.exact ?? true),
    rows: new Map([...rows, ...(recent?.rows ?? [])]),
  };
}
