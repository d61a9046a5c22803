/**
 * Identities of the address blocks that policies name. An address belongs to the narrowest block around
 * it, so a block that others cut pieces out of is allowed by naming the pieces: each address has one
 * answer, whichever rule asks.
 */
import { type AddressBlock, ALL_IPV4, blockOf, contains, isInside } from '../cluster/address-block.ts';
import type { IdentityEntry } from '../wire/agent.ts';
import type { IdAllocator } from './id-allocator.ts';

export interface CidrIdentity {
  block: AddressBlock;
  identity: number;
  entry: IdentityEntry;
}

export class CidrIdentities {
  readonly #ids: IdAllocator;
  #byText = new Map<string, CidrIdentity>();
  /** By first address, wider blocks first. */
  #sorted: CidrIdentity[] = [];
  /** Lengths that occur, narrowest first. */
  #lengths: number[] = [];
  #byStart = new Map<number, Map<bigint, number>>();
  #revision = 0;

  constructor(ids: IdAllocator) {
    this.#ids = ids;
  }

  /** Grows whenever a block comes or goes. */
  get revision(): number {
    return this.#revision;
  }

  get all(): readonly CidrIdentity[] {
    return this.#sorted;
  }

  /** Takes all blocks and excepted parts of all policies. */
  update(blocks: Iterable<AddressBlock>): void {
    const wanted = new Map<string, AddressBlock>();
    for (const block of blocks) {
      wanted.set(block.text, block);
      // Otherwise IPv4 addresses would belong to the IPv6 block that holds them as they are stored.
      if (block.family === 6 && contains(block, ALL_IPV4.first)) wanted.set(ALL_IPV4.text, ALL_IPV4);
    }
    const isSame = wanted.size === this.#byText.size && [...wanted.keys()].every((it) => this.#byText.has(it));
    if (isSame && this.#revision > 0) return;
    this.#revision++;
    const before = this.#byText;
    this.#byText = new Map();
    for (const [text, block] of wanted) this.#byText.set(text, before.get(text) ?? this.#make(block));
    this.#ids.retain(this.#byText);
    this.#index();
  }

  /** Identity of the narrowest block around an address, 0 if there is none. */
  of(address: bigint): number {
    for (const bits of this.#lengths) {
      const shift = BigInt(128 - bits);
      const found = this.#byStart.get(bits)?.get((address >> shift) << shift);
      if (found !== undefined) return found;
    }
    return 0;
  }

  /** Identity of the block that is this address alone, if there is one. */
  ofHost(address: bigint): number | undefined {
    return this.#byStart.get(128)?.get(address);
  }

  /** Identities that make up `block` without the parts of `except`. */
  inside(block: AddressBlock, except: readonly AddressBlock[]): number[] {
    const found: number[] = [];
    for (let i = this.#firstFrom(block.first); i < this.#sorted.length; i++) {
      const it = this.#sorted[i] as CidrIdentity;
      if (it.block.first > block.last) break;
      if (isInside(it.block, block) && !except.some((part) => isInside(it.block, part))) found.push(it.identity);
    }
    return found;
  }

  #make(block: AddressBlock): CidrIdentity {
    const identity = this.#ids.get(block.text);
    return { block, identity, entry: { identity, labels: [`cidr:${block.text}`, 'reserved:world'] } };
  }

  #index(): void {
    this.#sorted = [...this.#byText.values()].toSorted(
      (a, b) =>
        Number(a.block.first > b.block.first) - Number(a.block.first < b.block.first) || a.block.bits - b.block.bits,
    );
    this.#byStart = new Map();
    for (const { block, identity } of this.#sorted) {
      const starts = this.#byStart.get(block.bits) ?? new Map<bigint, number>();
      this.#byStart.set(block.bits, starts.set(block.first, identity));
    }
    this.#lengths = [...this.#byStart.keys()].toSorted((a, b) => b - a);
  }

  /** Place of the first block that begins at `address` or after it. */
  #firstFrom(address: bigint): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] as CidrIdentity).block.first < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The block that is one address. */
export function hostBlock(address: bigint): AddressBlock {
  return blockOf(address, 128);
}
