/** observer.GetFlowsRequest, checked. */
import { fieldMask, type Mask } from '../field-mask.ts';
import type { RecordFilter } from '../store/flow-search.ts';
import { invalid } from './call-error.ts';
import { requestFilter } from './flow-filter.ts';
import type { GetFlowsRequest, Timestamp } from './protocol.ts';

export interface FlowsRequest {
  /** 0 is no limit; with `follow` alone, no history. Up to 2^64 - 1. */
  number: bigint;
  first: boolean;
  follow: boolean;
  filter: RecordFilter;
  /** Unix ns, inclusive; null for no bound. */
  since: bigint | null;
  until: bigint | null;
  /** Null for whole flows. */
  mask: Mask | null;
}

/** Throws a CallError or a FilterError that says what is wrong. */
export function readFlowsRequest(message: GetFlowsRequest): FlowsRequest {
  const { first = false, follow = false } = message;
  if (first && follow) throw invalid('first cannot be specified with follow');
  const paths = message.field_mask?.paths ?? message.experimental?.field_mask?.paths ?? [];
  return {
    number: BigInt(message.number ?? '0'),
    first,
    follow,
    filter: requestFilter(message.whitelist, message.blacklist),
    since: readTime('since', message.since),
    until: readTime('until', message.until),
    mask: fieldMask(paths),
  };
}

/** The years 1 to 9999, as google.protobuf.Timestamp is defined. */
const EARLIEST_S = -62_135_596_800n;
const LATEST_S = 253_402_300_799n;

function readTime(name: string, time: Timestamp | null | undefined): bigint | null {
  if (time === null || time === undefined) return null;
  const seconds = BigInt(time.seconds ?? '0');
  const { nanos = 0 } = time;
  if (seconds < EARLIEST_S || seconds > LATEST_S || nanos < 0 || nanos > 999_999_999) {
    throw invalid(`"${name}" is no time: seconds ${seconds}, nanos ${nanos}; allowed are the years 1 to 9999.`);
  }
  return seconds * 1_000_000_000n + BigInt(nanos);
}
