/** Writing to readers that may be slow: waits for room, and gives up on those that never take anything. */
import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** A reader that takes nothing for so long is cut. */
export const PATIENCE_MS = 20_000;

export class SlowReaderError extends Error {
  override readonly name = 'SlowReaderError';
}

/** Writes a chunk; resolves when there is room for the next. Rejects if the reader is too slow, or gone. */
export async function writeTo(stream: Writable, chunk: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (stream.write(chunk)) return;
  const patience = AbortSignal.timeout(PATIENCE_MS);
  try {
    await once(stream, 'drain', { signal: AbortSignal.any([signal, patience]) });
  } catch (error) {
    if (patience.aborted && !signal.aborted) throw new SlowReaderError('the reader took nothing for 20 s');
    throw error;
  }
}
