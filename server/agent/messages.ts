/** The agent's reading of messages: the ring of captures, the table of connections, and what is reported of them. */
import type { Logger } from 'pino';
import { Connections } from '../flows/l7/connections.ts';
import type { TakeEvent } from '../flows/l7/message-sink.ts';
import { sentence } from '../base/failure.ts';
import type { BpfMap } from '../kernel/maps.ts';
import { RingBuffer } from '../kernel/ring-buffer.ts';
import type { L7Report } from '../wire/l7.ts';
import { L7_PROTOCOL_WORDS } from '../wire/lists.gen.ts';
import { IdleCores } from './idle-cores.ts';
import { MessageReader, MOST_SHARE } from './message-reader.ts';
import type { L7Stats } from './metrics.ts';

export class Messages implements Disposable {
  readonly #ring: RingBuffer;
  readonly #connections: Connections;
  readonly #idleCores = new IdleCores(performance.now());
  readonly #reader: MessageReader;
  readonly #lostInRing: () => number;
  readonly #lostBefore: number;

  /**
   * Begins to read. `captures`: the map, which belongs to the caller. `lostInRing`: captures the kernel left out for
   * want of room, since the maps were made.
   */
  constructor(options: { captures: BpfMap; take: TakeEvent; lostInRing: () => number; log: Logger }) {
    const { captures, take, lostInRing, log } = options;
    this.#lostInRing = lostInRing;
    this.#lostBefore = lostInRing();
    this.#connections = new Connections({
      take,
      onFault: (protocol, error) =>
        log.error(
          { protocol: L7_PROTOCOL_WORDS[protocol] ?? protocol, error: sentence(error) },
          'a parser failed; its connection is given up, and no more is said of this protocol',
        ),
    });
    this.#ring = new RingBuffer(captures);
    this.#reader = new MessageReader(this.#ring, this.#connections, (nowMs) => this.#idleCores.since(nowMs));
    this.#reader.start();
  }

  /** Reads what is left in the ring, within its time: before a stop. */
  finish(): void {
    this.#reader[Symbol.dispose]();
    this.#reader.turn();
  }

  /** What changed since the last report; with `all` everything. `timeNs`: Unix ns. */
  report(all: boolean, timeNs: bigint): L7Report {
    // Events cost the hub more than reading costs here, so they yield alike.
    this.#connections.limitEvents(this.#reader.share / MOST_SHARE);
    const { series, names } = this.#connections.report(all, performance.now());
    return { time_ns: timeNs.toString(), series, names, losses: this.#losses() };
  }

  stats(): L7Stats {
    const { captures, size, bytes, faults } = this.#connections;
    return { captures, connections: size, bytes, seconds: this.#reader.seconds, faults, losses: this.#losses() };
  }

  #losses(): L7Report['losses'] {
    return { ring: this.#lostInRing() - this.#lostBefore, ...this.#connections.losses };
  }

  [Symbol.dispose](): void {
    this.#reader[Symbol.dispose]();
    this.#idleCores[Symbol.dispose]();
    this.#ring[Symbol.dispose]();
  }
}
