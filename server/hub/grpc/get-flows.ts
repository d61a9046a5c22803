/** observer.Observer/GetFlows: the flows of all nodes by time, then, with `follow`, what comes. */
import { nowNs } from '../../flows/timestamp.ts';
import { type FlowReading, MAX_NEWEST } from '../flow-reader.ts';
import type { HubState } from '../hub-state.ts';
import { justBefore } from '../store/flow-key.ts';
import { invalid } from './call-error.ts';
import type { FlowStream } from './flow-stream.ts';
import type { FlowsRequest } from './flows-request.ts';
import { NodeWatch } from './node-watch.ts';

/** Sends what was asked for; resolves at its end. Rejects with the signal's reason when it is aborted. */
export async function getFlows(
  reading: FlowReading,
  state: HubState,
  request: FlowsRequest,
  out: FlowStream,
  signal: AbortSignal,
): Promise<void> {
  const nodes = new NodeWatch(state);
  await out.notices(nodes.changes());
  const { number, follow, since } = request;
  if (!follow || number > 0n || since !== null) await sendPast(state, reading, request, out, signal);
  if (follow) await sendNew(reading, request, nodes, out, signal);
}

async function sendPast(
  state: HubState,
  reading: FlowReading,
  request: FlowsRequest,
  out: FlowStream,
  signal: AbortSignal,
): Promise<void> {
  const { number, first, since, until, filter } = request;
  const all = { filter, since: null, until: null, after: null, before: null };
  let after = null;
  if (!first && since === null && number > 0n && !isEverything(state, number)) {
    if (number > BigInt(MAX_NEWEST)) {
      throw invalid(`"number" counts at most ${MAX_NEWEST} flows from the newest on; give "since" for more.`);
    }
    // As in Hubble: the newest are counted without regard to `until`, which only then cuts.
    const oldest = await reading.newest(all, Number(number), signal);
    if (oldest === null) return;
    after = justBefore(oldest);
  }
  const isLimited = number > 0n && (first || since !== null) && number < BigInt(Number.MAX_SAFE_INTEGER);
  const pages = reading.pages({ ...all, since, until, after }, isLimited ? Number(number) : Infinity, signal);
  for await (const page of pages) await out.page(page);
}

/** Whether there cannot be more flows than `number`. */
function isEverything({ store, stored }: HubState, number: bigint): boolean {
  return number >= BigInt(stored === null ? store.stored : Number.MAX_SAFE_INTEGER);
}

/** Sends flows as they arrive, and what happens to nodes, until the client goes away or `until` has passed. */
async function sendNew(
  reading: FlowReading,
  { filter, since, until }: FlowsRequest,
  nodes: NodeWatch,
  out: FlowStream,
  signal: AbortSignal,
): Promise<void> {
  if (until !== null && nowNs() > until) return;
  for await (const page of reading.follow({ filter, since, until }, signal)) {
    await out.notices(nodes.changes());
    await out.page(page);
    if (page.flows.length === 0 && until !== null && nowNs() > until) return;
  }
}
