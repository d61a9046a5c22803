/** Reads recordings. Whatever a file holds, no more than a block of it is in memory, and what is wrong with it is said. */
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { brotliDecompress, crc32 } from 'node:zlib';
import { Failure, sentence } from '../base/failure.ts';
import { type Frame, readFrame } from '../wire/stream.ts';
import { BLOCK_HEADER, checkFileHeader, FILE_HEADER, readBlockHeader } from './format.ts';

const unpack = promisify(brotliDecompress);

/** How a recording ends: as it should, or because its recorder was stopped in the middle of a block. */
export type RecordingEnd = 'finished' | 'cut';

/**
 * The frames of a recording in their order; returns how it ends. A frame's body is valid until the next but one block is
 * read. Throws a Failure if the file cannot be read, is no recording, or is damaged.
 */
export async function* readRecording(path: string): AsyncGenerator<Frame, RecordingEnd> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    throw new Failure(`cannot read ${path}: ${sentence(error)}`, { cause: error });
  }
  try {
    let at = FILE_HEADER;
    checkFileHeader(await read(file, 0, FILE_HEADER, path), path);
    for (;;) {
      const damaged = `${path} is damaged at byte ${at}`;
      const head = await read(file, at, BLOCK_HEADER, path);
      if (head.length < BLOCK_HEADER) return 'cut';
      const header = readBlockHeader(head);
      if (header === null) throw new Failure(`${damaged}: no block begins there`);
      if (header.bytes === 0) return 'finished';
      const packed = await read(file, at + BLOCK_HEADER, header.bytes, path);
      if (packed.length < header.bytes) return 'cut';
      if (crc32(packed) !== header.checksum) throw new Failure(`${damaged}: the block's checksum is wrong`);
      yield* frames(await unpacked(packed, header.unpackedBytes, damaged), damaged);
      at += BLOCK_HEADER + header.bytes;
    }
  } finally {
    await file.close();
  }
}

async function unpacked(packed: Buffer, bytes: number, damaged: string): Promise<Buffer> {
  let block: Buffer;
  try {
    block = await unpack(packed, { maxOutputLength: Math.max(1, bytes) });
  } catch (error) {
    throw new Failure(`${damaged}: the block cannot be unpacked (${sentence(error)})`, { cause: error });
  }
  if (block.length !== bytes) throw new Failure(`${damaged}: the block unpacks to ${block.length} bytes, not ${bytes}`);
  return block;
}

function* frames(block: Buffer, damaged: string): Generator<Frame> {
  for (let at = 0; at < block.length;) {
    const length = at + 4 <= block.length ? block.readUInt32LE(at) : Infinity;
    if (at + 4 + length > block.length) throw new Failure(`${damaged}: a frame lies beyond the end of its block`);
    const frame = readFrame(block.subarray(at + 4, at + 4 + length));
    if (typeof frame === 'string') throw new Failure(`${damaged}: ${frame}`);
    yield frame;
    at += 4 + length;
  }
}

/** Up to `length` bytes at `at`; fewer only at the end of the file. */
async function read(file: FileHandle, at: number, length: number, path: string): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let got = 0;
  try {
    while (got < length) {
      const { bytesRead } = await file.read(bytes, got, length - got, at + got);
      if (bytesRead === 0) break;
      got += bytesRead;
    }
  } catch (error) {
    throw new Failure(`cannot read ${path}: ${sentence(error)}`, { cause: error });
  }
  return bytes.subarray(0, got);
}
