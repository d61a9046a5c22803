/**
 * Sends logs to an OTLP/HTTP endpoint by the rules of the protocol (OTLP specification, "OTLP/HTTP response"): 429, 502, 503 and
 * 504 are tried again, after Retry-After where it is given; any other failure of a request is for good.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { sentence } from '../../base/failure.ts';
import type { ExportLogsRequest } from './otlp-logs.ts';

const TIMEOUT_MS = 10_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** Longest that an endpoint can make us wait. */
const MAX_RETRY_AFTER_MS = 300_000;
const MAX_ANSWER = 64 * 1024;
const RETRYABLE: readonly number[] = [429, 502, 503, 504];

const answer = z.object({
  partialSuccess: z
    .object({ rejectedLogRecords: z.coerce.number().int().min(0).optional(), errorMessage: z.string().optional() })
    .optional(),
});

export interface Delivery {
  /** Of the records sent: those the endpoint refused for good. */
  refused: number;
  /** Why, null if it took all. */
  problem: string | null;
}

/** Resolves when the endpoint has decided; `onRetry` hears of each try that was in vain. Rejects when `signal` is aborted. */
export async function deliver(
  endpoint: string,
  request: ExportLogsRequest,
  onRetry: (problem: string) => void,
  signal: AbortSignal,
): Promise<Delivery> {
  const body = JSON.stringify(request);
  const count = request.resourceLogs.flatMap((it) => it.scopeLogs).flatMap((it) => it.logRecords).length;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    const outcome = await attempt(endpoint, body, count, signal);
    signal.throwIfAborted();
    if (!('retryAfterMs' in outcome)) return outcome;
    onRetry(outcome.problem);
    // Between half and all of it, so that hubs that failed together do not come back together.
    await sleep(outcome.retryAfterMs ?? pause * (0.5 + Math.random() / 2), undefined, { signal });
  }
}

interface Retry {
  problem: string;
  /** Null if the endpoint does not say. */
  retryAfterMs: number | null;
}

async function attempt(endpoint: string, body: string, count: number, signal: AbortSignal): Promise<Delivery | Retry> {
  try {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
      // Where it leads is nowhere that was allowed.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    const text = await limitedText(response);
    if (response.ok) return partial(text, count);
    const problem = `the endpoint answered ${response.status} ${response.statusText}`.trimEnd();
    if (!RETRYABLE.includes(response.status)) return { refused: count, problem };
    return { problem, retryAfterMs: retryAfter(response.headers.get('retry-after')) };
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    return { problem: `the endpoint could not be reached: ${sentence(cause)}`, retryAfterMs: null };
  }
}

/** An answer of 2xx says which records it did not take; one that cannot be read says nothing of the kind. */
function partial(text: string, count: number): Delivery {
  let value: unknown = {};
  try {
    value = JSON.parse(text);
  } catch {
    // Some answer with nothing, or in words.
  }
  const read = answer.safeParse(value);
  const { rejectedLogRecords = 0, errorMessage = '' } = (read.success ? read.data.partialSuccess : undefined) ?? {};
  if (rejectedLogRecords === 0) return { refused: 0, problem: null };
  const refused = Math.min(count, rejectedLogRecords);
  return { refused, problem: `the endpoint refused ${refused} records: ${errorMessage.slice(0, 200)}` };
}

async function limitedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Of a Retry-After in seconds, or with a date (RFC 9110, 10.2.3). */
function retryAfter(header: string | null): number | null {
  if (header === null) return null;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}
