import { pack } from 'msgpackr';
import { expect, test } from 'vitest';
import { MAX_AGENT_MESSAGE } from '../../wire/agent.ts';
import type { L7Report, L7Series } from '../../wire/l7.ts';
import { MAX_LATENCY_BUCKET } from '../../wire/latency.ts';
import { reportParts } from './report-parts.ts';

const LOSSES = { ring: 1, gaps: 2, malformed: 3, unsent: 4, evicted: 5 };

/** As large as one can be. */
function series(id: number): L7Series {
  return {
    id,
    source_endpoint: 4_000_000_000,
    destination_endpoint: 4_000_000_000,
    source_identity: 4_000_000_000,
    destination_identity: 4_000_000_000,
    service_id: 4_000_000_000,
    port: 65_535,
    peer: '2001:db8:1234:5678:9abc:def0:1234:5678',
    protocol: 'postgresql',
    route: '…'.repeat(512),
    requests: 2 ** 40,
    responses: 2 ** 40,
    errors: 2 ** 40,
    codes: Array.from({ length: 33 }, (_, i) => [`ERROR${i}`.padEnd(20, '…'), 2 ** 40]),
    latency_sum_ns: 2 ** 60,
    latency: Array.from({ length: MAX_LATENCY_BUCKET }, (_, bucket) => [bucket, 2 ** 40]),
  };
}

test('what is large goes in parts that hubs take, in order and whole', () => {
  const report: L7Report = {
    time_ns: '1',
    series: Array.from({ length: 1000 }, (_, id) => series(id)),
    names: Array.from({ length: 10_000 }, (_, i) => ({ address: `2001:db8::${i}`, name: 'n'.repeat(253) })),
    losses: LOSSES,
  };
  const parts = reportParts(report);
  expect(parts.length).toBeGreaterThan(4);
  for (const part of parts) {
    expect(pack(part).length).toBeLessThan(MAX_AGENT_MESSAGE / 2);
    expect(part.losses).toEqual(LOSSES);
  }
  expect(parts.flatMap((part) => part.series)).toEqual(report.series);
  expect(parts.flatMap((part) => part.names)).toEqual(report.names);
});

test('losses are told even if nothing else is', () => {
  const report: L7Report = { time_ns: '1', series: [], names: [], losses: LOSSES };
  expect(reportParts(report)).toEqual([report]);
});
