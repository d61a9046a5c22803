/** Messages of a recording as a hub is to get them now: later times, sessions of their own. */
import { randomBytes } from 'node:crypto';
import { pack, unpack } from 'msgpackr';
import { z } from 'zod';
import { Failure, sentence } from '../base/failure.ts';
import { BATCH_HEADER, type Hello, KIND } from '../wire/agent.ts';

const hello = z.looseObject({
  node: z.string().min(1).max(253),
  session: z.string().max(253),
  boot_id: z.string().max(253),
  counters_id: z.string().max(253),
});
const timed = z.looseObject({ time_ns: z.string().regex(/^\d{1,20}$/) });
const count = z.number().min(0);
const counted = timed.extend({
  records: z.looseObject({ produced: count, waiting: count, skipped: count, handed: count }),
});
const NS_PER_US = 1000n;

/**
 * Names of one pass through a recording. What was one session is one session again, so that a hub sees what is missing
 * between two connections; but never the same as in another pass, whose numbers begin anew.
 */
export class PlayedNames {
  readonly #names = new Map<string, string>();

  of(recorded: string): string {
    const known = this.#names.get(recorded);
    if (known !== undefined) return known;
    const name = randomBytes(10).toString('hex');
    this.#names.set(recorded, name);
    return name;
  }
}

/** What RecordCounts has that is about one hub. */
interface HandedOver {
  produced: number;
  waiting: number;
  skipped: number;
  handed: number;
}

/** The counts of one session's records, as they are about the hub that it is played into. */
export class PlayedCounts {
  /** Place of the first record that is played; null if the recording has the session from its begin. */
  #first: number | null = null;
  /** What had been skipped when the recorded hub said so first. */
  #skippedBefore: number | null = null;

  /** What is not in the recording counts as skipped. Nothing waits: it is played, or was never recorded. */
  of<T extends HandedOver>(recorded: T): T {
    const counts = { ...recorded, produced: recorded.produced - recorded.waiting, waiting: 0 };
    const total = recorded.skipped + recorded.handed;
    if (recorded.handed === 0) {
      this.#first ??= total;
      this.#skippedBefore = null;
    } else {
      this.#skippedBefore ??= recorded.skipped;
    }
    if (this.#first === null) return counts;
    const skipped = this.#first + (this.#skippedBefore === null ? 0 : recorded.skipped - this.#skippedBefore);
    return { ...counts, skipped, handed: Math.max(0, total - skipped) };
  }
}

/** The node of a recorded hello (kind byte included). Throws a Failure if it is none. */
export function helloNode(message: Uint8Array): string {
  return read(hello, KIND.hello, message).node;
}

/** The session of a recorded hello. Throws a Failure if it is none. */
export function helloSession(message: Uint8Array): string {
  return read(hello, KIND.hello, message).session;
}

/** The hello of an agent that plays the recorded one; `recording` as in Hello. */
export function playedHello(message: Uint8Array, names: PlayedNames, recording: Hello['recording']): Buffer {
  const recorded = read(hello, KIND.hello, message);
  return control(KIND.hello, {
    ...recorded,
    session: names.of(`session ${recorded.session}`),
    boot_id: names.of(`boot ${recorded.boot_id}`),
    counters_id: names.of(`counters ${recorded.counters_id}`),
    mode: 'replay',
    recording,
  });
}

/** The message with its times `shiftUs` later. Throws a Failure if an agent cannot have sent it. */
export function playedMessage(message: Uint8Array, shiftUs: number, counts: PlayedCounts): Uint8Array {
  const shiftNs = BigInt(Math.round(shiftUs)) * NS_PER_US;
  const kind = message[0] ?? 0;
  switch (kind) {
    case KIND.batch: {
      if (message.length < BATCH_HEADER.size) throw new Failure('the recording has a batch without header');
      const copy = Buffer.from(message);
      const at = BATCH_HEADER.clock_offset_ns;
      copy.writeBigInt64LE(BigInt.asIntN(64, copy.readBigInt64LE(at) + shiftNs), at);
      return copy;
    }
    case KIND.counters: {
      const counters = read(counted, kind, message);
      const records = counts.of(counters.records);
      return control(kind, { ...counters, records, time_ns: String(BigInt(counters.time_ns) + shiftNs) });
    }
    case KIND.l7: {
      const report = read(timed, kind, message);
      return control(kind, { ...report, time_ns: String(BigInt(report.time_ns) + shiftNs) });
    }
    case KIND.dictionary:
      return message;
    default:
      throw new Failure(`the recording has a message of kind ${kind}, which agents do not send`);
  }
}

/** The number of a batch; 0 for other messages. */
export function batchNumber(message: Uint8Array): number {
  if (message[0] !== KIND.batch || message.length < BATCH_HEADER.size) return 0;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  return Number(view.getBigUint64(BATCH_HEADER.number, true));
}

function control(kind: number, message: object): Buffer {
  return Buffer.concat([Buffer.of(kind), pack(message)]);
}

function read<T>(schema: z.ZodType<T>, kind: number, message: Uint8Array): T {
  let why = `it begins with ${message[0]}`;
  try {
    const result = message[0] === kind ? schema.safeParse(unpack(message.subarray(1))) : null;
    if (result?.success === true) return result.data;
    if (result !== null) why = z.prettifyError(result.error);
  } catch (error) {
    why = sentence(error);
  }
  throw new Failure(`the recording has a message of kind ${kind} that cannot be read (${why})`);
}
