/** `spyglass observe`: flows of a hub on the terminal, as `hubble observe` prints them. */
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { Command, InvalidArgumentError, Option } from 'commander';
import { Failure, hasCode } from '../base/failure.ts';
import { FILTER_NAMES } from '../flows/filter.ts';
import { flowLine } from '../flows/flow-text.ts';
import type { GetFlowsResponse } from '../wire/hubble.ts';
import { addHubOptions, askHub, type HubPlace } from './hub-client.ts';

const OUTPUTS = ['compact', 'json'] as const;
const REQUEST_OPTIONS = ['first', 'last', 'since', 'until'] as const;

export function observeCommand(): Command {
  const command = addHubOptions(new Command('observe'))
    .description('print flows from a hub')
    .addOption(new Option('-o, --output <format>', 'lines of text, or of JSON').choices(OUTPUTS).default('compact'))
    .option('-f, --follow', 'go on with new flows as they come')
    .option('--last <number>', 'the newest flows (20 if nothing else is asked for)')
    .option('--first <number>', 'the oldest flows')
    .option('--since <time>', 'flows since a time (RFC 3339), or since so long ago (5m)')
    .option('--until <time>', 'flows until then')
    .option('--not <name=value>', 'leave out what a filter selects, such as --not pod=shop/web', collectNot, []);
  for (const name of FILTER_NAMES) {
    command.option(`--${name} <value>`, 'filter; may be repeated', collect, []);
  }
  return command.action(async (_options: unknown, self: Command) => observe(self));
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}

function collectNot(value: string, previous: string[]): string[] {
  const name = value.split('=', 1)[0] ?? '';
  if (!value.includes('=') || !FILTER_NAMES.includes(name)) {
    throw new InvalidArgumentError(`It must be NAME=VALUE, with one of the names ${FILTER_NAMES.join(', ')}.`);
  }
  return [...previous, value];
}

/** The query string for the options as they were given. */
export function observeQuery(command: Command): string {
  const query = new URLSearchParams();
  for (const name of REQUEST_OPTIONS) {
    const value: unknown = command.getOptionValue(name);
    if (typeof value === 'string') query.append(name, value);
  }
  if (command.getOptionValue('follow') === true) query.append('follow', 'true');
  for (const name of FILTER_NAMES) {
    for (const value of command.getOptionValue(camelCase(name)) as string[]) query.append(name, value);
  }
  for (const pair of command.getOptionValue('not') as string[]) {
    const at = pair.indexOf('=');
    query.append(`not.${pair.slice(0, at)}`, pair.slice(at + 1));
  }
  return query.toString();
}

/** Commander keeps `--from-pod` as `fromPod`. */
function camelCase(name: string): string {
  return name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

async function observe(command: Command): Promise<void> {
  const isJson = command.getOptionValue('output') === 'json';
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort());
  // `spyglass observe -f | head` ends when head does.
  process.stdout.on('error', (error) => {
    if (!hasCode(error, 'EPIPE')) throw error;
    stopping.abort();
  });
  try {
    const { body } = await askHub(command.opts<HubPlace>(), `/api/v1/flows?${observeQuery(command)}`, stopping.signal);
    if (body === null) return;
    const lines = createInterface({ input: Readable.fromWeb(body as ReadableStream), crlfDelay: Infinity });
    for await (const line of lines) {
      if (line === '') continue;
      await print(isJson ? line : flowLine(JSON.parse(line) as GetFlowsResponse));
    }
  } catch (error) {
    if (!stopping.signal.aborted) throw hasCode(error, 'ECONNRESET') ? brokenOff(error) : error;
  }
}

function brokenOff(cause: unknown): Failure {
  return new Failure(
    'The hub broke off the answer: it has stopped, its reader was too slow, or the token is not good any more; try again.',
    { cause },
  );
}

async function print(line: string): Promise<void> {
  if (process.stdout.write(`${line}\n`)) return;
  await new Promise<void>((resolve) => {
    process.stdout.once('drain', resolve).once('error', () => resolve());
  });
}
