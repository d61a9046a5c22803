/** Plays recorded connections to a parser, as the kernel would capture them. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Parser } from '../parser.ts';

/** Bytes that one side wrote. */
export interface Write {
  fromClient: boolean;
  bytes: Buffer;
}

/** The connections of testing/NAME.hex. */
export function recording(name: string): Write[][] {
  const connections: Write[][] = [[]];
  const path = fileURLToPath(new URL(`${name}.hex`, import.meta.url));
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line === '-') connections.push([]);
    if (!line.startsWith('C ') && !line.startsWith('S ')) continue;
    connections.at(-1)?.push({ fromClient: line.startsWith('C'), bytes: Buffer.from(line.slice(2), 'hex') });
  }
  return connections;
}

/** What writes become when only the first `window` bytes of each turn are captured: bytes, or a length to skip. */
export interface Piece {
  fromClient: boolean;
  bytes: Buffer | number;
}

/** As the kernel has it, what was left out shows with the next bytes of its direction. */
export function windowed(writes: readonly Write[], window: number): Piece[] {
  const pieces: Piece[] = [];
  const skipped = new Map([
    [true, 0],
    [false, 0],
  ]);
  let last: boolean | null = null;
  let left = 0;
  for (const { fromClient, bytes } of writes) {
    if (fromClient !== last) left = window;
    last = fromClient;
    const captured = bytes.subarray(0, left);
    left -= captured.length;
    if (captured.length > 0) {
      const length = skipped.get(fromClient) ?? 0;
      if (length > 0) pieces.push({ fromClient, bytes: length });
      skipped.set(fromClient, 0);
      pieces.push({ fromClient, bytes: captured });
    }
    skipped.set(fromClient, (skipped.get(fromClient) ?? 0) + bytes.length - captured.length);
  }
  return pieces;
}

/** Bytes of `pieces`, cut into pieces of `size` bytes. */
export function cut(pieces: readonly Piece[], size: number): Piece[] {
  return pieces.flatMap(({ fromClient, bytes }) => {
    if (typeof bytes === 'number') return [{ fromClient, bytes }];
    const parts: Piece[] = [];
    for (let at = 0; at < bytes.length; at += size) parts.push({ fromClient, bytes: bytes.subarray(at, at + size) });
    return parts;
  });
}

/** One millisecond passes from piece to piece. The bytes are overwritten after each call, as those of a ring are. */
export function play(parser: Parser, pieces: readonly Piece[]): void {
  for (const [index, { fromClient, bytes }] of pieces.entries()) {
    if (typeof bytes === 'number') {
      parser.skip(fromClient, bytes);
      continue;
    }
    const ring = Buffer.from(bytes);
    parser.data(fromClient, ring, index * 1e6);
    ring.fill(0xaa);
  }
}
