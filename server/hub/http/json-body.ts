/** Bodies of requests: JSON of a bounded size. */
import type { IncomingMessage } from 'node:http';
import { Problem } from './problem.ts';

const MAX_BODY = 64 * 1024;

/** The value of the body. Throws a Problem unless it is JSON, declared as such. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  // A page of another origin can send other types without asking first.
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new Problem(415, 'The body must be JSON, with the Content-Type application/json.');
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY) throw new Problem(413, `The body is larger than ${MAX_BODY} bytes.`, { Connection: 'close' });
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new Problem(400, 'The body is not JSON.');
  }
}
