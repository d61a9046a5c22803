/**
 * The JSON export's flow object as the message of the Hubble API. Names and enums are the same there; what differs
 * is how protobuf writes times, values that may be unknown, and our own part.
 */
import type { HubbleFlow } from '../../wire/hubble.ts';
import { parseTime } from '../../flows/timestamp.ts';
import { encodeStruct } from './protocol.ts';

const SECOND = 1_000_000_000n;

/** google.protobuf.Timestamp of Unix nanoseconds. */
export function timestamp(unixNs: bigint): { seconds: number; nanos: number } {
  return { seconds: Number(unixNs / SECOND), nanos: Number(unixNs % SECOND) };
}

/** flow.Flow, for the encoder; fields that a mask took away stay away. */
export function flowMessage(flow: Partial<HubbleFlow>): object {
  const { time, is_reply: isReply, extensions } = flow;
  return {
    ...flow,
    time: time === undefined ? undefined : messageTime(time),
    is_reply: isReply === undefined ? undefined : { value: isReply },
    extensions:
      extensions === undefined ? undefined : { type_url: extensions['@type'], value: encodeStruct(extensions.value) },
  };
}

/** Of the text that `formatTime` writes. */
export function messageTime(text: string): { seconds: number; nanos: number } | undefined {
  const time = parseTime(text, 0n);
  return time === null ? undefined : timestamp(time);
}
