/** What the product makes of the captures of a test's node: its messages with their ends, its metrics, its losses. */
import { unpack } from 'msgpackr';
import { Connections } from '../../server/flows/l7/connections.ts';
import { RingBuffer } from '../../server/kernel/ring-buffer.ts';
import type { L7Message, L7ProtocolName, L7Series } from '../../server/wire/l7.ts';
import { RECORD_LAYOUT } from '../../server/wire/record-layout.gen.ts';
import { readStruct } from '../../server/wire/struct.ts';
import type { World } from './world.ts';

export interface Heard extends L7Message {
  sourceEndpoint: number;
  destinationEndpoint: number;
  serviceId: number;
}

/** The ring holds so much that a moment's pause loses nothing. */
const DRAIN_MS = 5;

export class Listener implements Disposable {
  readonly #ring: RingBuffer;
  readonly #connections: Connections;
  readonly #timer: NodeJS.Timeout;
  #heard: Heard[] = [];
  readonly faults: string[] = [];

  constructor(world: World) {
    this.#ring = new RingBuffer(world.datapath.maps.captures);
    this.#connections = new Connections({
      take: (words, bytes) => this.#take(Buffer.from(words.buffer as ArrayBuffer, words.byteOffset, bytes)),
      onFault: (protocol, error) => this.faults.push(`${protocol}: ${(error as Error).stack}`),
    });
    this.#timer = setInterval(() => this.#drain(), DRAIN_MS);
  }

  /** The messages since the last call, in order. */
  messages(protocol?: L7ProtocolName): Heard[] {
    this.#drain();
    const heard = this.#heard;
    this.#heard = [];
    return protocol === undefined ? heard : heard.filter((it) => it.protocol === protocol);
  }

  /** All series with what they count. */
  series(): L7Series[] {
    this.#drain();
    return this.#connections.report(true, Date.now()).series;
  }

  /** Connections that are not over. */
  get connections(): number {
    return this.#connections.size;
  }

  get losses(): Connections['losses'] {
    return this.#connections.losses;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#ring[Symbol.dispose]();
  }

  #drain(): void {
    while (this.#ring.drain(this.#connections, Number.POSITIVE_INFINITY) > 0);
  }

  #take(bytes: Buffer): void {
    const record = readStruct(RECORD_LAYOUT, bytes.subarray(0, RECORD_LAYOUT.size));
    const message = unpack(bytes.subarray(RECORD_LAYOUT.size, RECORD_LAYOUT.size + record.captured)) as L7Message;
    this.#heard.push({
      ...message,
      sourceEndpoint: record.source_endpoint,
      destinationEndpoint: record.destination_endpoint,
      serviceId: record.service_id,
    });
  }
}

/** How often each text is there. */
export function tally(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const text of texts.toSorted()) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** The median of what we measured is within 10 % or 0.2 ms of the peer's; `resolutionMs` is the step of the peer's clock. */
export function agrees(oursMs: readonly number[], theirsMs: readonly number[], resolutionMs = 0): string {
  const [ours, theirs] = [median(oursMs), median(theirsMs)];
  const allowed = Math.max(0.1 * theirs, 0.2) + resolutionMs;
  return Math.abs(ours - theirs) <= allowed ? 'agrees' : `${ours} ms, the peer says ${theirs} ms`;
}
