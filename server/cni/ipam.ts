/**
 * Addresses and endpoint numbers of a node's pods. A pod has the same place in the IPv4 and in the IPv6
 * range. Places go round, so an address rests as long as possible before another pod gets it. What was
 * given is kept in a file: numbers are not reused while the node lives.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Failure, hasCode } from '../base/failure.ts';
import { writeFileAtomic } from '../cluster/atomic-file.ts';
import { addressAt, parseCidr } from '../cluster/cidr.ts';

/** Lower numbers are kept for the host and the like. */
const FIRST_ENDPOINT = 16;
/** Place 0 is the network, place 1 the node. */
const FIRST_PLACE = 2;

export interface Lease {
  endpointId: number;
  /** One address of each range, in their order. */
  addresses: string[];
}

interface Ledger {
  nextEndpoint: number;
  nextPlace: number;
  /** Pod uid -> place. */
  places: Record<string, number>;
}

/**
 * Gives the pod a number and addresses, and records it in `file` before it returns. Synchronous, so two
 * pods of one process never get the same. Throws a Failure when the ranges are full.
 */
export function allocate(file: string, ranges: readonly string[], podUid: string): Lease {
  const ledger = readLedger(file);
  const cidrs = ranges.map(parseCidr);
  // The last place of an IPv4 range is its broadcast address.
  const end = Number(cidrs.reduce((least, it) => (it.size < least ? it.size : least), 1n << 31n)) - 1;
  const taken = new Set(Object.values(ledger.places));
  let place = ledger.nextPlace;
  for (let step = 0; taken.has(place) || place >= end; step++) {
    if (step > end) throw new Failure(`no pod address is left in ${ranges.join(' and ')}: ${taken.size} pods have one`);
    place = place + 1 >= end ? FIRST_PLACE : place + 1;
  }
  const endpointId = ledger.nextEndpoint;
  ledger.places[podUid] = place;
  ledger.nextPlace = place + 1;
  ledger.nextEndpoint = endpointId + 1;
  mkdirSync(dirname(file), { recursive: true });
  writeFileAtomic(file, JSON.stringify(ledger));
  return { endpointId, addresses: cidrs.map((it) => addressAt(it, BigInt(place))) };
}

/** Gives the pod's addresses back. Unknown pods are no error. */
export function release(file: string, podUid: string): void {
  const ledger = readLedger(file);
  if (!(podUid in ledger.places)) return;
  delete ledger.places[podUid];
  writeFileAtomic(file, JSON.stringify(ledger));
}

function readLedger(file: string): Ledger {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Ledger;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return { nextEndpoint: FIRST_ENDPOINT, nextPlace: FIRST_PLACE, places: {} };
    throw new Failure(`cannot read the address ledger ${file}; remove it while no pod runs`, { cause: error });
  }
}
