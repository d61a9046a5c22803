/**
 * Recordings: what agents sent, as a file.
 *
 *     file  = magic (8 bytes) u32 version, u32 CRC-32 of these 12 bytes; then blocks
 *     block = u32 bytes, u32 bytes when unpacked, u32 CRC-32 of the bytes, u32 CRC-32 of these 12; then the bytes (Brotli)
 *     bytes, unpacked = frames (wire/stream.ts), each after a u32 with its length
 *
 * Numbers are little-endian. Blocks do not depend on each other and are written at least every few seconds, so what a killed
 * recorder leaves is a recording with a cut tail. A block of 0 bytes ends a recording that was finished.
 */
import { crc32 } from 'node:zlib';
import { Failure } from '../base/failure.ts';
import { MAX_FRAME } from '../wire/stream.ts';

export const RECORDING_VERSION = 1;
const MAGIC = Buffer.from('\x89SPYREC\n', 'latin1');
export const FILE_HEADER = 16;
export const BLOCK_HEADER = 16;
/** Largest block, packed or not: frames of half of it and one as large as there are, which may grow a little in packing. */
export const MAX_BLOCK = 2 * MAX_FRAME + 64 * 1024;

export function fileHeader(): Buffer {
  const header = Buffer.alloc(FILE_HEADER);
  MAGIC.copy(header);
  header.writeUInt32LE(RECORDING_VERSION, 8);
  header.writeUInt32LE(crc32(header.subarray(0, 12)), 12);
  return header;
}

/** Throws a Failure unless the first bytes of `path` are those of a recording that this program reads. */
export function checkFileHeader(header: Buffer, path: string): void {
  if (header.length < FILE_HEADER || !header.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new Failure(`${path} is no recording of Spyglass; make one with "spyglass record"`);
  }
  if (crc32(header.subarray(0, 12)) !== header.readUInt32LE(12)) {
    throw new Failure(`${path} is damaged in its first ${FILE_HEADER} bytes and cannot be read`);
  }
  const version = header.readUInt32LE(8);
  if (version !== RECORDING_VERSION) {
    throw new Failure(`${path} has version ${version} of the format; this program reads version ${RECORDING_VERSION}`);
  }
}

export interface BlockHeader {
  bytes: number;
  unpackedBytes: number;
  checksum: number;
}

export function blockHeader({ bytes, unpackedBytes, checksum }: BlockHeader): Buffer {
  const header = Buffer.alloc(BLOCK_HEADER);
  header.writeUInt32LE(bytes, 0);
  header.writeUInt32LE(unpackedBytes, 4);
  header.writeUInt32LE(checksum, 8);
  header.writeUInt32LE(crc32(header.subarray(0, 12)), 12);
  return header;
}

/** The header, or null if it is damaged or claims what no block is. */
export function readBlockHeader(header: Buffer): BlockHeader | null {
  if (crc32(header.subarray(0, 12)) !== header.readUInt32LE(12)) return null;
  const read = {
    bytes: header.readUInt32LE(0),
    unpackedBytes: header.readUInt32LE(4),
    checksum: header.readUInt32LE(8),
  };
  return read.bytes > MAX_BLOCK || read.unpackedBytes > MAX_BLOCK ? null : read;
}
