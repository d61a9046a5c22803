/** `GET /api/v1/flows`: the flow export, and with `follow=true` the live tail of it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Request, Response } from 'express';
import type { GetFlowsResponse, HubbleFlow } from '../../wire/hubble.ts';
import { CSV_HEADER, csvRow } from '../../flows/flow-csv.ts';
import { formatTime, nowNs } from '../../flows/timestamp.ts';
import { readerOf } from '../access/http-access.ts';
import type { Visibility } from '../access/visibility.ts';
import type { HubState } from '../hub-state.ts';
import { ALL_FILTERS, Parameters } from '../http/parameters.ts';
import { Problem } from '../http/problem.ts';
import { SlowReaderError, writeTo } from '../http/slow-reader.ts';
import { findFlows, type FlowQuery, timeTest } from '../store/flow-search.ts';
import { seek } from '../store/flow-store.ts';

export const MAX_FLOWS = 100_000;
const DEFAULT_LAST = 20;
const FORMATS = ['ndjson', 'json', 'csv'] as const;
const CONTENT_TYPES = { ndjson: 'application/x-ndjson', json: 'application/json', csv: 'text/csv' } as const;
/** Text gathered before it is written, characters. */
const CHUNK = 64 * 1024;
/** Followers wait this long after new flows, so that one write carries many. */
const GATHER_MS = 50;
/** Flows a follower looks at before others get their turn. */
const FOLLOW_SLICE = 20_000;

interface FlowRequest {
  format: (typeof FORMATS)[number];
  query: FlowQuery;
  /** The filter in `query` heeds it already. */
  visibility: Visibility;
  limit: number;
  which: 'newest' | 'oldest';
  follow: boolean;
}

/** Express handler. */
export function flowsRoute(state: HubState) {
  return async (request: Request, response: Response): Promise<void> => {
    const wanted = readRequest(request);
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    response.on('error', () => gone.abort());
    try {
      await answer(state, wanted, request.method === 'HEAD', response, gone.signal);
    } catch (error) {
      if (gone.signal.aborted) return;
      if (!(error instanceof SlowReaderError)) throw error;
      state.stats.slowReaders += 1;
      response.destroy();
    }
  };
}

function readRequest(request: Request): FlowRequest {
  const own = ['format', 'first', 'last', 'since', 'until', 'follow'];
  const parameters = new Parameters(request, own, ALL_FILTERS);
  const format = parameters.oneOf('format', FORMATS, 'ndjson');
  const follow = parameters.oneOf('follow', ['true', 'false'], 'false') === 'true';
  const first = parameters.integer('first', 0, MAX_FLOWS);
  const last = parameters.integer('last', 0, MAX_FLOWS);
  if (first !== null && last !== null) throw new Problem(400, 'Give "first" or "last", not both.');
  if (first !== null && follow) throw new Problem(400, '"first" cannot be used with "follow"; use "last".');
  if (format === 'json' && follow)
    throw new Problem(400, 'format=json cannot be followed, as the array would never end; use ndjson.');
  const since = parameters.time('since');
  const until = parameters.time('until');
  if (until !== null && follow) throw new Problem(400, '"until" cannot be used with "follow"; leave one of them out.');
  if (since !== null && until !== null && since > until)
    throw new Problem(400, '"since" lies after "until"; give a window that begins before it ends.');
  let limit = first ?? last;
  if (limit === null && (since !== null || until !== null)) limit = MAX_FLOWS;
  limit ??= follow ? 0 : DEFAULT_LAST;
  const { visibility } = readerOf(request);
  return {
    format,
    query: { filter: visibility.filter(parameters.filter()), since, until },
    visibility,
    limit,
    which: first === null ? 'newest' : 'oldest',
    follow,
  };
}

async function answer(
  state: HubState,
  wanted: FlowRequest,
  headOnly: boolean,
  response: Response,
  signal: AbortSignal,
): Promise<void> {
  response.set('Content-Type', `${CONTENT_TYPES[wanted.format]}; charset=utf-8`).set('Cache-Control', 'no-store');
  if (headOnly) {
    response.end();
    return;
  }
  const writer = new FlowWriter(response, wanted.format, signal);
  const next = state.store.nextId;
  const ids = await findFlows(state.store, wanted.query, wanted.limit, wanted.which, signal);
  response.flushHeaders();
  writer.begin();
  let missing = 0;
  for (const id of byTime(state, ids)) {
    const flow = state.flowById(id, wanted.visibility);
    if (flow === null) missing += 1;
    else if (writer.flow(flow)) await writer.flush();
  }
  if (missing > 0) writer.lost(missing);
  if (wanted.follow) await follow(state, wanted, next, writer, signal);
  writer.finish();
  await writer.flush();
  response.end();
}

/** Flows of several nodes arrive interleaved; readers expect them by time. */
function byTime(state: HubState, ids: readonly number[]): number[] {
  const timed = ids.map((id) => {
    const extent = state.store.extentFrom(id);
    if (extent === undefined || extent.firstId > id) return { id, time: 0 };
    return { id, time: seek(extent, id - extent.firstId).timeNumber + extent.clockOffset };
  });
  return timed.toSorted((a, b) => a.time - b.time).map(({ id }) => id);
}

/** Writes matching flows as they arrive, until the reader goes away. */
async function follow(
  state: HubState,
  { query, visibility }: Pick<FlowRequest, 'query' | 'visibility'>,
  from: number,
  writer: FlowWriter,
  signal: AbortSignal,
): Promise<void> {
  const { store } = state;
  const inTime = timeTest(query);
  let next = from;
  while (!signal.aborted) {
    await writer.flush();
    if (next >= store.nextId) {
      await state.newFlows.wait(signal);
      await delay(GATHER_MS, undefined, { signal });
    }
    const end = Math.min(store.nextId, next + FOLLOW_SLICE);
    const missing = store.countMissing(next, end);
    if (missing > 0) writer.lost(missing);
    while (next < end) {
      const extent = store.extentFrom(next);
      if (extent === undefined || extent.firstId >= end) {
        next = end;
        break;
      }
      const test = query.filter.predicate(extent.source.names);
      const last = Math.min(end, extent.firstId + extent.count) - 1;
      let isFull = false;
      for (next = Math.max(next, extent.firstId); next <= last && !isFull; next++) {
        const record = seek(extent, next - extent.firstId);
        if (!inTime(record, extent) || !test(record, extent.firstSequence + next - extent.firstId)) continue;
        const flow = state.flow(extent, next, visibility);
        if (flow !== null) isFull = writer.flow(flow);
      }
      // While this waits, the extent may be evicted: it is looked up again by id.
      if (isFull) await writer.flush();
    }
  }
}

/** Renders flows in one of the formats, gathering text into chunks. */
class FlowWriter {
  readonly #response: Response;
  readonly #format: FlowRequest['format'];
  readonly #signal: AbortSignal;
  #text = '';
  #separator = '';

  constructor(response: Response, format: FlowRequest['format'], signal: AbortSignal) {
    this.#response = response;
    this.#format = format;
    this.#signal = signal;
  }

  begin(): void {
    if (this.#format === 'csv') this.#text += CSV_HEADER;
    if (this.#format === 'json') this.#text += '[';
  }

  finish(): void {
    if (this.#format === 'json') this.#text += ']\n';
  }

  /** True when there is enough text to flush. */
  flow(flow: HubbleFlow): boolean {
    if (this.#format === 'csv') this.#text += csvRow(flow);
    else this.#json({ flow, node_name: flow.node_name, time: flow.time });
    return this.#text.length >= CHUNK;
  }

  /** Flows that were overwritten before they could be written. CSV has no row for that. */
  lost(count: number): void {
    if (this.#format === 'csv') return;
    const lost = { source: 'HUBBLE_RING_BUFFER', num_events_lost: String(count) };
    this.#json({ lost_events: lost, node_name: '', time: formatTime(nowNs()) });
  }

  async flush(): Promise<void> {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    await writeTo(this.#response, text, this.#signal);
  }

  #json(line: GetFlowsResponse): void {
    if (this.#format === 'ndjson') {
      this.#text += `${JSON.stringify(line)}\n`;
      return;
    }
    this.#text += `${this.#separator}${JSON.stringify(line)}`;
    this.#separator = ',\n';
  }
}
