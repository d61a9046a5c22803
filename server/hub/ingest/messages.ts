/** Checks of the control messages that agents send, where they enter. Inside the hub the types are trusted. */
import { unpack } from 'msgpackr';
import { z } from 'zod';
import type { Archive, Counters, Dictionary, Hello, PolicyEntry, RuleEntry } from '../../wire/agent.ts';
import { RTT_BUCKETS } from '../edges/tracked-edge.ts';
import { ProtocolError, type ProtocolFault } from './protocol-error.ts';

const u32 = z.number().int().min(0).max(0xffff_ffff);
const u16 = z.number().int().min(0).max(0xffff);
const u8 = z.number().int().min(0).max(0xff);
const count = z
  .number()
  .min(0)
  .max(2 ** 64);
/** Few enough to be added up without rounding. */
const records = z
  .number()
  .int()
  .min(0)
  .max(2 ** 50);
/** Edge slots are indexes into an array of the kernel. */
const slot = z.number().int().min(0).max(0xf_ffff);
const name = z.string().min(1).max(253);
const text = z.string().max(253);
const MAX_SENTENCE = 2000;
/** A key and value of Kubernetes' longest, with the source before it. */
const label = z.string().max(700);
const labels = z.array(label).max(1000);
const address = z.string().max(64);

const layout = z.object({
  name: text,
  size: z.number().int(),
  version: u8,
  fields: z
    .record(
      z.string().max(64),
      z.object({
        offset: u16,
        size: u16,
        type: z.enum(['u8', 'u16', 'u32', 'u64', 'i32', 'bytes']),
      }),
    )
    .refine((fields) => Object.keys(fields).length <= 256, 'more than 256 fields'),
});

const hello: z.ZodType<Hello> = z.object({
  protocol: z.number().int(),
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  node: name.regex(/^[^\u0000-\u0020\u007f]+$/),
  session: name,
  boot_id: name,
  counters_id: name,
  version: text,
  layout,
  mode: z.enum(['live', 'replay']),
  recording: z.object({ recorded: z.iso.datetime(), speed: z.number().min(0) }).optional(),
});

const direction = z.enum(['ingress', 'egress']);
const policyName = { namespace: name, name };
/** Policies in one list: those that make a default deny, or that were refused. */
const MAX_POLICIES = 1000;

const rule: z.ZodType<RuleEntry> = z.union([
  z.object({ ref: u32, kind: z.literal('NetworkPolicy'), ...policyName, direction, index: u16 }),
  z.object({
    ref: u32,
    default: z.literal(true),
    direction,
    audit: z.boolean(),
    policies: z.array(z.object(policyName)).max(MAX_POLICIES),
  }),
]);

const policy: z.ZodType<PolicyEntry> = z.object({
  ...policyName,
  uid: text,
  mode: z.enum(['enforce', 'audit']),
  policy_types: z.array(z.enum(['Ingress', 'Egress'])).max(2),
  endpoints: z.array(u32),
  rules: z.object({ ingress: z.array(u32).max(1000), egress: z.array(u32).max(1000) }),
  spec: z.record(z.string(), z.unknown()),
  warnings: z.array(z.string().max(1000)).max(20),
});

const dictionary: z.ZodType<Dictionary> = z.object({
  snapshot: z.boolean(),
  endpoints: z.array(
    z.object({
      ref: u32,
      kind: z.enum(['pod', 'host', 'remote']),
      namespace: text,
      name: text,
      addresses: z.array(address).max(64),
      identity: u32,
      labels,
      workload: z.object({ name: text, kind: text }).nullable(),
      created: z.string().max(40),
    }),
  ),
  services: z.array(
    z.object({
      id: u32,
      namespace: text,
      name: text,
      addresses: z.array(address).max(64),
      ports: z.array(z.object({ name: text, port: u16, protocol: z.enum(['TCP', 'UDP', 'SCTP']), app_protocol: text })),
      backends: z.array(u32),
    }),
  ),
  identities: z.array(z.object({ identity: u32, labels })),
  rules: z.array(rule),
  policies: z.array(policy),
  policy_problems: z
    .array(z.object({ namespace: text, name, message: z.string().max(4000) }))
    .max(MAX_POLICIES)
    .nullable(),
  removed_endpoints: z.array(u32),
  removed_services: z.array(u32),
  removed_identities: z.array(u32),
  removed_rules: z.array(u32),
  removed_policies: z.array(z.object(policyName)),
});

const counters: z.ZodType<Counters> = z.object({
  time_ns: z.string().regex(/^\d{1,20}$/),
  edges: z.array(
    z.object({
      slot,
      source_endpoint: u32,
      destination_endpoint: u32,
      source_identity: u32,
      destination_identity: u32,
      service_id: u32,
      port: u16,
      protocol: u8,
      verdict: u8,
      drop_reason: u8,
      peer: address,
      packets: count,
      bytes: count,
      reply_packets: count,
      reply_bytes: count,
      connections: count,
      answered: count,
      rtt_histogram: z.array(count).max(RTT_BUCKETS),
    }),
  ),
  overflow: z.object({ packets: count, bytes: count }),
  drops: z.record(z.string().regex(/^\d{1,3}$/), count),
  stages: z.array(z.tuple([u8, u8, count, count, count])).max(4096),
  maps: z.array(z.object({ name: text, entries: count, max_entries: count })).max(256),
  problem: z.string().max(MAX_SENTENCE).nullable(),
  events: z.object({ written: count, drained: count }),
  records: z.object({
    produced: records,
    ring: records,
    buffer: records,
    waiting: records,
    skipped: records,
    handed: records,
    taken_before: records,
  }),
  agent: z.object({ rss_bytes: count, cpu_seconds: z.number().min(0), buffered_bytes: count }),
});

const archive: z.ZodType<Archive> = z.object({
  hub: z.string().max(128),
  durable: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
});

export function readHello(body: Buffer): Hello {
  return read(hello, 'hello', body);
}
export function readDictionary(body: Buffer): Dictionary {
  return read(dictionary, 'dictionary', body);
}
export function readCounters(body: Buffer): Counters {
  return read(counters, 'counters', body);
}

export function readArchive(body: Buffer): Archive {
  return read(archive, 'archive', body);
}

/** Decodes a MessagePack body (the message without its kind byte). Throws a ProtocolError. */
export function read<T>(schema: z.ZodType<T>, fault: ProtocolFault, body: Buffer): T {
  let value: unknown;
  try {
    value = unpack(body);
  } catch (error) {
    throw new ProtocolError(fault, `The ${fault} message is not MessagePack: ${(error as Error).message}.`);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path.join('.') ?? '';
  throw new ProtocolError(fault, `The ${fault} message is malformed at "${path}": ${issue?.message ?? 'unknown'}.`);
}
