/** A DNS query to its answer. Pure: bytes in, bytes out. */
import { AUTHORITATIVE_ANSWER, RECURSION_DESIRED, decode, encode } from 'dns-packet';
import type { Answer, Packet, Question } from 'dns-packet';
import { CLUSTER_DOMAIN, lookUp } from './zone.ts';
import type { Zone } from './zone.ts';

/** Seconds; what kube-dns says. */
const TTL = 30;
/** Longest chain of aliases that is followed. */
const MAX_ALIASES = 8;
const NO_ERROR = 0;
const NAME_ERROR = 3;
const NOT_IMPLEMENTED = 4;
/** Largest answer without EDNS, and with it. */
const PLAIN_UDP_BYTES = 512;
const EDNS_UDP_BYTES = 1232;

/** The answer to send back, undefined if the query is none. `udp` bounds its size. */
export function answer(query: Buffer, zone: Zone, udp: boolean): Buffer | undefined {
  const packet = decodeQuery(query);
  const question = packet?.questions?.[0];
  if (packet === undefined || question === undefined) return undefined;
  const edns = (packet.additionals ?? []).some((it) => it.type === 'OPT');
  const { code, answers } = resolve(packet, question, zone);
  const response: Packet = {
    type: 'response',
    ...(packet.id === undefined ? {} : { id: packet.id }),
    flags: AUTHORITATIVE_ANSWER | ((packet.flags ?? 0) & RECURSION_DESIRED) | code,
    questions: [question],
    answers,
    // Without it, resolvers do not remember that a name does not exist.
    authorities: answers.length > 0 ? [] : [startOfAuthority()],
    additionals: edns
      ? [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize: EDNS_UDP_BYTES,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ]
      : [],
  };
  const bytes = encode(response);
  if (!udp || bytes.length <= (edns ? EDNS_UDP_BYTES : PLAIN_UDP_BYTES)) return bytes;
  return encode({ ...response, flags: (response.flags ?? 0) | TRUNCATED, answers: [], authorities: [] });
}

/** The TC bit: ask again over TCP. */
const TRUNCATED = 1 << 9;

function decodeQuery(query: Buffer): (Packet & { opcode?: string }) | undefined {
  try {
    const packet = decode(query);
    return packet.type === 'query' ? packet : undefined;
  } catch {
    return undefined;
  }
}

function resolve(
  packet: { opcode?: string },
  { name, type }: Question,
  zone: Zone,
): { code: number; answers: Answer[] } {
  if (packet.opcode !== undefined && packet.opcode !== 'QUERY') return { code: NOT_IMPLEMENTED, answers: [] };
  const family = type === 'A' ? 4 : type === 'AAAA' ? 6 : null;
  const record = family === 6 ? 'AAAA' : 'A';
  const { answers, target } = aliases(name, zone);
  if (type === 'CNAME' && answers.length > 0) return { code: NO_ERROR, answers: answers.slice(0, 1) };
  const addresses = lookUp(zone, target.toLowerCase(), family);
  if (addresses === undefined) {
    // Where an alias leads out of the cluster, its name is all we know: the resolver goes on from there (RFC 1034, 3.6.2).
    return { code: answers.length > 0 ? NO_ERROR : NAME_ERROR, answers };
  }
  return {
    code: NO_ERROR,
    answers: [...answers, ...addresses.map((data): Answer => ({ type: record, name: target, ttl: TTL, data }))],
  };
}

/** Follows aliases from `name`, as CNAME records; a circle of them ends after a few. */
function aliases(name: string, zone: Zone): { answers: Answer[]; target: string } {
  const answers: Answer[] = [];
  let target = name;
  while (answers.length < MAX_ALIASES) {
    const data = zone.aliases[target.toLowerCase()];
    if (data === undefined) break;
    answers.push({ type: 'CNAME', name: target, ttl: TTL, data });
    target = data;
  }
  return { answers, target };
}

function startOfAuthority(): Answer {
  const data = {
    mname: `ns.dns.${CLUSTER_DOMAIN}`,
    rname: `hostmaster.${CLUSTER_DOMAIN}`,
    serial: 1,
    refresh: 7200,
    retry: 1800,
    expire: 86_400,
    minimum: TTL,
  };
  return { type: 'SOA', name: CLUSTER_DOMAIN, ttl: TTL, data };
}
