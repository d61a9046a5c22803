/**
 * Address blocks of policies as ranges of 128-bit numbers, IPv4 as ::ffff:a.b.c.d, so that both families
 * stand in one order. Text is read as the Kubernetes API reads it: host bits may be set, and numbers may
 * begin with zeros.
 */
import { formatAddress, parseAddress } from '../wire/address.ts';

export interface AddressBlock {
  /** First and last address. */
  first: bigint;
  last: bigint;
  /** Leading bits that are fixed, of 128. */
  bits: number;
  family: 4 | 6;
  /** Canonical: `10.0.0.0/8`, `fd00::/64`. */
  text: string;
}

const MAPPED_BITS = 96;

/** All IPv4 addresses, which lie inside of some IPv6 blocks as they are stored here. */
export const ALL_IPV4 = blockOf(0xffff_0000_0000n, MAPPED_BITS);

/** Reads `10.0.0.0/8` or `fd00::/64`, null if it is neither. */
export function parseBlock(text: string): AddressBlock | null {
  const [, address = '', length = ''] = /^([0-9A-Fa-f:.]{2,45})\/(\d{1,3})$/.exec(text) ?? [];
  const isIpv4 = !address.includes(':');
  const number = addressNumber(isIpv4 ? withoutLeadingZeros(address) : address);
  if (number === null || Number(length) > (isIpv4 ? 32 : 128)) return null;
  const block = blockOf(number, Number(length) + (isIpv4 ? MAPPED_BITS : 0));
  // An IPv6 notation of IPv4 addresses means these, but a part of their prefix alone means nothing.
  return !isIpv4 && block.bits < MAPPED_BITS && contains(ALL_IPV4, number) ? null : block;
}

/** The number of an address given as text, null if it is none. */
export function addressNumber(text: string): bigint | null {
  const bytes = parseAddress(text);
  return bytes === null ? null : numberOf(bytes);
}

/** The number of an address given as its 16 bytes. */
export function numberOf(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (view.getBigUint64(0) << 64n) | view.getBigUint64(8);
}

/** The 16 bytes of an address given as number. */
export function bytesOf(address: bigint): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64BE(address >> 64n, 0);
  bytes.writeBigUInt64BE(address & 0xffff_ffff_ffff_ffffn, 8);
  return bytes;
}

/** The block of `bits` leading bits around an address. */
export function blockOf(address: bigint, bits: number): AddressBlock {
  const size = 1n << BigInt(128 - bits);
  const first = address - (address % size);
  const isIpv4 = bits >= MAPPED_BITS && first >> 32n === 0xffffn;
  const bytes = bytesOf(first);
  const words = formatAddress(new DataView(bytes.buffer, bytes.byteOffset, 16), 0);
  return {
    first,
    last: first + size - 1n,
    bits,
    family: isIpv4 ? 4 : 6,
    text: `${words}/${isIpv4 ? bits - MAPPED_BITS : bits}`,
  };
}

export function contains(block: AddressBlock, address: bigint): boolean {
  return address >= block.first && address <= block.last;
}

/** Whether all of `inner` lies in `outer` and is of its family. */
export function isInside(inner: AddressBlock, outer: AddressBlock): boolean {
  return inner.family === outer.family && inner.first >= outer.first && inner.last <= outer.last;
}

function withoutLeadingZeros(ipv4: string): string {
  return ipv4.replaceAll(/(^|\.)0+(?=\d)/g, '$1');
}
