/** `spyglass up DIR`: arguments and signals of the standalone node. */
import { Command, InvalidArgumentError } from 'commander';
import { l7BytesOption } from './l7-bytes.ts';
import { terminalProgress } from '../standalone/progress.ts';
import type { UpOptions } from '../standalone/node-run.ts';
import { up } from '../standalone/up.ts';
import { ownVersion } from './version.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function upCommand(): Command {
  return new Command('up')
    .description('run a folder of Kubernetes manifests on this machine, with datapath, agent, hub and UI')
    .argument('<folder>', 'folder with .yaml files')
    .option('--node <name>', 'name of the node; several can run side by side', 'demo-1')
    .option('--port <number>', 'port of the UI and API on 127.0.0.1', parsePort, 12_000)
    .option('--grpc-port <number>', 'port of the Hubble API on 127.0.0.1; 0 for none', parseGrpcPort, 4245)
    .addOption(l7BytesOption())
    .action(async (folder: string, options: Omit<UpOptions, 'folder' | 'version'>) => {
      const stopping = new AbortController();
      for (const signal of SIGNALS) process.on(signal, () => stopping.abort());
      // A terminal that is gone must not keep us from removing what we made.
      for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
      await up({ folder, ...options, version: ownVersion() }, terminalProgress(), stopping.signal);
    });
}

function parseGrpcPort(text: string): number {
  return text === '0' ? 0 : parsePort(text);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new InvalidArgumentError('It must be a number from 1 to 65535.');
}
