/** observer.Observer/GetFlows: the flows of all nodes by time, then, with `follow`, what comes. */
import { setTimeout as delay } from 'node:timers/promises';
import { nowNs } from '../../flows/timestamp.ts';
import type { HubState } from '../hub-state.ts';
import { findFlows, type FlowQuery, timeTest } from '../store/flow-search.ts';
import { byTime, type Found, scanFlows, type Slice, TimeOrder } from '../store/flow-scan.ts';
import { seek } from '../store/flow-store.ts';
import type { FlowStream } from './flow-stream.ts';
import type { FlowsRequest } from './flows-request.ts';
import { NodeWatch } from './node-watch.ts';

/** Followers wait this long after new flows, so that nodes are in order and little is done often. */
const GATHER_MS = 50;
/** Ids looked up at once. */
const CHUNK = 4096;

/** Sends what was asked for; resolves at its end. Rejects with the signal's reason when it is aborted. */
export async function getFlows(
  state: HubState,
  request: FlowsRequest,
  out: FlowStream,
  signal: AbortSignal,
): Promise<void> {
  const nodes = new NodeWatch(state);
  await out.notices(nodes.changes());
  const end = state.store.nextId;
  const { number, follow, since } = request;
  if (!follow || number > 0n || since !== null) await sendHistory(state, request, end, out, signal);
  if (follow) await sendNew(state, request, end, nodes, out, signal);
}

async function sendHistory(
  state: HubState,
  request: FlowsRequest,
  end: number,
  out: FlowStream,
  signal: AbortSignal,
): Promise<void> {
  const { number, first, since, until, filter } = request;
  const { store } = state;
  // As in Hubble: the newest are counted without regard to `until`, which only then cuts.
  const fromNewest = !first && since === null && number > 0n && number < BigInt(store.stored);
  const slices = fromNewest
    ? newest(state, { filter, since, until }, Number(number), signal)
    : scanFlows(store, { filter, since, until }, store.oldestId, end, signal);
  const isLimited = number > 0n && (first || since !== null);
  let left = isLimited && number < BigInt(Number.MAX_SAFE_INTEGER) ? Number(number) : Infinity;
  const order = new TimeOrder();
  const send = async (found: readonly Found[], missing: number): Promise<void> => {
    const some = found.slice(0, left);
    left -= some.length;
    await out.flows(some, missing);
  };
  for await (const { found, missing } of slices) {
    await send(order.push(found), missing);
    if (left <= 0) return;
  }
  await send(order.rest(), 0);
}

/** The `limit` newest flows that the filter selects; of these, those within the time. */
async function* newest(state: HubState, query: FlowQuery, limit: number, signal: AbortSignal): AsyncGenerator<Slice> {
  const { store } = state;
  const inTime = timeTest(query);
  const ids = await findFlows(store, { ...query, since: null, until: null }, limit, 'newest', signal);
  for (let at = 0; at < ids.length; at += CHUNK) {
    const slice: Slice = { found: [], missing: 0 };
    for (const id of ids.slice(at, at + CHUNK)) {
      const extent = store.extentFrom(id);
      if (extent === undefined || extent.firstId > id) {
        slice.missing += 1;
        continue;
      }
      const record = seek(extent, id - extent.firstId);
      if (inTime(record, extent)) slice.found.push({ id, time: record.timeNumber + extent.clockOffset });
    }
    yield slice;
  }
}

/** Sends flows as they arrive, and what happens to nodes, until the client goes away or `until` has passed. */
async function sendNew(
  state: HubState,
  { filter, since, until }: FlowsRequest,
  from: number,
  nodes: NodeWatch,
  out: FlowStream,
  signal: AbortSignal,
): Promise<void> {
  const { store } = state;
  let next = from;
  while (until === null || nowNs() <= until) {
    if (next >= store.nextId) {
      await state.newFlows.wait(signal);
      await delay(GATHER_MS, undefined, { signal });
    }
    await out.notices(nodes.changes());
    const end = store.nextId;
    let missing = store.countMissing(next, end);
    for await (const slice of scanFlows(store, { filter, since, until }, next, end, signal)) {
      await out.flows(byTime(slice.found), missing + slice.missing);
      missing = 0;
    }
    next = end;
  }
}
