/**
 * Address ranges, both families: the nth address of a range, and whether an address lies in one.
 * Addresses are numbers (bigint) inside, text outside.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { Failure } from '../base/failure.ts';

export interface Cidr {
  text: string;
  family: 4 | 6;
  /** Number of the first address. */
  base: bigint;
  /** How many addresses there are. */
  size: bigint;
}

/** Reads `10.42.0.0/24` or `fd42::/64`; throws a Failure on anything else. */
export function parseCidr(text: string): Cidr {
  const [address = '', bits = '', more] = text.split('/');
  const family = isIPv4(address) ? 4 : isIPv6(address) ? 6 : undefined;
  const width = family === 4 ? 32 : 128;
  const prefix = Number(bits);
  if (family === undefined || more !== undefined || !/^\d{1,3}$/.test(bits) || prefix > width) {
    throw new Failure(`"${text}" is not an address range; write it like 10.42.0.0/24 or fd42::/64`);
  }
  const size = 1n << BigInt(width - prefix);
  const base = addressNumber(address);
  return { text, family, base: base - (base % size), size };
}

/** The address `index` places after the first of the range, as text. */
export function addressAt(cidr: Cidr, index: bigint): string {
  if (index < 0n || index >= cidr.size) throw new RangeError(`${cidr.text} has no address number ${index}`);
  return addressText(cidr.base + index, cidr.family);
}

/** Place of the address in the range, -1 if it is of the other family or outside. */
export function indexIn(cidr: Cidr, address: string): bigint {
  if ((isIPv4(address) ? 4 : 6) !== cidr.family) return -1n;
  const index = addressNumber(address) - cidr.base;
  return index >= 0n && index < cidr.size ? index : -1n;
}

function addressNumber(address: string): bigint {
  if (isIPv4(address)) return address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  if (dotted?.[1] !== undefined && dotted[2] !== undefined) {
    const low = addressNumber(dotted[2]);
    address = `${dotted[1]}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`;
  }
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return groups.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}

function addressText(number: bigint, family: 4 | 6): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (number >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((number >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  // The URL parser writes IPv6 in the canonical form of RFC 5952.
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}
