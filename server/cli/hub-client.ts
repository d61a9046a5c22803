/** Requests to a hub, for the verbs that ask one. Every error is one sentence for the person at the terminal. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { Command } from 'commander';
import { EXIT_FAILURE, EXIT_USAGE, Failure, sentence } from '../base/failure.ts';
import { readSecret } from '../base/secret-file.ts';

export const DEFAULT_HUB = 'http://127.0.0.1:12000';

/** Which hub, and how to prove who asks. */
export interface HubPlace {
  server: string;
  tokenFile?: string;
  ca?: string;
}

export function addHubOptions(command: Command): Command {
  return command
    .option('--server <url>', 'URL of the hub', DEFAULT_HUB)
    .option('--token-file <file>', 'file with a token that the hub knows')
    .option('--ca <file>', "certificates that are trusted in place of the system's, PEM");
}

/** The answer to GET `path` (query included). Throws a Failure unless it is a success. */
export async function askHub(place: HubPlace, path: string, signal?: AbortSignal): Promise<Response> {
  let url: URL;
  try {
    url = new URL(path, place.server);
  } catch {
    throw new Failure(`"${place.server}" is no URL of a hub; use one like ${DEFAULT_HUB}.`, { exitCode: EXIT_USAGE });
  }
  const headers = place.tokenFile === undefined ? {} : { Authorization: `Bearer ${readSecret(place.tokenFile)}` };
  const ca = place.ca === undefined ? undefined : readCa(place.ca);
  let response: Response;
  try {
    response = await get(url, headers, ca, signal);
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new Failure(
      `No hub answers at ${url.origin} (${sentence(error)}); start one with "spyglass up" or "spyglass hub".`,
      { cause: error },
    );
  }
  if (response.ok) return response;
  const hint = response.status === 401 && place.tokenFile === undefined ? ' Give a token with --token-file.' : '';
  throw new Failure(`The hub at ${url.origin} answered ${response.status}: ${await detailOf(response)}${hint}`, {
    exitCode: response.status === 400 ? EXIT_USAGE : EXIT_FAILURE,
  });
}

/** Like fetch, which cannot be told whom to trust. */
async function get(
  url: URL,
  headers: Record<string, string>,
  ca: Buffer | undefined,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const options = { headers, ...(signal !== undefined && { signal }) };
  const asked =
    url.protocol === 'https:'
      ? tlsRequest(url, { ...options, ...(ca !== undefined && { ca }) })
      : request(url, options);
  asked.end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  const body = Readable.toWeb(answer) as ReadableStream<Uint8Array>;
  return new Response(body as ConstructorParameters<typeof Response>[0], {
    status: answer.statusCode ?? 0,
    statusText: answer.statusMessage ?? '',
  });
}

function readCa(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Failure(`The certificates in ${path} cannot be read: ${sentence(error)}.`, { cause: error });
  }
}

async function detailOf(response: Response): Promise<string> {
  try {
    const body: unknown = await response.json();
    if (typeof body === 'object' && body !== null && 'detail' in body && typeof body.detail === 'string')
      return body.detail;
  } catch {
    // Not from a hub, then: its status is all there is to say.
  }
  return response.statusText;
}
