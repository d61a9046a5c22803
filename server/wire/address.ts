/**
 * Addresses as records carry them: 16 bytes in network order, IPv4 as ::ffff:a.b.c.d. Text is canonical
 * (RFC 5952), and a mapped address prints as IPv4, because filters compare text and people read it.
 */
import ipaddr from 'ipaddr.js';

const MAPPED_PREFIX = 0xffff;

/** The address at `offset`, as text. */
export function formatAddress(view: DataView, offset: number): string {
  if (isMapped(view, offset)) {
    const a = view.getUint8(offset + 12);
    const b = view.getUint8(offset + 13);
    return `${a}.${b}.${view.getUint8(offset + 14)}.${view.getUint8(offset + 15)}`;
  }
  const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, 16);
  return new ipaddr.IPv6([...bytes]).toRFC5952String();
}

/** The 16 bytes of an address given as text, null if it is none. */
export function parseAddress(text: string): Uint8Array | null {
  // IPv4 has more than one notation (010.1, 0x7f.1); only the common one is meant here.
  if (!ipaddr.IPv4.isValidFourPartDecimal(text) && !(text.includes(':') && ipaddr.IPv6.isValid(text))) return null;
  if (text.includes('%')) return null;
  const address = ipaddr.parse(text);
  const v6 = address instanceof ipaddr.IPv4 ? address.toIPv4MappedAddress() : address;
  return Uint8Array.from(v6.toByteArray());
}

/** Whether all 16 bytes are zero: the address is not set. */
export function isUnset(view: DataView, offset: number): boolean {
  return (
    (view.getUint32(offset) | view.getUint32(offset + 4) | view.getUint32(offset + 8) | view.getUint32(offset + 12)) ===
    0
  );
}

function isMapped(view: DataView, offset: number): boolean {
  return (
    view.getUint32(offset + 8) === MAPPED_PREFIX && view.getUint32(offset) === 0 && view.getUint32(offset + 4) === 0
  );
}

/** A set of addresses with the same leading bits; a single address has 128 of them. */
export class AddressRange {
  readonly #words: readonly [number, number, number, number];
  readonly #masks: readonly [number, number, number, number];
  /** An IPv6 range, ::/0 for example, does not hold IPv4 addresses, although they are stored mapped. */
  readonly #isIpv6: boolean;

  private constructor(bytes: Uint8Array, bits: number) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const mask = (word: number): number => {
      const kept = Math.min(32, Math.max(0, bits - 32 * word));
      return kept === 0 ? 0 : (-1 << (32 - kept)) >>> 0;
    };
    this.#masks = [mask(0), mask(1), mask(2), mask(3)];
    const word = (index: 0 | 1 | 2 | 3): number => (view.getUint32(index * 4) & this.#masks[index]) >>> 0;
    this.#words = [word(0), word(1), word(2), word(3)];
    this.#isIpv6 = !isMapped(view, 0);
  }

  /** `10.1.2.3`, `10.1.0.0/16`, `fd00::1`, `fd00::/64`; null if it is neither address nor prefix. */
  static parse(text: string): AddressRange | null {
    const slash = text.indexOf('/');
    const bytes = parseAddress(slash < 0 ? text : text.slice(0, slash));
    if (bytes === null) return null;
    if (slash < 0) return new AddressRange(bytes, 128);
    const length = text.slice(slash + 1);
    const isIpv4 = !text.includes(':');
    if (!/^\d{1,3}$/.test(length) || Number(length) > (isIpv4 ? 32 : 128)) return null;
    return new AddressRange(bytes, Number(length) + (isIpv4 ? 96 : 0));
  }

  /** Lowest and highest address as 32 hexadecimal digits, IPv4 mapped. */
  get bounds(): { first: string; last: string } {
    const digits = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
    return {
      first: this.#words.map(digits).join(''),
      last: this.#words.map((word, i) => digits(word | ~(this.#masks[i] ?? 0))).join(''),
    };
  }

  /** Whether the address at `offset` lies in the range. */
  has(view: DataView, offset: number): boolean {
    const [m0, m1, m2, m3] = this.#masks;
    const [w0, w1, w2, w3] = this.#words;
    return (
      (view.getUint32(offset + 12) & m3) >>> 0 === w3 &&
      (view.getUint32(offset + 8) & m2) >>> 0 === w2 &&
      (view.getUint32(offset + 4) & m1) >>> 0 === w1 &&
      (view.getUint32(offset) & m0) >>> 0 === w0 &&
      !(this.#isIpv6 && isMapped(view, offset))
    );
  }
}
