/** `spyglass hub`: arguments and signals of the hub. */
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { pino } from 'pino';
import { EXIT_USAGE, Failure, sentence } from '../base/failure.ts';
import { startHub } from '../hub/hub.ts';
import { parseBytes } from './bytes.ts';
import { type ListenAddress, parseListen } from './listen.ts';
import { type ExportFlags, exportOptions, readExports } from './export-option.ts';
import { type MetricsOptions, metricsOptions } from './metrics-option.ts';
import { type StoreOptions, openChosenStore, storeOptions } from './store-option.ts';
import { ownVersion } from './version.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const DEFAULT_MEMORY = 256 * 1024 * 1024;
const MIN_MEMORY = 1024 * 1024;
/** The process ends by then even if the store will not take what waits. */
const EXIT_MS = 8000;

interface Options extends ExportFlags, StoreOptions, MetricsOptions {
  listen: ListenAddress;
  memory: number;
  grpcListen: ListenAddress | 'off';
  grpcTlsCert?: string;
  grpcTlsKey?: string;
  exitWithParent?: true;
}

export function hubCommand(): Command {
  const command = new Command('hub')
    .description('collect flows from agents and serve the UI and the API')
    .addOption(
      new Option('--listen <host:port>', 'address on this machine; port 0 takes a free one')
        .argParser(parseListen)
        .default({ host: '127.0.0.1', port: 12_000 }, '127.0.0.1:12000'),
    )
    .option(
      '--memory <bytes>',
      'memory for recent flows, such as 64Mi',
      (text) => parseBytes(text, MIN_MEMORY),
      DEFAULT_MEMORY,
    )
    .addOption(
      new Option('--grpc-listen <host:port>', "address of the Hubble API on this machine, or 'off'")
        .argParser((text) => (text === 'off' ? text : parseListen(text)))
        .default({ host: '127.0.0.1', port: 4245 }, '127.0.0.1:4245'),
    )
    .option('--grpc-tls-cert <file>', 'certificate chain of the Hubble API, PEM')
    .option('--grpc-tls-key <file>', 'its key, PEM')
    .option('--exit-with-parent', 'stop when standard input is closed')
    .action(run);
  for (const option of [...metricsOptions(), ...storeOptions(), ...exportOptions()]) command.addOption(option);
  return command;
}

async function run(options: Options, command: Command): Promise<void> {
  const { listen, memory, exitWithParent, grpcListen, metrics, metricsSeries: series } = options;
  const log = pino({ name: 'hub' }, pino.destination({ fd: 2, sync: true }));
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  for (const signal of SIGNALS) process.on(signal, stop);
  if (exitWithParent) process.stdin.on('end', stop).on('error', stop).resume();

  const grpc = grpcListen === 'off' ? null : { ...grpcListen, tls: readTls(options) };
  const exports = readExports(options);
  const history = await openChosenStore(options, command, log, stopping.signal);
  const hub = await startHub({
    ...listen,
    memory,
    version: ownVersion(),
    grpc,
    metrics,
    series,
    log,
    exports,
    history,
  }).catch(async (error: unknown) => {
    await history?.close();
    throw error;
  });
  const hubble = hub.grpcAddress === null ? '' : `, Hubble API on ${hub.grpcAddress}`;
  process.stdout.write(`Spyglass hub on ${hub.url}${hubble}\n`);
  await new Promise<void>((resolve) => {
    if (stopping.signal.aborted) resolve();
    else stopping.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  log.info('stopping');
  setTimeout(() => process.exit(0), EXIT_MS).unref();
  process.stdin.destroy();
  await hub.close();
}

function readTls({ grpcTlsCert: cert, grpcTlsKey: key }: Options): { cert: Buffer; key: Buffer } | null {
  if (cert === undefined && key === undefined) return null;
  if (cert === undefined || key === undefined) {
    throw new Failure('TLS takes both --grpc-tls-cert and --grpc-tls-key; give the other one, too.', {
      exitCode: EXIT_USAGE,
    });
  }
  return { cert: readPem(cert), key: readPem(key) };
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Failure(`The file ${path} cannot be read: ${sentence(error)}.`, { cause: error });
  }
}
