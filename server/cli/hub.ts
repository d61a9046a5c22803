/** `spyglass hub`: arguments and signals of the hub. */
import { Command, Option } from 'commander';
import { pino } from 'pino';
import { isLoopback } from '../base/loopback.ts';
import { startHub } from '../hub/hub.ts';
import { parseBytes } from './bytes.ts';
import { type AccessFlags, accessOptions, readAccess, readTls } from './hub-access.ts';
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

interface Options extends AccessFlags, ExportFlags, MetricsOptions, StoreOptions {
  listen: ListenAddress;
  memory: number;
  grpcListen: ListenAddress | 'off';
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
    .option('--exit-with-parent', 'stop when standard input is closed')
    .action(run);
  for (const option of [...metricsOptions(), ...storeOptions(), ...accessOptions(), ...exportOptions()])
    command.addOption(option);
  return command;
}

async function run(options: Options, command: Command): Promise<void> {
  const { listen, memory, exitWithParent, grpcListen, metrics, metricsSeries: series } = options;
  const log = pino({ name: 'hub' }, pino.destination({ fd: 2, sync: true }));
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  for (const signal of SIGNALS) process.on(signal, stop);
  if (exitWithParent) process.stdin.on('end', stop).on('error', stop).resume();

  const grpc = grpcListen === 'off' ? null : grpcListen;
  const access = await readAccess(options, log);
  const tls = readTls(options, log);
  if (tls === undefined && !isLoopback(listen.host) && options.auth !== 'none') {
    log.warn('tokens travel in clear text; give --tls-cert and --tls-key, or let a proxy in front end TLS');
  }
  const exports = readExports(options);
  const history = await openChosenStore(options, command, log, stopping.signal);
  const hub = await startHub({
    ...listen,
    memory,
    version: ownVersion(),
    grpc,
    access,
    ...(tls !== undefined && { tls }),
    allowedHosts: options.allowedHost,
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
  tls?.stop();
}
