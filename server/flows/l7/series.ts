/**
 * The metrics of an agent's L7 traffic: one series a pair of ends, protocol and route (L7Series). Ends are looked up
 * once a connection; to count a request or an answer of a known series allocates nothing. Their number is bounded: above
 * it a route is counted under `other` of its ends, and where there is no room for that either, under one series a
 * protocol without ends. Sums stay exact.
 */
import type { L7ProtocolName, L7Series } from '../../wire/l7.ts';
import { OTHER_ROUTE } from './routes.ts';
import { Series } from './series-counts.ts';
import type { SeriesEnds } from './series-counts.ts';

export type { SeriesEnds } from './series-counts.ts';

const MAX_SERIES = 5000;
/** Room above MAX_SERIES for the routes `other`. */
const MAX_OTHER = 1000;
/** Series without traffic for so long are forgotten once they are reported. */
const IDLE_MS = 3600e3;
const SWEEP_MS = 60e3;

const NO_ENDS: SeriesEnds = {
  source_endpoint: 0,
  destination_endpoint: 0,
  source_identity: 0,
  destination_identity: 0,
  service_id: 0,
  port: 0,
  peer: '',
};

/** What a connection keeps of its ends. */
export class EndsHandle {
  readonly ends: SeriesEnds;
  readonly key: string;
  /** Protocol -> route -> series. */
  readonly series = new Map<L7ProtocolName, Map<string, Series>>();

  constructor(ends: SeriesEnds, key: string) {
    this.ends = ends;
    this.key = key;
  }
}

export class SeriesTable {
  readonly #ends = new Map<string, EndsHandle>();
  readonly #series = new Set<Series>();
  readonly #overflow = new Map<L7ProtocolName, Series>();
  #changed: Series[] = [];
  #lastId = 0;
  #lastSweepMs = 0;

  /** Series held now. */
  get size(): number {
    return this.#series.size;
  }

  /** The handle of a connection's ends. */
  ends(ends: SeriesEnds): EndsHandle {
    const key =
      `${ends.source_endpoint}/${ends.source_identity}/${ends.destination_endpoint}/${ends.destination_identity}/` +
      `${ends.service_id}/${ends.port}/${ends.peer}`;
    return this.#ends.get(key) ?? new EndsHandle(ends, key);
  }

  request(ends: EndsHandle, protocol: L7ProtocolName, route: string): void {
    const series = this.#find(ends, protocol, route);
    series.requests += 1;
    this.#mark(series);
  }

  /** `code` as in L7Series.codes. */
  response(
    ends: EndsHandle,
    protocol: L7ProtocolName,
    route: string,
    code: string,
    isError: boolean,
    latencyNs: number,
  ): void {
    const series = this.#find(ends, protocol, route);
    series.responses += 1;
    if (isError) series.errors += 1;
    series.countCode(code);
    series.countLatency(latencyNs);
    this.#mark(series);
  }

  /**
   * What changed since the report before, with the buckets that did; with `all` every series with all its buckets.
   * `nowMs` is any steady clock.
   */
  report(all: boolean, nowMs: number): L7Series[] {
    const changed = this.#changed;
    this.#changed = [];
    for (const series of changed) {
      series.isMarked = false;
      series.lastUsedMs = nowMs;
    }
    const reports: L7Series[] = [];
    for (const series of all ? this.#series : changed) reports.push(series.report(all));
    if (nowMs - this.#lastSweepMs >= SWEEP_MS) this.#sweep(nowMs);
    return reports;
  }

  #mark(series: Series): void {
    if (series.isMarked) return;
    series.isMarked = true;
    this.#changed.push(series);
  }

  #find(ends: EndsHandle, protocol: L7ProtocolName, route: string): Series {
    const series = ends.series.get(protocol)?.get(route);
    return series !== undefined && !series.isGone ? series : this.#make(ends, protocol, route);
  }

  /** Finds or makes a series in the ends that are in the table, which an old connection's handle may not be. */
  #make(handle: EndsHandle, protocol: L7ProtocolName, route: string): Series {
    const ends = this.#ends.get(handle.key) ?? handle;
    const known = ends.series.get(protocol)?.get(route);
    if (known !== undefined && !known.isGone) {
      remember(handle, known);
      return known;
    }
    if (this.#series.size >= MAX_SERIES) {
      if (route !== OTHER_ROUTE) return this.#find(handle, protocol, OTHER_ROUTE);
      if (this.#series.size >= MAX_SERIES + MAX_OTHER) return this.#overflowOf(protocol);
    }
    const series = this.#add(ends.ends, protocol, route);
    this.#ends.set(ends.key, ends);
    remember(ends, series);
    if (ends !== handle) remember(handle, series);
    return series;
  }

  #overflowOf(protocol: L7ProtocolName): Series {
    let series = this.#overflow.get(protocol);
    if (series === undefined) {
      series = this.#add(NO_ENDS, protocol, OTHER_ROUTE);
      this.#overflow.set(protocol, series);
    }
    return series;
  }

  #add(ends: SeriesEnds, protocol: L7ProtocolName, route: string): Series {
    this.#lastId += 1;
    const series = new Series(this.#lastId, ends, protocol, route);
    this.#series.add(series);
    return series;
  }

  #sweep(nowMs: number): void {
    this.#lastSweepMs = nowMs;
    for (const series of this.#series) {
      if (nowMs - series.lastUsedMs < IDLE_MS) continue;
      series.isGone = true;
      this.#series.delete(series);
      if (this.#overflow.get(series.protocol) === series) this.#overflow.delete(series.protocol);
    }
    for (const ends of this.#ends.values()) {
      for (const [protocol, routes] of ends.series) {
        for (const [route, series] of routes) if (series.isGone) routes.delete(route);
        if (routes.size === 0) ends.series.delete(protocol);
      }
      if (ends.series.size === 0) this.#ends.delete(ends.key);
    }
  }
}

function remember(ends: EndsHandle, series: Series): void {
  const routes = ends.series.get(series.protocol);
  if (routes === undefined) ends.series.set(series.protocol, new Map([[series.route, series]]));
  else routes.set(series.route, series);
}
