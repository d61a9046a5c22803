/** Feeds parsers with streams as captures come: cut anywhere, with parts left out. */
import type { Parser } from '../parser.ts';
import type { Piece } from './tap.ts';

/** Nanoseconds between two pieces. */
export const STEP_NS = 1000;

/** Feeds every piece as it is. */
export function feed(parser: Parser, pieces: readonly Piece[]): void {
  for (const [i, { fromClient, bytes }] of pieces.entries()) parser.data(fromClient, bytes, i * STEP_NS);
}

/** The same bytes in parts of `most` bytes at most, by `below` (a source of numbers). */
export function cut(pieces: readonly Piece[], most: number, below: (bound: number) => number): Piece[] {
  const parts: Piece[] = [];
  for (const { fromClient, bytes } of pieces) {
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + 1 + below(most));
      parts.push({ fromClient, bytes: bytes.subarray(at, end) });
      at = end;
    }
  }
  return parts;
}

/** As the kernel captures turns: the first `window` bytes of what a side sends before the other speaks; the rest is skipped. */
export function feedTurns(parser: Parser, pieces: readonly Piece[], window: number): void {
  let isClient: boolean | undefined;
  let left = 0;
  const skipped = { client: 0, server: 0 };
  for (const [i, { fromClient, bytes }] of pieces.entries()) {
    const side = fromClient ? 'client' : 'server';
    if (fromClient !== isClient) left = window;
    isClient = fromClient;
    const taken = Math.min(left, bytes.length);
    left -= taken;
    if (taken > 0) {
      if (skipped[side] > 0) parser.skip(fromClient, skipped[side]);
      skipped[side] = 0;
      parser.data(fromClient, bytes.subarray(0, taken), i * STEP_NS);
    }
    skipped[side] += bytes.length - taken;
  }
  if (skipped.client > 0) parser.skip(true, skipped.client);
  if (skipped.server > 0) parser.skip(false, skipped.server);
}
