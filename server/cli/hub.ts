/** `spyglass hub`: arguments and signals of the hub. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { pino } from 'pino';
import { startHub } from '../hub/hub.ts';
import { type ListenAddress, parseListen } from './listen.ts';
import { ownVersion } from './version.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const DEFAULT_MEMORY = 256 * 1024 * 1024;
const MIN_MEMORY = 1024 * 1024;
const UNITS: Readonly<Record<string, number>> = { '': 1, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 };
/** The process ends by then even if a connection will not. */
const EXIT_MS = 2000;

interface Options {
  listen: ListenAddress;
  memory: number;
  exitWithParent?: true;
}

export function hubCommand(): Command {
  return new Command('hub')
    .description('collect flows from agents and serve the UI and the API')
    .addOption(
      new Option('--listen <host:port>', 'address on this machine; port 0 takes a free one')
        .argParser(parseListen)
        .default({ host: '127.0.0.1', port: 12_000 }, '127.0.0.1:12000'),
    )
    .option('--memory <bytes>', 'memory for recent flows, such as 64Mi', parseMemory, DEFAULT_MEMORY)
    .option('--exit-with-parent', 'stop when standard input is closed')
    .action(run);
}

async function run({ listen, memory, exitWithParent }: Options): Promise<void> {
  const log = pino({ name: 'hub' }, pino.destination({ fd: 2, sync: true }));
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  for (const signal of SIGNALS) process.on(signal, stop);
  if (exitWithParent) process.stdin.on('end', stop).on('error', stop).resume();

  const hub = await startHub({ ...listen, memory, version: ownVersion(), log });
  process.stdout.write(`Spyglass hub on ${hub.url}\n`);
  await new Promise<void>((resolve) => {
    if (stopping.signal.aborted) resolve();
    else stopping.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  log.info('stopping');
  setTimeout(() => process.exit(0), EXIT_MS).unref();
  process.stdin.destroy();
  await hub.close();
}

/** Reads `268435456`, `256Mi`, `1Gi`. */
export function parseMemory(text: string): number {
  const match = /^(\d{1,15})(|Ki|Mi|Gi)$/.exec(text);
  const bytes = Number(match?.[1]) * (UNITS[match?.[2] ?? ''] ?? NaN);
  if (!(bytes >= MIN_MEMORY && bytes <= Number.MAX_SAFE_INTEGER)) {
    throw new InvalidArgumentError('It must be bytes, at least 1 MiB, such as 268435456 or 256Mi.');
  }
  return bytes;
}
