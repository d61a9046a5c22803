/** `spyglass hub`: arguments and signals of the hub. */
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { pino } from 'pino';
import { EXIT_USAGE, Failure } from '../base/failure.ts';
import { isLoopback } from '../base/loopback.ts';
import type { ExportOptions } from '../hub/exports/exports.ts';
import { startHub } from '../hub/hub.ts';
import { DEFAULT_METRICS, type MetricConfig, MetricsError, parseMetrics } from '../hub/metrics/config.ts';
import { DEFAULT_SERIES } from '../hub/metrics/series-budget.ts';
import { parseBytes } from './bytes.ts';
import { type AccessFlags, addAccessOptions, readAccess, readTls } from './hub-access.ts';
import { type ListenAddress, parseListen } from './listen.ts';
import { type StoreOptions, openChosenStore, storeOptions } from './store-option.ts';
import { ownVersion } from './version.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const DEFAULT_MEMORY = 256 * 1024 * 1024;
/** The metrics of the hub itself have room in it. */
const MIN_SERIES = 1000;
const MIN_MEMORY = 1024 * 1024;
/** The process ends by then even if the store will not take what waits. */
const EXIT_MS = 8000;

interface Options extends AccessFlags, StoreOptions {
  listen: ListenAddress;
  memory: number;
  metrics: readonly MetricConfig[];
  metricsSeries: number;
  grpcListen: ListenAddress | 'off';
  exportDir?: string;
  exportEndpoint: string[];
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
      new Option(
        '--metrics <list>',
        "Hubble's metrics in its words, such as 'drop flow:sourceContext=workload dns:query'",
      )
        .argParser(metricList)
        .default(parseMetrics(DEFAULT_METRICS), DEFAULT_METRICS),
    )
    .option(
      '--metrics-series <count>',
      'time series of all metrics at most; further ones are `other`',
      series,
      DEFAULT_SERIES,
    )
    .addOption(
      new Option('--grpc-listen <host:port>', "address of the Hubble API on this machine, or 'off'")
        .argParser((text) => (text === 'off' ? text : parseListen(text)))
        .default({ host: '127.0.0.1', port: 4245 }, '127.0.0.1:4245'),
    )
    .option('--export-dir <folder>', 'folder that exports may write files to; without it there are no exports')
    .option('--export-endpoint <url>', 'OTLP logs endpoint that exports may send to; may be repeated', collectUrl, [])
    .option('--exit-with-parent', 'stop when standard input is closed')
    .action(run);
  for (const option of storeOptions()) command.addOption(option);
  return addAccessOptions(command);
}

async function run(options: Options, command: Command): Promise<void> {
  const { listen, memory, exitWithParent, grpcListen, metrics, metricsSeries } = options;
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
  const exports = exportsOf(options);
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
    series: metricsSeries,
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

function exportsOf({ exportDir, exportEndpoint: endpoints }: Options): ExportOptions | undefined {
  if (exportDir !== undefined) return { folder: resolve(exportDir), endpoints };
  if (endpoints.length === 0) return undefined;
  throw new Failure('--export-endpoint takes --export-dir, too: what is known of exports is kept there.', {
    exitCode: EXIT_USAGE,
  });
}

function collectUrl(value: string, previous: string[]): string[] {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return [...previous, value];
  throw new InvalidArgumentError('It must be a URL, such as https://collector:4318/v1/logs.');
}

function metricList(text: string): MetricConfig[] {
  try {
    return parseMetrics(text);
  } catch (error) {
    if (error instanceof MetricsError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

function series(text: string): number {
  const count = /^\d{1,8}$/.test(text) ? Number(text) : 0;
  if (count < MIN_SERIES) throw new InvalidArgumentError(`It must be a whole number, at least ${MIN_SERIES}.`);
  return count;
}
