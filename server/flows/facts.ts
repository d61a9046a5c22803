/**
 * What a filter may ask of a flow, as plain numbers. A record under a cursor answers, and so does an edge
 * of the service map: one filter language for both.
 */
import type { AddressRange } from '../wire/address.ts';
import type { L7Message, L7ProtocolName } from '../wire/l7.ts';

export type End = 'source' | 'destination';

export const ENDS: readonly End[] = ['source', 'destination'];

export interface FlowFacts {
  /** RECORD_TYPE. */
  readonly type: number;
  /** VERDICT. */
  readonly verdict: number;
  /** Whether a policy decided here: that a connection may begin, or that a packet was dropped. */
  readonly isPolicyVerdict: boolean;
  /** DROP_REASON, 0 if not dropped. */
  readonly dropReason: number;
  /** OBSERVATION_POINT. */
  readonly observationPoint: number;
  /** DIRECTION. */
  readonly direction: number;
  /** Whether the packet goes from the connection's server to its client; undefined if that is not known. */
  readonly isReply: boolean | undefined;
  /** IANA protocol number. */
  readonly protocol: number;
  readonly serviceId: number;
  /** Endpoint ref, 0 for an address that is no endpoint. */
  endpoint(end: End): number;
  identity(end: End): number;
  /** 0 if there is none. ICMP keeps type and code here. */
  port(end: End): number;
  isIn(end: End, range: AddressRange): boolean;
  /** The address of an end as text; '' for an edge's end that is an endpoint. */
  address(end: End): string;
  /** The application's message, null if there is none. Costs a decoding: ask last. */
  readonly l7: L7Message | null;
  /** The application's protocol, null if it is not known. As costly as `l7`. */
  readonly l7Protocol: L7ProtocolName | null;
}

/** IANA protocol numbers by Hubble's names. */
export const PROTOCOL = { TCP: 6, UDP: 17, ICMPv4: 1, ICMPv6: 58, SCTP: 132 } as const;

const PROTOCOL_NAME: Readonly<Record<number, string>> = { 6: 'TCP', 17: 'UDP', 1: 'ICMPv4', 58: 'ICMPv6', 132: 'SCTP' };

/** `TCP`, `UDP`, `ICMPv4`, `ICMPv6`, `SCTP`, or the number as text. */
export function protocolName(protocol: number): string {
  return PROTOCOL_NAME[protocol] ?? String(protocol);
}

export function hasPorts(protocol: number): boolean {
  return protocol === PROTOCOL.TCP || protocol === PROTOCOL.UDP || protocol === PROTOCOL.SCTP;
}
