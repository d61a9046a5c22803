/** Hubble's one-line summary of a flow. People grep it, so its words are Hubble's, letter for letter. */
import type { TcpFlags } from '../wire/hubble.ts';
import { PROTOCOL } from './facts.ts';

/** Bits of the TCP header's flag byte. */
const FLAG_BITS = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ECE: 64, CWR: 128 } as const;
const SUMMARY_ORDER = ['SYN', 'ACK', 'RST', 'FIN', 'PSH', 'URG', 'ECE', 'CWR'] as const;

interface IcmpType {
  name: string;
  codes?: readonly string[];
}

/** Names as in gopacket, which Hubble uses. */
const ICMPV4: Readonly<Record<number, IcmpType>> = {
  0: { name: 'EchoReply' },
  3: {
    name: 'DestinationUnreachable',
    codes: [
      'Net',
      'Host',
      'Protocol',
      'Port',
      'FragmentationNeeded',
      'SourceRoutingFailed',
      'NetUnknown',
      'HostUnknown',
      'SourceIsolated',
      'NetAdminProhibited',
      'HostAdminProhibited',
      'NetTOS',
      'HostTOS',
      'CommAdminProhibited',
      'HostPrecedence',
      'PrecedenceCutoff',
    ],
  },
  4: { name: 'SourceQuench' },
  5: { name: 'Redirect', codes: ['Net', 'Host', 'TOS+Net', 'TOS+Host'] },
  8: { name: 'EchoRequest' },
  9: { name: 'RouterAdvertisement' },
  10: { name: 'RouterSolicitation' },
  11: { name: 'TimeExceeded', codes: ['TTLExceeded', 'FragmentReassemblyTimeExceeded'] },
  12: { name: 'ParameterProblem', codes: ['PointerIndicatesError', 'MissingOption', 'BadLength'] },
  13: { name: 'TimestampRequest' },
  14: { name: 'TimestampReply' },
};

const ICMPV6: Readonly<Record<number, IcmpType>> = {
  1: {
    name: 'DestinationUnreachable',
    codes: [
      'NoRouteToDst',
      'AdminProhibited',
      'BeyondScopeOfSrc',
      'AddressUnreachable',
      'PortUnreachable',
      'SrcAddressFailedPolicy',
      'RejectRouteToDst',
    ],
  },
  2: { name: 'PacketTooBig' },
  3: { name: 'TimeExceeded', codes: ['HopLimitExceeded', 'FragmentReassemblyTimeExceeded'] },
  4: { name: 'ParameterProblem', codes: ['ErroneousHeaderField', 'UnrecognizedNextHeader', 'UnrecognizedIPv6Option'] },
  128: { name: 'EchoRequest' },
  129: { name: 'EchoReply' },
  133: { name: 'RouterSolicitation' },
  134: { name: 'RouterAdvertisement' },
  135: { name: 'NeighborSolicitation' },
  136: { name: 'NeighborAdvertisement' },
  137: { name: 'Redirect' },
};

/** The set flags only, in the order of Hubble's message. */
export function tcpFlags(bits: number): TcpFlags {
  const flags: TcpFlags = {};
  for (const [name, bit] of Object.entries(FLAG_BITS)) if ((bits & bit) !== 0) flags[name as keyof TcpFlags] = true;
  return flags;
}

/** `flags` is the flag byte of TCP; `type` and `code` are those of ICMP. */
export function summaryOf(protocol: number, flags: number, type: number, code: number, family: number): string {
  switch (protocol) {
    case PROTOCOL.TCP:
      return `TCP Flags: ${SUMMARY_ORDER.filter((name) => (flags & FLAG_BITS[name]) !== 0).join(', ')}`;
    case PROTOCOL.UDP:
      return 'UDP';
    case PROTOCOL.SCTP:
      return 'SCTP';
    case PROTOCOL.ICMPv4:
      return `ICMPv4 ${icmpSummary(protocol, type, code)}`;
    case PROTOCOL.ICMPv6:
      return `ICMPv6 ${icmpSummary(protocol, type, code)}`;
    default:
      return family === 6 ? 'IPv6' : 'IPv4';
  }
}

/** `EchoRequest`, `DestinationUnreachable(Port)`. */
export function icmpSummary(protocol: number, type: number, code: number): string {
  return icmpWords(protocol === PROTOCOL.ICMPv6 ? ICMPV6 : ICMPV4, type, code);
}

function icmpWords(types: Readonly<Record<number, IcmpType>>, type: number, code: number): string {
  const known = types[type];
  if (known === undefined) return `${type}(${code})`;
  const word = known.codes?.[code];
  if (word !== undefined) return `${known.name}(${word})`;
  return code === 0 && known.codes === undefined ? known.name : `${known.name}(Code: ${code})`;
}
