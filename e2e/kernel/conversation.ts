/** A TCP connection between two pods of the test bed, packet by packet; and what was captured of it. */
import { type Capture, CaptureReader } from './capture-reader.ts';
import * as build from './packet-builder.ts';
import type { TestBed } from './test-bed.ts';

const SYN = 0x02;
const ACK = 0x10;
const FIN = 0x01;
const RST = 0x04;
const WRAP = 2 ** 32;

export type Side = 'client' | 'server';

/** A capture in short: `client 0+5/7` is 5 of the 7 bytes from position 0 on; positions count from the first byte of payload. */
export interface Seen {
  what: string;
  text: string;
}

export class Conversation implements Disposable {
  readonly #bed: TestBed;
  readonly #reader: CaptureReader;
  readonly #addresses: Record<Side, string>;
  readonly #pods: Record<Side, string>;
  readonly #ports: Record<Side, number>;
  /** Sequence numbers of the first bytes, near the end of their range so that they wrap. */
  readonly #first: Record<Side, number> = { client: WRAP - 600, server: WRAP - 30_000 };
  readonly #sent: Record<Side, number> = { client: 0, server: 0 };

  /** Opens it. `port`: the server's; each conversation needs a `clientPort` of its own. */
  constructor(
    bed: TestBed,
    clientPort: number,
    port: number,
    { v6 = false, client = 'client', server = 'one', address = '', open = true } = {},
  ) {
    const addressOf = (pod: string): string =>
      bed.pod(pod).addresses.find((it) => it.includes(':') === v6) ?? `no address of ${pod}`;
    this.#bed = bed;
    this.#reader = new CaptureReader(bed.datapath.maps.captures);
    this.#reader.read();
    this.#pods = { client, server };
    this.#addresses = { client: addressOf(client), server: address === '' ? addressOf(server) : address };
    this.#ports = { client: clientPort, server: port };
    if (!open) return;
    this.#packet('client', SYN, Buffer.alloc(0), -1, 0);
    this.#packet('server', SYN | ACK, Buffer.alloc(0), -1, 0);
    this.#packet('client', ACK, Buffer.alloc(0), 0, 0);
  }

  /** Sends payload; `at`: from which position on, if not behind what was sent last. */
  send(side: Side, payload: string | Buffer, at = this.#sent[side]): void {
    const bytes = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
    this.#packet(side, ACK, bytes, at, this.#sent[other(side)]);
    this.#sent[side] = Math.max(this.#sent[side], at + bytes.length);
  }

  /** Says that so much was sent which did not pass here. */
  lose(side: Side, bytes: number): void {
    this.#sent[side] += bytes;
  }

  close(): void {
    for (const side of ['client', 'server'] as const) {
      this.#packet(side, ACK | FIN, Buffer.alloc(0), this.#sent[side], this.#sent[other(side)]);
      this.#sent[side]++;
    }
    this.#packet('client', ACK, Buffer.alloc(0), this.#sent.client, this.#sent.server);
  }

  reset(side: Side): void {
    this.#packet(side, RST, Buffer.alloc(0), this.#sent[side], 0);
  }

  captures(): Capture[] {
    return this.#reader.read();
  }

  /** What was captured since the last call. */
  seen(): Seen[] {
    return this.captures().map((it) => {
      const side = it.isReply ? 'server' : 'client';
      const position = (it.sequence - this.#first[side] + WRAP) % WRAP;
      const flags = it.flags.map((flag) => ` ${flag}`).join('');
      return {
        what: `${it.protocol} ${side} ${position}+${it.bytes.length}/${it.length}${flags}`,
        text: it.bytes.toString('latin1'),
      };
    });
  }

  /** `seen` without the bytes. */
  places(): string[] {
    return this.seen().map((it) => it.what);
  }

  [Symbol.dispose](): void {
    this.#reader[Symbol.dispose]();
  }

  #packet(side: Side, flags: number, payload: Buffer, at: number, acknowledged: number): void {
    const peer = other(side);
    const ends = { source: this.#addresses[side], destination: this.#addresses[peer] };
    // A server answers from its own address, whatever the client called.
    if (side === 'server') ends.source = this.#ownAddress('server');
    const ports = { sourcePort: this.#ports[side], destinationPort: this.#ports[peer] };
    const numbers = {
      sequence: (this.#first[side] + at + WRAP) % WRAP,
      acknowledgment: (flags & ACK) === 0 ? 0 : (this.#first[peer] + acknowledged) % WRAP,
    };
    const pod = this.#bed.pod(this.#pods[side]);
    const macs = { source: pod.podMac, destination: pod.hostMac };
    const packet = build.frame(macs, build.ip(ends, build.tcp(ports, flags, payload, Buffer.alloc(0), numbers)));
    const { verdict } = this.#bed.inside(() => this.#bed.runInside('from_pod', pod, packet));
    if (verdict !== 'redirect') throw new Error(`a packet of the ${side} met the verdict ${verdict}`);
  }

  #ownAddress(side: Side): string {
    const isV6 = this.#addresses.client.includes(':');
    return this.#bed.pod(this.#pods[side]).addresses.find((it) => it.includes(':') === isV6) ?? '';
  }
}

function other(side: Side): Side {
  return side === 'client' ? 'server' : 'client';
}
