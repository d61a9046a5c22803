/**
 * Entries of the policy map as numbers. A node holds up to a million of them, so contents are kept, compared
 * and handed on as plain maps of numbers; bytes are made only for what is written.
 *
 * A code is everything of struct policy_key but the subject: the peer above 20 bits of direction (1),
 * protocol (2) and port (17). The port is a place in a binary tree over all ports: 1 is every port, 2 and 3
 * are its halves, 65536 + n is port n. A ruling is the ref of the rule times 8, plus the verdict.
 */
import { POLICY_KEY, POLICY_PREFIX_ANY, POLICY_PREFIX_PROTOCOL, POLICY_VALUE } from '../kernel/layouts.gen.ts';
import type { Protocol } from '../cluster/model.ts';
import { DIRECTION, POLICY_MATCH, VERDICT } from '../wire/lists.gen.ts';
import { readStruct } from '../wire/struct.ts';

export type PolicyDirection = 'ingress' | 'egress';

/** Code -> ruling. */
export type PolicyContents = ReadonlyMap<number, number>;

/** Keys and values back to back, as maps take them. */
export interface PolicyBatch {
  keys: Buffer;
  values: Buffer;
}

export function newBatch(count: number): PolicyBatch {
  return { keys: Buffer.alloc(count * POLICY_KEY.size), values: Buffer.alloc(count * POLICY_VALUE.size) };
}

/** What is written for one identity as subject. */
export interface SubjectPolicy {
  /** ISOLATED_* bits. */
  isolated: number;
  contents: PolicyContents;
}

/** IANA numbers by their place in a code; place 0 is any protocol. */
const PROTOCOLS = [0, 6, 17, 132];
const PROTOCOL_PLACE: Readonly<Record<Protocol, number>> = { TCP: 1, UDP: 2, SCTP: 3 };

const PORT_BITS = 17;
const PROTOCOL_SHIFT = 2 ** PORT_BITS;
const DIRECTION_SHIFT = PROTOCOL_SHIFT * 4;
const PEER_SHIFT = DIRECTION_SHIFT * 2;

/** Every port, as a place in the tree of ports. */
export const ANY_PORT = 1;

/** Protocol and port part of a code: any protocol, which includes ICMP. */
export const ANY_TRAFFIC = ANY_PORT;

/** Protocol and port part of a code. `port`: a place in the tree of ports. */
export function trafficCode(protocol: Protocol, port: number): number {
  return PROTOCOL_PLACE[protocol] * PROTOCOL_SHIFT + port;
}

/** `peer`: identity, cidr identity, or 0 for any. */
export function policyCode(peer: number, direction: PolicyDirection, traffic: number): number {
  return peer * PEER_SHIFT + (direction === 'egress' ? DIRECTION_SHIFT : 0) + traffic;
}

export function peerOf(code: number): number {
  return Math.floor(code / PEER_SHIFT);
}

export function directionOf(code: number): PolicyDirection {
  return Math.floor(code / DIRECTION_SHIFT) % 2 === 1 ? 'egress' : 'ingress';
}

/** `verdict`: VERDICT. */
export function ruling(rule: number, verdict: number): number {
  return rule * 8 + verdict;
}

export function ruleOf(value: number): number {
  return Math.floor(value / 8);
}

/** The fewest places in the tree of ports that together are the ports `first` to `last`. */
export function portRange(first: number, last: number): number[] {
  const places: number[] = [];
  let low = first + 65_536;
  let high = last + 65_536 + 1;
  // Bottom up: an odd end of the range stands alone on its level, the rest is covered one level above.
  for (; low < high; low >>= 1, high >>= 1) {
    if ((low & 1) === 1) places.push(low++);
    if ((high & 1) === 1) places.push(--high);
  }
  return places.toSorted((a, b) => a - b);
}

/** Writes entry number `index` of a batch. */
export function writeEntry(batch: PolicyBatch, index: number, subject: number, code: number, value: number): void {
  writeKey(batch.keys, index, subject, code);
  const verdict = value % 8;
  const at = index * POLICY_VALUE.size;
  const { rule, verdict: verdictField, match } = POLICY_VALUE.fields;
  batch.values.writeUInt32LE(ruleOf(value), at + rule.offset);
  batch.values.writeUInt8(verdict, at + verdictField.offset);
  batch.values.writeUInt8(verdict === VERDICT.FORWARDED ? matchOf(code) : POLICY_MATCH.NONE, at + match.offset);
}

/** Writes key number `index` of a batch. */
export function writeKey(keys: Buffer, index: number, subject: number, code: number): void {
  const at = index * POLICY_KEY.size;
  const place = code % PROTOCOL_SHIFT;
  const protocol = PROTOCOLS[Math.floor(code / PROTOCOL_SHIFT) % 4] ?? 0;
  const bits = 31 - Math.clz32(place);
  const { fields } = POLICY_KEY;
  keys.writeUInt32LE(
    protocol === 0 ? POLICY_PREFIX_ANY : POLICY_PREFIX_PROTOCOL + bits,
    at + fields.prefix_length.offset,
  );
  keys.writeUInt32LE(subject, at + fields.subject.offset);
  keys.writeUInt32LE(peerOf(code), at + fields.peer.offset);
  keys.writeUInt8(directionOf(code) === 'egress' ? DIRECTION.EGRESS : DIRECTION.INGRESS, at + fields.direction.offset);
  keys.writeUInt8(protocol, at + fields.protocol.offset);
  keys.writeUInt16BE((place << (16 - bits)) & 0xffff, at + fields.port_be.offset);
}

/** An entry as it was found in the map. */
export interface FoundEntry {
  subject: number;
  code: number;
  /** NaN if its bytes are none that a ruling is written as. */
  value: number;
  rule: number;
}

/** Reads an entry of the map; null if its key is none that this module writes. */
export function readEntry(key: Buffer, value: Buffer): FoundEntry | null {
  const { subject, peer, direction, protocol, port_be, prefix_length } = readStruct(POLICY_KEY, key);
  const bits = Math.max(0, prefix_length - POLICY_PREFIX_PROTOCOL);
  if (bits > 16) return null;
  const port = ((port_be & 0xff) << 8) | (port_be >> 8);
  const traffic = Math.max(0, PROTOCOLS.indexOf(protocol)) * PROTOCOL_SHIFT + 2 ** bits + (port >> (16 - bits));
  const code = policyCode(peer, direction === DIRECTION.EGRESS ? 'egress' : 'ingress', traffic);
  const { rule, verdict } = readStruct(POLICY_VALUE, value);
  const found = ruling(rule, verdict);
  // Written again it must be the same bytes: prefix length, match kind and padding are part of an entry.
  const again = newBatch(1);
  writeEntry(again, 0, subject, code, found);
  if (!again.keys.equals(key)) return null;
  return { subject, code, value: again.values.equals(value) ? found : Number.NaN, rule };
}

function matchOf(code: number): number {
  const hasPeer = peerOf(code) !== 0;
  if (Math.floor(code / PROTOCOL_SHIFT) % 4 === 0) return hasPeer ? POLICY_MATCH.L3_ONLY : POLICY_MATCH.ALL;
  if (code % PROTOCOL_SHIFT === ANY_PORT) return hasPeer ? POLICY_MATCH.L3_PROTO : POLICY_MATCH.PROTO_ONLY;
  return hasPeer ? POLICY_MATCH.L3_L4 : POLICY_MATCH.L4_ONLY;
}
