/** Requests to a hub, for the verbs that ask one. Every error is one sentence for the person at the terminal. */
import { EXIT_FAILURE, EXIT_USAGE, Failure, sentence } from '../base/failure.ts';

export const DEFAULT_HUB = 'http://127.0.0.1:12000';

/** The answer to GET `path` (query included) at `server`. Throws a Failure unless it is a success. */
export async function askHub(server: string, path: string, signal?: AbortSignal): Promise<Response> {
  let url: URL;
  try {
    url = new URL(path, server);
  } catch {
    throw new Failure(`"${server}" is no URL of a hub; use one like ${DEFAULT_HUB}.`, { exitCode: 2 });
  }
  let response: Response;
  try {
    response = await fetch(url, signal === undefined ? {} : { signal });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw new Failure(
      `No hub answers at ${url.origin} (${sentence(cause)}); start one with "spyglass up" or "spyglass hub".`,
      {
        cause: error,
      },
    );
  }
  if (response.ok) return response;
  throw new Failure(`The hub at ${url.origin} answered ${response.status}: ${await detailOf(response)}`, {
    exitCode: response.status === 400 ? EXIT_USAGE : EXIT_FAILURE,
  });
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
