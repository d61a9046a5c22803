/** A pod of the test bed, or the world, that sends prepared packets, each checked for what must hold of every packet. */
import { expect } from 'vitest';
import { DROP_REASON } from '../../server/wire/lists.gen.ts';
import { accountingFault } from './accounting.ts';
import type { Ends } from './packet-builder.ts';
import type { Handled, TestBed } from './test-bed.ts';

/** Of the next router, and of the uplink. */
const WORLD_MACS = { podMac: '02:00:00:00:01:02', hostMac: '02:00:00:00:01:01' };

export class Sender {
  /** Of what the pod sends. */
  readonly macs: Ends;
  /** Of what the datapath hands to the pod. */
  readonly macsIn: Ends;
  readonly #bed: TestBed;
  readonly #name: string;

  /** `name`: a pod's, or `uplink` for what comes in from the world. */
  constructor(bed: TestBed, name: string) {
    const { podMac, hostMac } = name === 'uplink' ? WORLD_MACS : bed.pod(name);
    this.macs = { source: podMac, destination: hostMac };
    this.macsIn = { source: hostMac, destination: podMac };
    this.#bed = bed;
    this.#name = name;
  }

  /** The packet is sent. It is accounted for exactly once, whatever becomes of it. */
  send(packet: Buffer): Handled {
    const handled = this.#bed.handle(this.#name === 'uplink' ? 'from_uplink' : 'from_pod', this.#name, packet);
    expect(accountingFault(packet, handled), packet.toString('hex')).toBeUndefined();
    return handled;
  }

  /** As send, of a packet that needs no translation: only a redirect's MAC addresses may change. */
  sendUnchanged(packet: Buffer): Handled {
    const handled = this.send(packet);
    const same = handled.verdict === 'redirect' ? 12 : 0;
    expect(handled.data.subarray(same).equals(packet.subarray(same)), packet.toString('hex')).toBe(true);
    return handled;
  }

  /** sendUnchanged in words: the verdict, or `drop REASON`. */
  outcome(packet: Buffer): string {
    const { verdict, added } = this.sendUnchanged(packet);
    return verdict === 'drop' ? `drop ${reasonNames(added.drops)}` : String(verdict);
  }
}

/** The names of the reasons that were counted. */
export function reasonNames(drops: Record<number, number>): string {
  const names = Object.keys(DROP_REASON) as (keyof typeof DROP_REASON)[];
  return Object.keys(drops)
    .map((it) => names.find((name) => DROP_REASON[name] === Number(it)))
    .join();
}
