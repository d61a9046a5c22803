/** ClickHouse's exceptions as sentences for people: what failed, why, what to do. */
import { StoreError, type StoreProblem } from './sql-engine.ts';

/**
 * Numbers of ClickHouse's errors that are not the fault of the request (src/Common/ErrorCodes.cpp). 74 to 76 and 1001
 * are what the file system says of a file.
 */
const PROBLEMS: Readonly<Record<number, StoreProblem>> = {
  243: 'full',
  159: 'timeout',
  209: 'unreachable',
  210: 'unreachable',
  279: 'unreachable',
  999: 'unreachable',
  74: 'busy',
  75: 'busy',
  76: 'busy',
  1001: 'busy',
  202: 'busy',
  241: 'busy',
  242: 'busy',
  252: 'busy',
  319: 'busy',
  394: 'aborted',
  192: 'denied',
  193: 'denied',
  194: 'denied',
  497: 'denied',
  516: 'denied',
};

/** What the file system says when there is no room: ENOSPC, EDQUOT, EROFS. */
const NO_ROOM = /No space left on device|Disk quota exceeded|Read-only file system|NOT_ENOUGH_SPACE/i;

const ADVICE: Readonly<Partial<Record<StoreProblem, string>>> = {
  busy: 'the same may work later',
  timeout: 'ask for a shorter time',
  denied: 'check user and password of --store and what the user may do',
};

/** `Code: 60. DB::Exception: Unknown table ... (UNKNOWN_TABLE) (version ...)`, as ClickHouse writes it anywhere. */
const EXCEPTION = /Code: (\d+)\. DB::Exception: ([\s\S]*)/;
const MAX_WORDS = 600;

/** The exception that `text` holds (the last one, if it wraps others), null if it holds none. */
export function readException(text: string): { code: number; words: string } | null {
  let found: { code: number; words: string } | null = null;
  for (let rest = text; ;) {
    const match = EXCEPTION.exec(rest);
    if (match === null) return found;
    rest = match[2] ?? '';
    found = { code: Number(match[1]), words: tidy(rest) };
  }
}

/** `where` names the store without its password. `code` as the header says it, if it did. */
export function storeError(where: string, text: string, code?: number): StoreError {
  const exception = readException(text);
  const number = exception?.code ?? code;
  const words = exception?.words ?? tidy(text);
  const problem = NO_ROOM.test(words) ? 'full' : (PROBLEMS[number ?? 0] ?? 'rejected');
  const details = number === undefined ? {} : { code: number };
  if (problem === 'full') {
    const todo = 'make room there, or keep less (--store-bytes, --store-retention)';
    return new StoreError(problem, `${where} has no room left on its disk; ${todo}.`, details);
  }
  const advice = ADVICE[problem];
  const why = words === '' ? 'it gives no reason' : words;
  const message = `${where} refused: ${why}${advice === undefined ? '.' : `; ${advice}.`}`;
  return new StoreError(problem, message, details);
}

/** One line, without version and marks of the transport. */
function tidy(words: string): string {
  const line = words
    .replace(/\(version [^)]*\)?\)?[\s\S]*$/, '')
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .replace(/\.+$/, '');
  return line.length > MAX_WORDS ? `${line.slice(0, MAX_WORDS)}...` : line;
}
