/**
 * The deny list: prefixes whose packets are dropped where they come in from the world. A file with one prefix or
 * address a line, `#` begins a comment; it is followed while the agent runs.
 */
import { readFileSync, statSync } from 'node:fs';
import { Failure, sentence } from '../base/failure.ts';
import { indexIn, parseCidr } from '../cluster/cidr.ts';
import { IPCACHE_KEY } from '../kernel/layouts.gen.ts';
import { parseAddress } from '../wire/address.ts';
import { packStruct } from '../wire/struct.ts';

/** As many as the kernel's map holds. */
export const MAX_DENIED = 65_536;
const MAX_FILE_BYTES = 8 * 1024 * 1024;
const IPV4_BITS = 96;

/** Keys of the map `denied` for the file's prefixes. @throws Failure that names the line; then none of it holds. */
export function readDenyList(path: string): Buffer[] {
  let text: string;
  try {
    if (statSync(path).size > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Failure(`The deny list ${path} cannot be read: ${sentence(error)}.`);
  }
  return parseDenyList(text, path);
}

/** `name` goes into messages. @throws Failure that names the line. */
export function parseDenyList(text: string, name: string): Buffer[] {
  const keys = new Map<string, Buffer>();
  for (const [index, line] of text.split('\n').entries()) {
    const entry = line.replace(/#.*$/, '').trim();
    if (entry === '') continue;
    const key = prefixKey(entry);
    if (key === undefined) {
      throw new Failure(
        `${name} line ${index + 1}: "${entry.slice(0, 100)}" is neither an address nor a prefix such as 203.0.113.0/24; the former deny list stays in force.`,
      );
    }
    keys.set(key.toString('hex'), key);
  }
  if (keys.size > MAX_DENIED) {
    throw new Failure(`${name} has ${keys.size} prefixes, ${MAX_DENIED} fit; the former deny list stays in force.`);
  }
  return [...keys.values()];
}

function prefixKey(entry: string): Buffer | undefined {
  const [address = '', bits] = entry.split('/');
  const bytes = parseAddress(address);
  if (bytes === null) return undefined;
  const isV4 = !address.includes(':');
  try {
    const cidr = parseCidr(bits === undefined ? `${address}/${isV4 ? 32 : 128}` : entry);
    // Host bits would make a prefix that never matches.
    if (indexIn(cidr, address) !== 0n) return undefined;
  } catch {
    return undefined;
  }
  const length = bits === undefined ? (isV4 ? 32 : 128) : Number(bits);
  return packStruct(IPCACHE_KEY, { prefix_length: isV4 ? IPV4_BITS + length : length, address: bytes });
}
