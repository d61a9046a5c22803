/** Checks of the metrics of messages that agents send. */
import { z } from 'zod';
import { L7_PROTOCOLS, type L7Report, MAX_L7_TEXT } from '../../wire/l7.ts';
import { MAX_LATENCY_BUCKET } from '../../wire/latency.ts';
import { read } from './messages.ts';

const u32 = z.number().int().min(0).max(0xffff_ffff);
const u16 = z.number().int().min(0).max(0xffff);
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const address = z.string().max(64);
/** In one message; what an agent may have in all is bounded by the tracker. */
const MAX_SERIES = 20_000;
const MAX_NAMES = 20_000;
const MAX_CODES = 256;

const report: z.ZodType<L7Report> = z.object({
  time_ns: z.string().regex(/^\d{1,20}$/),
  series: z
    .array(
      z.object({
        id: u32,
        source_endpoint: u32,
        destination_endpoint: u32,
        source_identity: u32,
        destination_identity: u32,
        service_id: u32,
        port: u16,
        peer: address,
        protocol: z.enum(L7_PROTOCOLS),
        route: z.string().max(2 * MAX_L7_TEXT),
        requests: count,
        responses: count,
        errors: count,
        codes: z.array(z.tuple([z.string().max(64), count])).max(MAX_CODES),
        latency_sum_ns: z.number().min(0),
        latency: z.array(z.tuple([z.number().int().min(0).max(MAX_LATENCY_BUCKET), count])).max(MAX_LATENCY_BUCKET + 1),
      }),
    )
    .max(MAX_SERIES),
  names: z.array(z.object({ address, name: z.string().max(MAX_L7_TEXT) })).max(MAX_NAMES),
  losses: z.object({ ring: count, gaps: count, malformed: count, unsent: count, evicted: count }),
});

export function readL7Report(body: Buffer): L7Report {
  return read(report, 'l7', body);
}
