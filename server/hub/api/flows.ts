/** `GET /api/v1/flows`: the flow export, and with `follow=true` the live tail of it. */
import type { Request, Response } from 'express';
import { readerOf } from '../access/http-access.ts';
import { FlowReading, GoneError } from '../flow-reader.ts';
import { orUnavailable, Problem } from '../http/problem.ts';
import { SlowReaderError } from '../http/slow-reader.ts';
import type { HubState } from '../hub-state.ts';
import { justBefore } from '../store/flow-key.ts';
import type { RangeQuery } from '../store/memory-flows.ts';
import { FlowWriter } from './flow-writer.ts';
import { type FlowRequest, readFlowsRequest } from './flows-request.ts';

const CONTENT_TYPES = { ndjson: 'application/x-ndjson', json: 'application/json', csv: 'text/csv' } as const;

/** Express handler. */
export function flowsRoute(state: HubState) {
  return async (request: Request, response: Response): Promise<void> => {
    const wanted = readFlowsRequest(request);
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    response.on('error', () => gone.abort());
    try {
      const reading = new FlowReading(state, wanted.follow, readerOf(request).visibility);
      await orUnavailable(answer(reading, wanted, request.method === 'HEAD', response, gone.signal));
    } catch (error) {
      if (error instanceof GoneError) throw new Problem(410, error.message);
      if (gone.signal.aborted) return;
      if (!(error instanceof SlowReaderError)) throw error;
      state.stats.slowReaders += 1;
      response.destroy();
    }
  };
}

async function answer(
  reading: FlowReading,
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
  const writer = new FlowWriter(response, wanted, signal);
  const query = await rangeOf(reading, wanted, signal);
  writer.begin();
  if (query !== null) for await (const page of reading.pages(query, wanted.limit, signal)) await writer.page(page);
  if (wanted.follow) {
    response.flushHeaders();
    for await (const page of reading.follow(wanted.query, signal)) {
      await writer.page(page);
      if (page.flows.length === 0) await writer.flush();
    }
  }
  await writer.finish();
  response.end();
}

/** What is asked of the past, null for nothing of it. */
async function rangeOf(
  reading: FlowReading,
  { query, newest, cursor }: FlowRequest,
  signal: AbortSignal,
): Promise<RangeQuery | null> {
  const key = cursor === null ? null : await reading.keyOf(cursor, signal);
  if (newest === null) return { ...query, after: key, before: null };
  const before = { ...query, after: null, before: key };
  const oldest = await reading.newest(before, newest, signal);
  return oldest === null ? null : { ...before, after: justBefore(oldest) };
}
