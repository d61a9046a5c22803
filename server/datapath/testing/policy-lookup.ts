/** The lookups that the programs make in the maps to judge a connection (bpf/lib/policy.h), in TypeScript for tests. */
import { parseAddress } from '../../wire/address.ts';
import { DIRECTION, IDENTITY, VERDICT } from '../../wire/lists.gen.ts';
import { packStruct, readStruct } from '../../wire/struct.ts';
import {
  ENDPOINT,
  IPCACHE_VALUE,
  ISOLATED_EGRESS,
  ISOLATED_INGRESS,
  POLICY_KEY,
  POLICY_VALUE,
} from '../../kernel/layouts.gen.ts';
import { LongestPrefix } from './longest-prefix.ts';
import type { MemoryMap } from './memory-map.ts';

interface End {
  endpoint: number;
  identity: number;
  cidr: number;
  isolated: number;
}

export interface Found {
  verdict: number;
  rule: number;
  match: number;
}

export class PolicyLookup {
  readonly #endpoints: MemoryMap;
  readonly #ipcache: LongestPrefix;
  readonly #policy: LongestPrefix;
  readonly #ends = new Map<string, End>();

  constructor(maps: { endpoints: MemoryMap; ipcache: MemoryMap; policy: MemoryMap }) {
    this.#endpoints = maps.endpoints;
    this.#ipcache = new LongestPrefix(maps.ipcache);
    this.#policy = new LongestPrefix(maps.policy);
  }

  /** What holds at the end `self` of a connection with `peer`; rule 0 if policies have no say. `port`: destination. */
  judge(direction: 'ingress' | 'egress', self: string, peer: string, protocol: number, port: number): Found {
    const [subject, other] = [this.end(self), this.end(peer)];
    const bit = direction === 'ingress' ? ISOLATED_INGRESS : ISOLATED_EGRESS;
    const isFree =
      (subject.isolated & bit) === 0 || subject.endpoint === other.endpoint || other.identity === IDENTITY.HOST;
    if (isFree) return { verdict: VERDICT.FORWARDED, rule: 0, match: 0 };
    const peers = [other.identity, ...(other.cidr !== 0 && other.cidr !== other.identity ? [other.cidr] : [])];
    for (const it of peers) {
      const found = this.#lookup(subject.identity, it, direction, protocol, port);
      if (found?.verdict === VERDICT.FORWARDED) return found;
    }
    const any = this.#lookup(subject.identity, 0, direction, protocol, port);
    return any ?? { verdict: VERDICT.DROPPED, rule: 0, match: 0 };
  }

  /** Who the maps say is behind an address. */
  end(text: string): End {
    let end = this.#ends.get(text);
    if (end === undefined) {
      end = this.#find(Buffer.from(parseAddress(text) ?? []));
      this.#ends.set(text, end);
    }
    return end;
  }

  #find(address: Buffer): End {
    const local = this.#endpoints.contents.get(address.toString('hex'));
    if (local !== undefined) {
      const { id, identity, cidr, isolated } = readStruct(ENDPOINT, local);
      return { endpoint: id, identity, cidr, isolated };
    }
    const other = this.#ipcache.lookup(address);
    if (other === undefined) return { endpoint: 0, identity: IDENTITY.WORLD, cidr: 0, isolated: 0 };
    return { ...readStruct(IPCACHE_VALUE, other), isolated: 0 };
  }

  #lookup(subject: number, peer: number, direction: string, protocol: number, port: number): Found | undefined {
    const key = packStruct(POLICY_KEY, {
      subject,
      peer,
      direction: direction === 'ingress' ? DIRECTION.INGRESS : DIRECTION.EGRESS,
      protocol,
    });
    key.writeUInt16BE(port, POLICY_KEY.fields.port_be.offset);
    const value = this.#policy.lookup(key.subarray(4));
    return value === undefined ? undefined : readStruct(POLICY_VALUE, value);
  }
}
