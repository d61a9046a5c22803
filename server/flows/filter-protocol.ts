/** The filter `protocol`: of the transport, or of the application. As in Hubble, an HTTP flow is both http and tcp. */
import { L7_PROTOCOLS, type L7ProtocolName } from '../wire/l7.ts';
import { PROTOCOL } from './facts.ts';
import { bad, type Test } from './filter-test.ts';

const { TCP, UDP, SCTP, ICMPv4, ICMPv6 } = PROTOCOL;

const TRANSPORTS: Readonly<Record<string, readonly number[]>> = {
  tcp: [TCP],
  udp: [UDP],
  sctp: [SCTP],
  icmp: [ICMPv4, ICMPv6],
  icmpv4: [ICMPv4],
  icmpv6: [ICMPv6],
};

/** `http` is any version of it, with gRPC on top or not. */
const APPLICATIONS: Readonly<Record<string, readonly L7ProtocolName[]>> = {
  ...Object.fromEntries(L7_PROTOCOLS.map((name) => [name, [name]])),
  http: ['http', 'http2', 'grpc'],
};

/** What values of the parameter name; those it does not know are left out. */
export function protocolsOf(values: readonly string[]): {
  transports: ReadonlySet<number>;
  applications: ReadonlySet<L7ProtocolName>;
} {
  const known = values.map((value) => value.toLowerCase());
  return {
    transports: new Set(known.flatMap((key) => (Object.hasOwn(TRANSPORTS, key) ? (TRANSPORTS[key] ?? []) : []))),
    applications: new Set(known.flatMap((key) => (Object.hasOwn(APPLICATIONS, key) ? (APPLICATIONS[key] ?? []) : []))),
  };
}

export function protocolTest(name: string, values: readonly string[]): Test {
  for (const value of values) {
    const key = value.toLowerCase();
    if (!Object.hasOwn(TRANSPORTS, key) && !Object.hasOwn(APPLICATIONS, key)) {
      bad(name, value, [...Object.keys(TRANSPORTS), ...L7_PROTOCOLS].join(', '));
    }
  }
  const { transports, applications } = protocolsOf(values);
  if (applications.size === 0) return { of: 'flow', compile: () => (facts) => transports.has(facts.protocol) };
  return {
    of: 'flow',
    needsMessage: true,
    compile: () => (facts) => {
      if (transports.has(facts.protocol)) return true;
      const { l7Protocol } = facts;
      return l7Protocol !== null && applications.has(l7Protocol);
    },
  };
}
