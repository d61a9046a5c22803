/**
 * What the counters must say of one packet: it came to exactly one end, a drop has exactly one reason, and the
 * edges grew by exactly what the packet is, unless it is no IP packet or was left to the network stack.
 */
import { ETHERNET_BYTES, ETHERTYPE } from './packet-builder.ts';
import { DROP_REASON } from '../../server/wire/lists.gen.ts';
import type { Handled } from './test-bed.ts';

/** Whether the frame carries an IP header that can be read: only such a packet has two ends, and so an edge. */
export function readsAsIp(frame: Buffer): boolean {
  const type = frame.length < ETHERNET_BYTES ? 0 : frame.readUInt16BE(12);
  const first = frame[ETHERNET_BYTES] ?? 0;
  if (type === ETHERTYPE.IPV4) return frame.length >= ETHERNET_BYTES + 20 && first >> 4 === 4 && (first & 15) >= 5;
  return type === ETHERTYPE.IPV6 && frame.length >= ETHERNET_BYTES + 40 && first >> 4 === 6;
}

/** How many the counted rows are together. */
export function total(rows: Record<string, number>): number {
  return Object.values(rows).reduce((sum, it) => sum + it, 0);
}

/** What is wrong with the end and the drop reason of one packet, undefined if nothing. */
export function endFault(
  { verdict, added }: Pick<Handled, 'verdict'> & { added: Pick<Handled['added'], 'drops' | 'ends'> },
  packets = 1,
): string | undefined {
  const [end = 'none'] = Object.keys(added.ends);
  // What is for a service without backends is answered: it is dropped, and in its place goes the answer.
  const isAnswered = verdict === 'redirect' && added.drops[DROP_REASON.SERVICE_BACKEND_NOT_FOUND] === packets;
  if (total(added.ends) !== 1) return `it came to ${total(added.ends)} ends: ${JSON.stringify(added.ends)}`;
  if (end.endsWith('.DROP') !== (verdict === 'drop' || isAnswered)) return `its end is ${end}, the verdict ${verdict}`;
  if (verdict !== 'drop' && verdict !== 'ok' && verdict !== 'redirect') return `its verdict is ${verdict}`;
  const dropped = verdict === 'drop' || isAnswered ? packets : 0;
  if (total(added.drops) !== dropped)
    return `drop reasons count ${JSON.stringify(added.drops)}, the verdict is ${verdict}`;
  return undefined;
}

/** Whether it is counted on an edge: what is left to the network stack before it is judged is not. */
export function hasEdge(frame: Buffer, ends: Record<string, number>): boolean {
  return readsAsIp(frame) && ends['PARSE.STACK'] === undefined && ends['FLOW_CACHE.STACK'] === undefined;
}

/** What is wrong with the accounting of one packet of `packets` segments with `bytes` in all, undefined if nothing. */
export function accountingFault(
  frame: Buffer,
  handled: Handled,
  packets = 1,
  bytes = frame.length - ETHERNET_BYTES,
): string | undefined {
  const fault = endFault(handled, packets);
  if (fault !== undefined) return fault;
  const { added } = handled;
  const expected = hasEdge(frame, added.ends) ? [packets, bytes] : [0, 0];
  if (added.packets === expected[0] && added.bytes === expected[1]) return undefined;
  return `edges grew by ${added.packets} packets and ${added.bytes} bytes instead of ${expected.join(' and ')}`;
}
