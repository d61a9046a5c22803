/** Where `spyglass hub` keeps history, and how much of it. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Logger } from 'pino';
import { type OpenStore, openStore } from '../hub/history/open-store.ts';
import { PASSWORD_VARIABLE, type StoreChoice, parseStore, withPassword } from '../hub/history/store-choice.ts';
import { parseBytes } from './bytes.ts';
import { ownVersion } from './version.ts';

const DEFAULT_FOLDER = '/var/lib/spyglass/history';
const HOUR_S = 3600;
const UNITS: Readonly<Record<string, number>> = { h: HOUR_S, d: 24 * HOUR_S };
const LEAST_BYTES = 64 * 1024 ** 2;

export interface StoreOptions {
  store: StoreChoice;
  storePasswordFile?: string;
  /** s */
  storeRetention: number;
  storeBytes: number;
}

export function storeOptions(): Option[] {
  return [
    new Option('--store <place>', 'history: chdb:DIR, clickhouse://user@host:port/db or memory')
      .argParser(parseStore)
      .default(parseStore(`chdb:${DEFAULT_FOLDER}`), `chdb:${DEFAULT_FOLDER}`),
    new Option('--store-password-file <file>', `password of clickhouse://; or in the variable ${PASSWORD_VARIABLE}`),
    new Option('--store-retention <time>', 'history older than this is dropped, such as 36h or 7d')
      .argParser(parseAge)
      .default(parseAge('7d'), '7d'),
    new Option('--store-bytes <bytes>', 'the oldest history is dropped beyond this, such as 20Gi')
      .argParser((text) => parseBytes(text, LEAST_BYTES))
      .default(parseBytes('20Gi', LEAST_BYTES), '20Gi'),
  ];
}

/** Null for memory only. Throws a Failure if the store cannot be had, or is not told well, or `signal` came. */
export async function openChosenStore(
  options: StoreOptions,
  command: Command,
  log: Logger,
  signal: AbortSignal,
): Promise<OpenStore | null> {
  const { store, storePasswordFile: file, storeRetention: maxAgeS, storeBytes: maxBytes } = options;
  const choice = withPassword(store, { file, variable: process.env[PASSWORD_VARIABLE] });
  const isAsked = command.getOptionValueSource('store') !== 'default';
  return openStore(choice, { limits: { maxAgeS, maxBytes }, isAsked, version: ownVersion(), log, signal });
}

/** Reads `36h` and `7d`, as seconds. */
function parseAge(text: string): number {
  const match = /^(\d{1,5})(h|d)$/.exec(text);
  const seconds = Number(match?.[1]) * (UNITS[match?.[2] ?? ''] ?? NaN);
  if (seconds >= HOUR_S) return seconds;
  throw new InvalidArgumentError('It must be hours or days, at least 1h, such as 36h or 7d.');
}
