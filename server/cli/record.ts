/** `spyglass record FILE`: what the agents of a hub send, kept in a file. */
import { Command, InvalidArgumentError } from 'commander';
import { parseDuration } from '../flows/timestamp.ts';
import type { HubCredentials } from '../recording/hub-credentials.ts';
import { record } from '../recording/recorder.ts';
import { connectOptions } from '../agent/hub-security.ts';
import { askHub, DEFAULT_HUB } from './hub-client.ts';
import { byteText } from './byte-text.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Longest recording that can be asked for by its length: timers count 31 bits of milliseconds. */
const MAX_FOR_MS = 2 ** 31 - 1;

interface Options {
  hub: string;
  tokenFile?: string;
  ca?: string;
  /** Milliseconds. */
  for?: number;
}

export function recordCommand(): Command {
  return new Command('record')
    .description('record what the agents of a hub send, until Ctrl-C')
    .argument('<file>', 'file to make')
    .option('--hub <url>', 'URL of the hub', DEFAULT_HUB)
    .option('--token-file <file>', 'file with a token that may see all namespaces')
    .option('--ca <file>', "certificates that are trusted in place of the system's, PEM")
    .option('--for <duration>', 'stop after so long, such as 5m', parseFor)
    .action(async (path: string, options: Options) => {
      const stopping = new AbortController();
      for (const signal of SIGNALS) process.on(signal, () => stopping.abort());
      const { hub, tokenFile, ca } = options;
      await askHub(
        { server: hub, ...(tokenFile !== undefined && { tokenFile }), ...(ca !== undefined && { ca }) },
        '/api/v1/status',
      );
      const connect = (): HubCredentials => connectOptions({ tokenFile, caFile: ca });
      if (options.for !== undefined) setTimeout(() => stopping.abort(), options.for).unref();
      process.stdout.write(`recording to ${path}, Ctrl-C stops\n`);
      const began = Date.now();
      const warn = (line: string): void => void process.stderr.write(`! ${line}\n`);
      const { frames, agents, gaps, bytes } = await record({ hub, path, connect, warn, signal: stopping.signal });
      const seconds = ((Date.now() - began) / 1000).toFixed(1);
      const gapText = gaps === 0 ? 'no gap' : `${gaps} gaps`;
      process.stdout.write(
        `${path}: ${byteText(bytes)}, ${frames} messages in ${seconds} s, ${agents} connections of agents, ${gapText}\n`,
      );
    });
}

function parseFor(text: string): number {
  const ms = Number(parseDuration(text) ?? 0n) / 1e6;
  if (ms >= 1 && ms <= MAX_FOR_MS) return ms;
  throw new InvalidArgumentError('It must be a duration up to 24 days, such as 30s or 5m.');
}
