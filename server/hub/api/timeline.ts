/** `GET /api/v1/timeline`: flows, drops and losses over a window, in buckets. */
import type { Request, Response } from 'express';
import type { TimelineBucket, TimelineTotals } from '../../wire/timeline.ts';
import { formatTime, nowNs } from '../../flows/timestamp.ts';
import { wholeMinutes } from '../history/reader/sql-text.ts';
import type { HubState } from '../hub-state.ts';
import { Parameters } from '../http/parameters.ts';
import { Problem } from '../http/problem.ts';
import { TIMELINE_S } from '../timeline.ts';
import { sendSums } from './service-map.ts';

const MAX_BUCKETS = 2000;
const DEFAULT_BUCKETS = 120;
const MAX_WINDOW_NS = 366n * 86_400n * 1_000_000_000n;

interface TimelineRequest {
  /** Unix ns. */
  since: bigint;
  until: bigint;
  /** At most so many. */
  buckets: number;
}

export function timelineRoute(state: HubState) {
  return async (request: Request, response: Response): Promise<void> => {
    const wanted = readRequest(state, request);
    await sendSums(response, async (signal) => totals(state, wanted, signal));
  };
}

function readRequest(state: HubState, request: Request): TimelineRequest {
  const parameters = new Parameters(request, ['since', 'until', 'buckets']);
  const now = nowNs();
  const asked = parameters.time('until') ?? now;
  const until = asked < now ? asked : now;
  const kept = now - BigInt(TIMELINE_S) * 1_000_000_000n;
  const whole = until - BigInt(TIMELINE_S) * 1_000_000_000n;
  const since = parameters.time('since') ?? (state.stored === null && whole < kept && kept < until ? kept : whole);
  const buckets = parameters.integer('buckets', 1, MAX_BUCKETS) ?? DEFAULT_BUCKETS;
  if (since >= until) throw new Problem(400, '"since" must lie before "until".');
  if (until - since > MAX_WINDOW_NS)
    throw new Problem(400, 'The window is longer than 366 days; ask for a shorter one.');
  if (state.stored === null && !isRecent(since, now)) {
    throw new Problem(
      400,
      `"since" lies more than ${TIMELINE_S / 60} minutes back; without history the hub counts that long.`,
    );
  }
  return { since, until, buckets };
}

function isRecent(since: bigint, now: bigint): boolean {
  return now - since <= BigInt(TIMELINE_S) * 1_000_000_000n;
}

async function totals(
  state: HubState,
  { since, until, buckets }: TimelineRequest,
  signal: AbortSignal,
): Promise<TimelineTotals> {
  const startedNs = BigInt(state.startedMs) * 1_000_000n;
  const inMemory = state.stored === null || (isRecent(since, nowNs()) && since >= startedNs);
  const unit = inMemory ? 1 : 60;
  const begin = Math.floor(Number(since / 1_000_000_000n) / unit) * unit;
  const seconds = Number(until) / 1e9 - begin;
  const length = Math.max(1, Math.ceil(seconds / buckets / unit)) * unit;
  const count = Math.max(1, Math.ceil(seconds / length));
  const found = inMemory
    ? state.timeline.buckets(begin, length, count)
    : await stored(state, begin, length, count, signal);
  return {
    window: { since: timeText(begin), until: timeText(begin + count * length) },
    bucket_s: length,
    buckets: found,
    oldest: oldestOf(state),
  };
}

async function stored(
  state: HubState,
  begin: number,
  length: number,
  count: number,
  signal: AbortSignal,
): Promise<TimelineBucket[]> {
  const buckets = Array.from({ length: count }, () => ({ flows: 0, drops: 0, lost: false }));
  await state.stored?.settled(state.store.nextId, signal);
  const minutes = wholeMinutes(BigInt(begin) * 1_000_000_000n, BigInt(begin + count * length) * 1_000_000_000n);
  for (const { start, flows, drops, lost } of (await state.stored?.counts.buckets(minutes, length, signal)) ?? []) {
    buckets[(start - begin) / length] = { flows, drops, lost };
  }
  return buckets;
}

function oldestOf({ store, history }: HubState): string | null {
  const kept = history?.status().oldest ?? null;
  if (kept !== null) return kept;
  return store.oldestTime === null ? null : formatTime(BigInt(Math.round(store.oldestTime)));
}

function timeText(seconds: number): string {
  return formatTime(BigInt(seconds) * 1_000_000_000n);
}
