/** What an agent says of messages: records of type L7, and reports of series. */
import { pack } from 'msgpackr';
import type { L7Message, L7Report, L7Series } from '../../wire/l7.ts';
import { latencyBucket } from '../../wire/latency.ts';
import { RECORD_TYPE } from '../../wire/lists.gen.ts';
import type { RecordFields } from '../../flows/record-writer.ts';
import { nowNs } from '../../flows/timestamp.ts';
import { flow } from './hub-bed.ts';

const REPLY = { flags: 3, source: '10.1.0.17', destination: '10.1.0.16', source_port: 8080, destination_port: 40_000 };
const REPLY_ENDS = { source_endpoint: 17, destination_endpoint: 16, source_identity: 301, destination_identity: 300 };

/** A record with `message`: web-1 to cart-1 for a request, the other way for an answer. */
export function l7Flow(message: L7Message, more: RecordFields = {}): RecordFields {
  const ends = message.kind === 'REQUEST' ? {} : { ...REPLY, ...REPLY_ENDS };
  return flow({ type: RECORD_TYPE.L7, capture: pack(message), tcp_flags: 0, ...ends, ...more });
}

/** web-1 -> cart-1:8080 `GET /v1/price`, all answered with 200 after `ms`. */
export function l7Series(requests: number, ms = 3, more: Partial<L7Series> = {}): L7Series {
  return {
    id: 1,
    source_endpoint: 16,
    destination_endpoint: 17,
    source_identity: 300,
    destination_identity: 301,
    service_id: 5,
    port: 8080,
    peer: '',
    protocol: 'http',
    route: 'GET /v1/price',
    requests,
    responses: requests,
    errors: 0,
    codes: [['200', requests]],
    latency_sum_ns: requests * ms * 1e6,
    latency: [[latencyBucket(ms * 1e6), requests]],
    ...more,
  };
}

let reports = 0n;

export function l7Report(series: L7Series[], more: Partial<L7Report> = {}): L7Report {
  return {
    // Reports of one time would be parts of one.
    time_ns: String(nowNs() + ++reports),
    series,
    names: [],
    losses: { ring: 0, gaps: 0, malformed: 0, unsent: 0, evicted: 0 },
    ...more,
  };
}
