/**
 * Builds and checks packets byte by byte from the RFCs (791, 8200, 9293, 768, 792, 4443, 1071; IEEE 802.1Q). It
 * shares nothing with bpf/, so that a test which compares the two compares two readings of the standards.
 */
import { isIPv4 } from 'node:net';

export const ETHERTYPE = { IPV4: 0x0800, ARP: 0x0806, VLAN: 0x8100, IPV6: 0x86dd, QINQ: 0x88a8 } as const;
export const PROTOCOL = {
  HOPOPTS: 0,
  ICMP: 1,
  TCP: 6,
  UDP: 17,
  ROUTING: 43,
  FRAGMENT: 44,
  ICMPV6: 58,
  DSTOPTS: 60,
} as const;
export const ETHERNET_BYTES = 14;

export interface Ends {
  source: string;
  destination: string;
}

export interface Ports {
  sourcePort: number;
  destinationPort: number;
}

/** 4 or 16 bytes of an address in text form, network order. IPv6 with at most one `::`, or an IPv4 tail. */
export function addressBytes(text: string): Buffer {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number));
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const plain =
    tail === null
      ? text
      : `${tail[1]}${addressBytes(tail[2] ?? '')
          .toString('hex')
          .replace(/(.{4})/, '$1:')}`;
  const [head = '', rest] = plain.split('::');
  const words = (part: string): number[] => (part === '' ? [] : part.split(':').map((it) => Number.parseInt(it, 16)));
  const [left, right] = [words(head), words(rest ?? '')];
  const all = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right];
  const bytes = Buffer.alloc(16);
  for (const [i, word] of all.entries()) bytes.writeUInt16BE(word, i * 2);
  return bytes;
}

/** RFC 1071: the one's complement sum of 16-bit words, an odd byte counted as the high one. 0xffff of what carries a right checksum. */
export function onesSum(...parts: Buffer[]): number {
  const bytes = Buffer.concat(parts);
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum += i % 2 === 0 ? (bytes[i] ?? 0) << 8 : (bytes[i] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

function checksum(...parts: Buffer[]): number {
  return ~onesSum(...parts) & 0xffff;
}

/** RFC 9293, RFC 8200: what the transport's checksum covers besides the segment. */
export function pseudoHeader(
  { source, destination }: { source: Buffer; destination: Buffer },
  protocol: number,
  length: number,
): Buffer {
  if (source.length === 4) {
    const tail = Buffer.from([0, protocol, 0, 0]);
    tail.writeUInt16BE(length, 2);
    return Buffer.concat([source, destination, tail]);
  }
  const tail = Buffer.alloc(8);
  tail.writeUInt32BE(length, 0);
  tail[7] = protocol;
  return Buffer.concat([source, destination, tail]);
}

const ends = (at: Ends): { source: Buffer; destination: Buffer } => ({
  source: addressBytes(at.source),
  destination: addressBytes(at.destination),
});

/** A transport header with payload, made for the addresses it will travel between. */
export type Segment = (at: Ends) => { protocol: number; bytes: Buffer };

export interface TcpNumbers {
  sequence?: number;
  acknowledgment?: number;
  window?: number;
}

/** @param flags TCP control bits: 0x01 FIN, 0x02 SYN, 0x04 RST, 0x10 ACK, ... */
export function tcp(
  ports: Ports,
  flags = 0x02,
  payload: Buffer = Buffer.alloc(0),
  options: Buffer = Buffer.alloc(0),
  { sequence = 0x01020304, acknowledgment = 0, window = 0xfaf0 }: TcpNumbers = {},
): Segment {
  return (at) => {
    const bytes = Buffer.concat([Buffer.alloc(20), options, payload]);
    bytes.writeUInt16BE(ports.sourcePort, 0);
    bytes.writeUInt16BE(ports.destinationPort, 2);
    bytes.writeUInt32BE(sequence, 4);
    bytes.writeUInt32BE(acknowledgment, 8);
    bytes[12] = ((20 + options.length) / 4) << 4;
    bytes[13] = flags;
    bytes.writeUInt16BE(window, 14);
    bytes.writeUInt16BE(checksum(pseudoHeader(ends(at), PROTOCOL.TCP, bytes.length), bytes), 16);
    return { protocol: PROTOCOL.TCP, bytes };
  };
}

/** `withChecksum: false`: the field is 0, which says that there is none (IPv4). */
export function udp(ports: Ports, payload: Buffer = Buffer.from('spyglass'), withChecksum = true): Segment {
  return (at) => {
    const bytes = Buffer.concat([Buffer.alloc(8), payload]);
    bytes.writeUInt16BE(ports.sourcePort, 0);
    bytes.writeUInt16BE(ports.destinationPort, 2);
    bytes.writeUInt16BE(bytes.length, 4);
    if (withChecksum) {
      // RFC 768: a computed 0 is sent as 0xffff.
      bytes.writeUInt16BE(checksum(pseudoHeader(ends(at), PROTOCOL.UDP, bytes.length), bytes) || 0xffff, 6);
    }
    return { protocol: PROTOCOL.UDP, bytes };
  };
}

/** ICMP or ICMPv6, by the family of the addresses. `rest`: everything behind the checksum. */
export function icmp(type: number, code: number, rest: Buffer): Segment {
  return (at) => {
    const bytes = Buffer.concat([Buffer.from([type, code, 0, 0]), rest]);
    const isV4 = isIPv4(at.source);
    const protocol = isV4 ? PROTOCOL.ICMP : PROTOCOL.ICMPV6;
    const pseudo = isV4 ? Buffer.alloc(0) : pseudoHeader(ends(at), protocol, bytes.length);
    bytes.writeUInt16BE(checksum(pseudo, bytes), 2);
    return { protocol, bytes };
  };
}

/** An echo request, or reply if `reply`. */
export function echo(at: Ends, id: number, reply = false): Segment {
  const rest = Buffer.from([0, 0, 0, 1, 0x70, 0x69, 0x6e, 0x67]);
  rest.writeUInt16BE(id, 0);
  const [request, answer] = isIPv4(at.source) ? [8, 0] : [128, 129];
  return icmp(reply ? answer : request, 0, rest);
}

/** Bytes that are no transport header we know. */
export function raw(protocol: number, bytes: Buffer): Segment {
  return () => ({ protocol, bytes });
}

export interface Ipv4Options {
  /** Options, a multiple of 4 bytes. */
  options?: Buffer;
  ttl?: number;
  id?: number;
  dontFragment?: boolean;
  /** In units of 8 bytes. */
  fragmentOffset?: number;
  moreFragments?: boolean;
}

/** An IPv4 packet without link header. */
export function ipv4(
  at: Ends,
  segment: Segment,
  { options = Buffer.alloc(0), ttl = 64, id = 0x5350, ...fragment }: Ipv4Options = {},
): Buffer {
  const { protocol, bytes } = segment(at);
  const header = Buffer.concat([Buffer.alloc(20), options]);
  header[0] = 0x40 | (header.length / 4);
  header.writeUInt16BE(header.length + bytes.length, 2);
  header.writeUInt16BE(id, 4);
  const bits = (fragment.dontFragment === true ? 0x4000 : 0) | (fragment.moreFragments === true ? 0x2000 : 0);
  header.writeUInt16BE(bits | (fragment.fragmentOffset ?? 0), 6);
  header[8] = ttl;
  header[9] = protocol;
  header.set(addressBytes(at.source), 12);
  header.set(addressBytes(at.destination), 16);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, bytes]);
}

/** One IPv6 extension header: its number, and its bytes with the first left for the number of the next. */
export interface Extension {
  number: number;
  bytes: Buffer;
}

/** An options or routing header of 8 bytes times `units` (1 to 256), padded with PadN. */
export function extension(number: number, units = 1): Extension {
  const bytes = Buffer.alloc(units * 8);
  bytes[1] = units - 1;
  bytes[2] = 1;
  bytes[3] = Math.min(units * 8 - 4, 255);
  return { number, bytes };
}

/** `offset` in units of 8 bytes. */
export function fragmentHeader(offset: number, more: boolean, id = 0x53505947): Extension {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16BE((offset << 3) | (more ? 1 : 0), 2);
  bytes.writeUInt32BE(id, 4);
  return { number: PROTOCOL.FRAGMENT, bytes };
}

/** An IPv6 packet without link header. */
export function ipv6(at: Ends, segment: Segment, extensions: readonly Extension[] = [], hopLimit = 64): Buffer {
  const { protocol, bytes } = segment(at);
  const chain = extensions.map((it, i) => {
    const copy = Buffer.from(it.bytes);
    copy[0] = extensions[i + 1]?.number ?? protocol;
    return copy;
  });
  const body = Buffer.concat([...chain, bytes]);
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(body.length, 4);
  header[6] = extensions[0]?.number ?? protocol;
  header[7] = hopLimit;
  header.set(addressBytes(at.source), 8);
  header.set(addressBytes(at.destination), 24);
  return Buffer.concat([header, body]);
}

/** The packet of either family, by its source address. */
export function ip(at: Ends, segment: Segment): Buffer {
  return isIPv4(at.source) ? ipv4(at, segment) : ipv6(at, segment);
}

/**
 * A part of the packet's segment as a fragment of its own (RFC 791; RFC 8200, 4.5): the bytes from `from` on, up to
 * `to`, which is the end if it is left out. `from` is a multiple of 8.
 */
export function fragment(at: Ends, segment: Segment, id: number, from: number, to?: number): Buffer {
  const { protocol, bytes } = segment(at);
  const part = raw(protocol, bytes.subarray(from, to));
  const more = to !== undefined && to < bytes.length;
  return isIPv4(at.source)
    ? ipv4(at, part, { id, fragmentOffset: from / 8, moreFragments: more })
    : ipv6(at, part, [fragmentHeader(from / 8, more, id)]);
}

/** An Ethernet frame. MACs in colon form; `type` defaults to what the payload's version says. */
export function frame(macs: Ends, payload: Buffer, type?: number): Buffer {
  const header = Buffer.alloc(ETHERNET_BYTES);
  header.set(macBytes(macs.destination), 0);
  header.set(macBytes(macs.source), 6);
  header.writeUInt16BE(type ?? ((payload[0] ?? 0) >> 4 === 6 ? ETHERTYPE.IPV6 : ETHERTYPE.IPV4), 12);
  return Buffer.concat([header, payload]);
}

/** An 802.1Q tag and the type behind it, to stand before a payload whose frame has the type VLAN or QINQ. */
export function vlanTag(id: number, type: number): Buffer {
  const tag = Buffer.alloc(4);
  tag.writeUInt16BE(id, 0);
  tag.writeUInt16BE(type, 2);
  return tag;
}

export function macBytes(text: string): Buffer {
  return Buffer.from(text.split(':').map((it) => Number.parseInt(it, 16)));
}

/**
 * The sums over header and segment of an IP packet without extension headers: 0xffff each if the checksums are
 * right; how wrong they are otherwise. `transport` is undefined where none is carried.
 */
export function sums(packet: Buffer): { header: number | undefined; transport: number | undefined } {
  const isV4 = (packet[0] ?? 0) >> 4 === 4;
  const length = isV4 ? ((packet[0] ?? 0) & 15) * 4 : 40;
  const protocol = packet[isV4 ? 9 : 6] ?? 0;
  const [at, size] = isV4 ? [12, 4] : [8, 16];
  const addresses = { source: packet.subarray(at, at + size), destination: packet.subarray(at + size, at + 2 * size) };
  const segment = packet.subarray(length);
  const pseudo = protocol === PROTOCOL.ICMP ? Buffer.alloc(0) : pseudoHeader(addresses, protocol, segment.length);
  const isAbsent = protocol === PROTOCOL.UDP && segment.readUInt16BE(6) === 0;
  return {
    header: isV4 ? onesSum(packet.subarray(0, length)) : undefined,
    transport: isAbsent ? undefined : onesSum(pseudo, segment),
  };
}
