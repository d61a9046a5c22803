/**
 * UUIDs of flows (RFC 9562, version 8): the session that a record came in and its place there. A flow has the same UUID
 * in memory, in history and on every hub, and its place can be read back from it.
 */

import { createHash } from 'node:crypto';

/** Where a record stands: 64 bits for the session, and its place among that session's records. */
export interface FlowPlace {
  session: bigint;
  /** Below 2^48. */
  sequence: number;
}

const UUID = /^([0-9a-f]{8})-([0-9a-f]{4})-8([0-9a-f]{3})-8([0-9a-f]{3})-([0-9a-f]{12})$/i;

/** The UUIDs of one session's flows, by their place. */
export function sessionUuids(session: bigint): (sequence: number) => string {
  const hex = session.toString(16).padStart(16, '0');
  // 64 bits fit into what version and variant leave free: 48 + 12 bits, and 4 of the 14 that follow the variant.
  const prefix = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(12, 15)}-8${hex.slice(15, 16)}00-`;
  return (sequence) => prefix + sequence.toString(16).padStart(12, '0');
}

/** The place that a flow's UUID names, null if it is no UUID of a flow. */
export function flowPlace(uuid: string): FlowPlace | null {
  const match = UUID.exec(uuid);
  if (match === null) return null;
  const [, first = '', second = '', third = '', fourth = '', sequence = ''] = match;
  if (!fourth.endsWith('00')) return null;
  return {
    session: BigInt(`0x${first}${second}${third}${fourth.slice(0, 1)}`),
    sequence: Number.parseInt(sequence, 16),
  };
}

/** 64 bits that stand for a session in history and in the ids of flows; the same on every hub. */
export function sessionKey(node: string, session: string): bigint {
  return createHash('sha256').update(`${node}\0${session}`).digest().readBigUInt64BE(0);
}
