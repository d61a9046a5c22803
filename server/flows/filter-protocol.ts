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

export function protocolTest(name: string, values: readonly string[]): Test {
  const transports = new Set<number>();
  const applications = new Set<L7ProtocolName>();
  for (const value of values) {
    const key = value.toLowerCase();
    const numbers = Object.hasOwn(TRANSPORTS, key) ? TRANSPORTS[key] : undefined;
    const names = Object.hasOwn(APPLICATIONS, key) ? APPLICATIONS[key] : undefined;
    if (numbers === undefined && names === undefined) {
      bad(name, value, [...Object.keys(TRANSPORTS), ...L7_PROTOCOLS].join(', '));
    }
    for (const number of numbers ?? []) transports.add(number);
    for (const it of names ?? []) applications.add(it);
  }
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
