/**
 * Clears the flow cache of what has ended, so that the kernel, which forgets the least recently used when
 * the map is full, does not have to choose among living connections. A closed connection stays for a
 * while: segments may still be on their way.
 */
import { FLOW_ENTRY, FLOW_KEY } from '../kernel/layouts.gen.ts';
import type { MapWriter } from '../datapath/map-writer.ts';

const CLOSED_NS = 10_000_000_000n;
/** UDP and ICMP say no goodbye: both directions silent for this long. */
const IDLE_NS = 120_000_000_000n;
const TCP = 6;

/** One pass. `now`: CLOCK_MONOTONIC, ns. @returns entries seen and deleted. */
export function sweepFlows(
  map: Pick<MapWriter, 'entries' | 'deleteMany'>,
  now: bigint,
): { seen: number; deleted: number } {
  const { protocol } = FLOW_KEY.fields;
  const { closed, last_ns: last } = FLOW_ENTRY.fields;
  const ended: Buffer[] = [];
  /** Idle entries by key, with the key of their other direction. */
  const idle = new Map<string, { key: Buffer; peer: string }>();
  let seen = 0;
  for (const [key, value] of map.entries()) {
    seen++;
    const age = now - value.readBigUInt64LE(last.offset);
    const isTcp = key[protocol.offset] === TCP;
    if (value[closed.offset] !== 0 && age > CLOSED_NS) ended.push(key);
    else if (!isTcp && age > IDLE_NS) idle.set(key.toString('hex'), { key, peer: peerKey(key, value) });
  }
  // Never one direction of a pair: the other would go on without its answers being translated.
  for (const { key, peer } of idle.values()) if (idle.has(peer)) ended.push(key);
  if (ended.length > 0) map.deleteMany(Buffer.concat(ended), ended.length);
  return { seen, deleted: ended.length };
}

/** The key of the other direction: the translated tuple turned round. */
function peerKey(key: Buffer, value: Buffer): string {
  const { new_source, new_destination, new_source_port_be, new_destination_port_be } = FLOW_ENTRY.fields;
  const peer = Buffer.alloc(FLOW_KEY.size);
  const copy = (from: { offset: number; size: number }, to: { offset: number }): void => {
    value.copy(peer, to.offset, from.offset, from.offset + from.size);
  };
  const { source, destination, source_port_be, destination_port_be, protocol } = FLOW_KEY.fields;
  copy(new_destination, source);
  copy(new_source, destination);
  copy(new_destination_port_be, source_port_be);
  copy(new_source_port_be, destination_port_be);
  peer[protocol.offset] = key[protocol.offset] ?? 0;
  return peer.toString('hex');
}
