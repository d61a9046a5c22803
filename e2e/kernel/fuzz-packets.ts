/**
 * Random packets from a seed: right ones between the ends of the test bed, and the same after something was done to
 * them. Most share a few addresses and ports, so that they meet in the flow cache; few are noise from the first byte.
 */
import * as build from './packet-builder.ts';

const { PROTOCOL, ETHERTYPE } = build;

/** Numbers in [0, 1) that depend on nothing but the seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

export interface Wire {
  /** Addresses by family, the sender's first. */
  v4: readonly string[];
  v6: readonly string[];
  macs: build.Ends;
}

const PORTS = [0, 53, 80, 443, 8080, 40_000, 40_001, 40_002, 65_535];
const EDGE_BYTES = [0, 1, 4, 5, 6, 17, 40, 44, 58, 60, 64, 127, 128, 129, 254, 255];
const KINDS = [PROTOCOL.HOPOPTS, PROTOCOL.ROUTING, PROTOCOL.DSTOPTS];

export class PacketSource {
  readonly #random: () => number;
  /** Packets made before, to be sent again, put into ICMP errors and spliced. */
  readonly #former: Buffer[] = [];

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  /** One frame that the owner of `wire` sends. */
  next(wire: Wire): Buffer {
    const made = this.#chance(0.02) ? this.#bytes(14 + this.#below(200)) : this.#frame(wire);
    const packet = this.#chance(0.5) ? made : this.#mutated(made);
    if (this.#former.length < 256) this.#former.push(packet);
    else this.#former[this.#below(256)] = packet;
    return packet;
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    return this.#below(limit);
  }

  #frame(wire: Wire): Buffer {
    const pool = this.#chance(0.5) ? wire.v4 : wire.v6;
    const [own = ''] = pool;
    const at = { source: this.#chance(0.9) ? own : this.#one(pool), destination: this.#one(pool) };
    const payload = this.#packet(at);
    return build.frame(wire.macs, payload, this.#chance(0.02) ? this.#one(Object.values(ETHERTYPE)) : undefined);
  }

  #packet(at: build.Ends): Buffer {
    const segment = this.#segment(at);
    if (!at.source.includes(':')) {
      const options = this.#chance(0.1) ? this.#bytes(4 * this.#below(11)) : undefined;
      const fragment = this.#chance(0.05)
        ? { fragmentOffset: this.#below(8192), moreFragments: this.#chance(0.5) }
        : {};
      return build.ipv4(at, segment, { ttl: this.#below(256), ...(options && { options }), ...fragment });
    }
    const chain = this.#chance(0.2) ? Array.from({ length: this.#below(6) }, () => this.#extension()) : [];
    return build.ipv6(at, segment, chain, this.#below(256));
  }

  #extension(): build.Extension {
    return this.#chance(0.2)
      ? build.fragmentHeader(this.#below(8192), this.#chance(0.5))
      : build.extension(this.#one(KINDS), 1 + this.#below(3));
  }

  #segment(at: build.Ends): build.Segment {
    const ports = { sourcePort: this.#one(PORTS), destinationPort: this.#one(PORTS) };
    const payload = this.#bytes(this.#below(40));
    const pick = this.#random();
    if (pick < 0.4) return build.tcp(ports, this.#below(64), payload, this.#bytes(4 * this.#below(11)));
    if (pick < 0.7) return build.udp(ports, payload, this.#chance(0.9));
    if (pick < 0.8) return build.echo(at, this.#below(8), this.#chance(0.5));
    if (pick < 0.85) return build.raw(this.#below(256), payload);
    const former = this.#former.length > 0 ? this.#one(this.#former).subarray(build.ETHERNET_BYTES) : payload;
    const isV4 = !at.source.includes(':');
    const type = this.#chance(0.8) ? this.#one(isV4 ? [3, 11, 12] : [1, 2, 3, 4]) : this.#below(256);
    return build.icmp(type, this.#below(8), Buffer.concat([Buffer.alloc(4), former.subarray(0, this.#below(600))]));
  }

  #mutated(packet: Buffer): Buffer {
    let result = Buffer.from(packet);
    for (let times = 1 + this.#below(3); times > 0 && result.length > 0; times--) {
      const at = this.#below(result.length);
      switch (this.#below(8)) {
        case 0:
          result[at] = this.#below(256);
          break;
        case 1:
          result[at] = (result[at] ?? 0) ^ (1 << this.#below(8));
          break;
        case 2:
          result[at] = this.#one(EDGE_BYTES);
          break;
        case 3:
          result = result.subarray(0, at);
          break;
        case 4:
          result = Buffer.concat([result, this.#bytes(this.#below(64))]);
          break;
        case 5:
          result = Buffer.concat([result.subarray(0, at), this.#bytes(this.#below(16)), result.subarray(at)]);
          break;
        case 6:
          if (at + 2 <= result.length) result.writeUInt16BE(this.#one([0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff]), at);
          break;
        default: {
          const other = this.#former.length > 0 ? this.#one(this.#former) : packet;
          result = Buffer.concat([result.subarray(0, at), other.subarray(this.#below(other.length + 1))]);
        }
      }
    }
    return result.subarray(0, 1500);
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #one<T>(of: readonly T[]): T {
    const found = of[this.#below(of.length)];
    if (found === undefined) throw new RangeError('nothing to choose from');
    return found;
  }

  #bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i++) bytes[i] = this.#below(256);
    return bytes;
  }
}
