/**
 * What agents send, handed on over `WS /api/v1/stream` to those who record it, and kept in the same form in recordings. Each
 * WebSocket message is one frame: a header, then the body.
 *
 * On connecting, a reader gets for each connected agent a BEGIN and the messages that make a hub know what this hub knows
 * of it (dictionary, cumulative counters and series); from then on everything as it arrives.
 */
import { MAX_AGENT_MESSAGE } from './agent.ts';

export const FRAME = {
  /** An agent has connected; the body is its hello, as it sent it. */
  begin: 1,
  /** A message of an agent that has begun, as it sent it. */
  message: 2,
  /** The agent's connection is gone; no body. */
  end: 3,
  /** In recordings only: what came between the frame before and the next is missing; the body says why (UTF-8). */
  gap: 4,
} as const;

export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

/** Bytes of a frame's header: u8 kind at 0, u32 stream at 4, u64 time at 8; little-endian, the rest 0. */
export const FRAME_HEADER = 16;
export const MAX_FRAME = FRAME_HEADER + MAX_AGENT_MESSAGE;

/** The reader took its messages too slowly. */
export const CLOSE_SLOW = 4002;

export interface Frame {
  kind: FrameKind;
  /** Counts an agent's connections; frames of one stream belong together. */
  stream: number;
  /** When the hub received it, Unix µs. */
  timeUs: number;
  body: Uint8Array;
}

export function writeFrame({ kind, stream, timeUs, body }: Frame): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, kind);
  view.setUint32(4, stream, true);
  view.setBigUint64(8, BigInt(timeUs), true);
  bytes.set(body, FRAME_HEADER);
  return bytes;
}

/** The frame in `bytes`, its body a view of them; or what is wrong with it, one sentence. */
export function readFrame(bytes: Uint8Array): Frame | string {
  if (bytes.length < FRAME_HEADER) return `A frame of ${bytes.length} bytes is shorter than its header.`;
  if (bytes.length > MAX_FRAME) return `A frame of ${bytes.length} bytes is larger than ${MAX_FRAME}.`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = Object.values(FRAME).find((it) => it === view.getUint8(0));
  if (kind === undefined) return `A frame has the kind ${view.getUint8(0)}, which is none.`;
  const timeUs = Number(view.getBigUint64(8, true));
  if (timeUs > Number.MAX_SAFE_INTEGER) return 'A frame has a time far in the future.';
  return { kind, stream: view.getUint32(4, true), timeUs, body: bytes.subarray(FRAME_HEADER) };
}
