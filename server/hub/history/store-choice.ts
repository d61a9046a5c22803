/** The option --store: where history is kept, in words. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { EXIT_USAGE, Failure, sentence } from '../../base/failure.ts';
import type { StorePlace } from './clickhouse.ts';

export type StoreChoice =
  | { kind: 'memory' }
  | { kind: 'chdb'; folder: string }
  | { kind: 'clickhouse'; server: StorePlace; cluster: string | null };

/** For a password that no list of processes shows. */
export const PASSWORD_VARIABLE = 'SPYGLASS_STORE_PASSWORD';

const FORMS =
  'memory, chdb:DIR or clickhouse://user@host:port/db (clickhouses:// with TLS, ?cluster=NAME for a cluster)';
const DEFAULT_DATABASE = 'spyglass';
const PORTS = { 'clickhouse:': 8123, 'clickhouses:': 8443 };

/** Throws a usage Failure, which does not repeat what it was given: that may hold a password. */
export function parseStore(text: string): StoreChoice {
  if (text === 'memory') return { kind: 'memory' };
  if (/^chdb:./.test(text)) return { kind: 'chdb', folder: resolve(text.slice('chdb:'.length)) };
  const scheme = /^clickhouses?:(?=\/\/)/.exec(text)?.[0];
  if (scheme !== 'clickhouse:' && scheme !== 'clickhouses:') throw usage(`it has to be ${FORMS}`);
  return parseServer(text, scheme);
}

function parseServer(text: string, scheme: keyof typeof PORTS): StoreChoice {
  // As of a scheme that the URL standard knows, so that host and port are checked.
  const url = tryUrl(text.replace(scheme, 'http:'));
  if (url === null)
    throw usage('the address cannot be read; what is special in a password is written as in URLs, "@" as %40');
  const port = url.port === '' && !/:80(\/|\?|$)/.test(text) ? PORTS[scheme] : Number(url.port || 80);
  const database = decode(url.pathname.slice(1)) || DEFAULT_DATABASE;
  if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(database))
    throw usage('the name of the database has letters, digits, "_" and "-"');
  const { cluster = null, ...others } = Object.fromEntries(url.searchParams);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw usage(`there is only ?cluster=NAME, no "${unknown}"`);
  if (cluster === '') throw usage('?cluster= needs the name of a cluster');
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const at = { host, port, tls: scheme === 'clickhouses:' };
  const name = `ClickHouse at ${url.hostname}:${port}`;
  const server = { name, at, database, user: decode(url.username), password: decode(url.password) };
  return { kind: 'clickhouse', server, cluster };
}

/** The choice with a password that is not part of it. Throws a Failure if there are two, or the file cannot be read. */
export function withPassword(
  choice: StoreChoice,
  { file, variable }: { file?: string | undefined; variable?: string | undefined },
): StoreChoice {
  if (choice.kind !== 'clickhouse') {
    if (file !== undefined) throw usage('--store-password-file is for clickhouse:// only');
    return choice;
  }
  const given = [choice.server.password, variable ?? '', file === undefined ? '' : readPassword(file)];
  const [password = '', second] = given.filter((it) => it !== '');
  if (second !== undefined) {
    throw usage(
      `its password comes from more than one place; leave it to one of the address, --store-password-file and ${PASSWORD_VARIABLE}`,
    );
  }
  return { ...choice, server: { ...choice.server, password } };
}

function readPassword(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new Failure(`The file of --store-password-file cannot be read: ${sentence(error)}.`, { cause: error });
  }
}

function tryUrl(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw usage('a "%" in it is written as %25');
  }
}

const usage = (why: string): Failure => new Failure(`--store: ${why}.`, { exitCode: EXIT_USAGE });
