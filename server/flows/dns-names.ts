/** Names that DNS answers gave to addresses of the world, as one agent told. The oldest make room for new ones. */
import { formatAddress, parseAddress } from '../wire/address.ts';
import type { DnsName } from '../wire/l7.ts';

/** About 200 bytes each. */
const MAX_ADDRESSES = 20_000;
/** Of one address, the newest. */
const MAX_NAMES = 8;
const NONE: readonly string[] = [];

export class DnsNames {
  /** The address heard of longest ago comes first. */
  readonly #names = new Map<string, string[]>();

  get isEmpty(): boolean {
    return this.#names.size === 0;
  }

  /** Names without the final dot, lower case, the newest first. `address` is text as formatAddress writes it. */
  of(address: string): readonly string[] {
    return this.#names.get(address) ?? NONE;
  }

  /** All of them, in an order in which `add` makes the same of them. */
  entries(): DnsName[] {
    return Array.from(this.#names, ([address, names]) => names.toReversed().map((name) => ({ address, name }))).flat();
  }

  /** Those with a name. */
  addresses(): Iterable<string> {
    return this.#names.keys();
  }

  /** Returns the address if its names are others than before. An address that is none, and an empty name, are left out. */
  add({ address: written, name }: DnsName): string | null {
    const plain = name.toLowerCase().replace(/\.$/, '');
    const bytes = parseAddress(written);
    if (plain === '' || bytes === null) return null;
    const address = formatAddress(new DataView(bytes.buffer), 0);
    const known = this.#names.get(address);
    this.#names.delete(address);
    this.#names.set(address, [plain, ...(known ?? []).filter((it) => it !== plain)].slice(0, MAX_NAMES));
    if (this.#names.size > MAX_ADDRESSES) {
      const [oldest] = this.#names.keys();
      if (oldest !== undefined) this.#names.delete(oldest);
    }
    return known?.[0] === plain ? null : address;
  }
}
