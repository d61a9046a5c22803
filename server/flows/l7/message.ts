/**
 * An L7Message as agents send it: MessagePack in the captured bytes of a record. It is read only when somebody looks at
 * the record, and is as untrusted then as anything an agent sends.
 */
import { unpack } from 'msgpackr';
import { z } from 'zod';
import { L7_PROTOCOLS, type L7Message, MAX_L7_TEXT, MAX_MESSAGE_BYTES } from '../../wire/l7.ts';

/** Some texts are made of two that a peer wrote: host and path, name and value. */
const text = z.string().max(2 * MAX_L7_TEXT);
const texts = z.array(text).max(256);
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const i32 = z.number().int().min(-0x8000_0000).max(0x7fff_ffff);

const schema: z.ZodType<L7Message> = z.object({
  kind: z.enum(['REQUEST', 'RESPONSE', 'SAMPLE']),
  protocol: z.enum(L7_PROTOCOLS),
  latency_ns: count.exactOptional(),
  route: text,
  is_error: z.boolean().exactOptional(),
  http: z
    .object({
      code: z.number().int().min(0).max(999).exactOptional(),
      method: text,
      url: text,
      protocol: text,
      headers: z.array(z.object({ key: text, value: text })).max(256),
    })
    .exactOptional(),
  grpc: z.object({ service: text, method: text, status: i32.exactOptional() }).exactOptional(),
  dns: z
    .object({
      query: text,
      qtypes: texts,
      rcode: z.number().int().min(0).max(0xffff).exactOptional(),
      rrtypes: texts.exactOptional(),
      ips: texts.exactOptional(),
      cnames: texts.exactOptional(),
      ttl: z.number().int().min(0).max(0xffff_ffff).exactOptional(),
      transport: z.enum(['UDP', 'TCP']),
    })
    .exactOptional(),
  tls: z.object({ sni: text, alpn: texts, version: text }).exactOptional(),
  redis: z.object({ command: text, arguments: texts.exactOptional(), error: text.exactOptional() }).exactOptional(),
  sql: z
    .object({ kind: text, statement: text, error: text.exactOptional(), rows: count.exactOptional() })
    .exactOptional(),
  kafka: z
    .object({
      api_key: text,
      api_version: i32,
      correlation_id: i32,
      topic: text,
      error_code: i32.exactOptional(),
    })
    .exactOptional(),
});

/** Null if the bytes are no valid message. */
export function readMessage(bytes: Uint8Array): L7Message | null {
  if (bytes.length === 0 || bytes.length > MAX_MESSAGE_BYTES) return null;
  try {
    const result = schema.safeParse(unpack(bytes));
    return result.success ? result.data : null;
  } catch {
    return null;
  }
}
