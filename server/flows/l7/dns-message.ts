/**
 * Reads DNS messages (RFC 1035, 4). dns-packet, which the standalone DNS server uses, decodes whole packets only and
 * throws at the first byte that is missing; captures are often cut, and the question and the first answers are what
 * counts.
 */
import ipaddr from 'ipaddr.js';

const HEAD_BYTES = 12;
/** Answers looked at. */
const MAX_RECORDS = 64;
/** Longest name, characters in text (RFC 1035, 2.3.4, and every byte escaped). */
const MAX_NAME = 1024;

const TYPES: Readonly<Record<number, string>> = {
  1: 'A',
  2: 'NS',
  5: 'CNAME',
  6: 'SOA',
  12: 'PTR',
  13: 'HINFO',
  15: 'MX',
  16: 'TXT',
  28: 'AAAA',
  33: 'SRV',
  35: 'NAPTR',
  39: 'DNAME',
  43: 'DS',
  46: 'RRSIG',
  47: 'NSEC',
  48: 'DNSKEY',
  52: 'TLSA',
  64: 'SVCB',
  65: 'HTTPS',
  99: 'SPF',
  251: 'IXFR',
  252: 'AXFR',
  255: 'ANY',
  257: 'CAA',
};

const RCODES = [
  'NOERROR',
  'FORMERR',
  'SERVFAIL',
  'NXDOMAIN',
  'NOTIMP',
  'REFUSED',
  'YXDOMAIN',
  'YXRRSET',
  'NXRRSET',
  'NOTAUTH',
  'NOTZONE',
];

export interface DnsAnswers {
  types: string[];
  ips: string[];
  cnames: string[];
  /** Smallest of the answers, seconds; null if there are none. */
  ttl: number | null;
}

export interface DnsHead {
  id: number;
  isAnswer: boolean;
  /** 0 for an ordinary query. */
  opcode: number;
  rcode: number;
  /** Of the question, lower case, with the final dot. */
  name: string;
  type: string;
  answerCount: number;
  /** Where the answers begin. */
  end: number;
}

/** IANA's name of an RCODE, `RCODE11` for one without (RFC 3597's manner). */
export function rcodeName(rcode: number): string {
  return RCODES[rcode] ?? `RCODE${rcode}`;
}

function typeName(type: number): string {
  return TYPES[type] ?? `TYPE${type}`;
}

/** Head and question of a message; null if it is none, or cut before the question's end. */
export function readDnsHead(bytes: Buffer): DnsHead | null {
  if (bytes.length < HEAD_BYTES) return null;
  const flags = bytes.readUInt16BE(2);
  const isAnswer = (flags & 0x8000) !== 0;
  const opcode = (flags >> 11) & 0xf;
  const questions = bytes.readUInt16BE(4);
  // An answer to a query that could not be read may come without a question.
  if (questions > 1 || (questions === 0 && !isAnswer && opcode === 0)) return null;
  const head = { id: bytes.readUInt16BE(0), isAnswer, opcode, rcode: flags & 0xf, answerCount: bytes.readUInt16BE(6) };
  if (questions === 0) return { ...head, name: '.', type: '', end: HEAD_BYTES };
  const name = readName(bytes, HEAD_BYTES);
  if (name === null || name.end + 4 > bytes.length) return null;
  return { ...head, name: name.text.toLowerCase(), type: typeName(bytes.readUInt16BE(name.end)), end: name.end + 4 };
}

/** The answers of a message, as far as they are there. */
export function readDnsAnswers(bytes: Buffer, head: DnsHead): DnsAnswers {
  const answers: DnsAnswers = { types: [], ips: [], cnames: [], ttl: null };
  let at = head.end;
  for (let n = Math.min(head.answerCount, MAX_RECORDS); n > 0; n -= 1) {
    const owner = skipName(bytes, at);
    if (owner < 0 || owner + 10 > bytes.length) break;
    const type = typeName(bytes.readUInt16BE(owner));
    const ttl = bytes.readUInt32BE(owner + 4);
    const data = owner + 10;
    const length = bytes.readUInt16BE(owner + 8);
    if (data + length > bytes.length) break;
    if (type === 'A' && length === 4) answers.ips.push(bytes.subarray(data, data + 4).join('.'));
    else if (type === 'AAAA' && length === 16) {
      answers.ips.push(new ipaddr.IPv6([...bytes.subarray(data, data + 16)]).toRFC5952String());
    } else if (type === 'CNAME') {
      const name = readName(bytes, data);
      if (name !== null) answers.cnames.push(name.text.toLowerCase());
    }
    answers.types.push(type);
    answers.ttl = answers.ttl === null ? ttl : Math.min(answers.ttl, ttl);
    at = data + length;
  }
  return answers;
}

/** End of a name, without following pointers; -1 if it is cut or malformed. */
function skipName(bytes: Buffer, start: number): number {
  let at = start;
  while (at < bytes.length) {
    const length = bytes[at] ?? 0;
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    if (length > 63) return -1;
    at += length + 1;
  }
  return -1;
}

/**
 * A name in text, with the final dot; bytes that are no plain characters as `\DDD` (RFC 1035, 5.1). Each pointer must
 * lead to before the place the name before it began, so there is no loop.
 */
function readName(bytes: Buffer, start: number): { text: string; end: number } | null {
  let text = '';
  let at = start;
  let end = -1;
  let lowest = start;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) return null;
    if (length >= 0xc0) {
      if (at + 1 >= bytes.length) return null;
      const target = ((length & 0x3f) << 8) | (bytes[at + 1] ?? 0);
      if (target >= lowest) return null;
      if (end < 0) end = at + 2;
      lowest = target;
      at = target;
      continue;
    }
    if (length === 0) return { text: text === '' ? '.' : text, end: end < 0 ? at + 1 : end };
    if (length > 63 || at + 1 + length > bytes.length || text.length > MAX_NAME) return null;
    text += `${label(bytes, at + 1, at + 1 + length)}.`;
    at += length + 1;
  }
}

function label(bytes: Buffer, start: number, end: number): string {
  let isPlain = true;
  for (let at = start; at < end; at += 1) if (!isPlainByte(bytes[at] ?? 0)) isPlain = false;
  if (isPlain) return bytes.toString('latin1', start, end);
  let text = '';
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    text += isPlainByte(byte) ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, '0')}`;
  }
  return text;
}

/** Printable ASCII without dot and backslash. */
function isPlainByte(byte: number): boolean {
  return byte > 0x20 && byte < 0x7f && byte !== 0x2e && byte !== 0x5c;
}
