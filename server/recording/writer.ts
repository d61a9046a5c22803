/** Writes frames to a recording, packed by the block. What has been written so far survives a kill. */
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { brotliCompress, constants, crc32 } from 'node:zlib';
import { Failure, hasCode, sentence } from '../base/failure.ts';
import { blockHeader, fileHeader } from './format.ts';

const pack = promisify(brotliCompress);
/** A block is written when it has so many bytes, or is so old. */
const BLOCK_BYTES = 4 * 1024 * 1024;
const BLOCK_MS = 5000;
/** 30 MB/s; the best takes a hundred times as long and saves a tenth of the bytes. */
const QUALITY = 9;

export class RecordingWriter {
  readonly #file: FileHandle;
  readonly #path: string;
  #parts: Buffer[] = [];
  #bytes = 0;
  #waiting = 0;
  #written = 0;
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();
  #problem: Failure | null = null;

  private constructor(file: FileHandle, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /** Makes the file. Throws a Failure if there is one already, or none can be made. */
  static async create(path: string): Promise<RecordingWriter> {
    let file: FileHandle;
    try {
      file = await open(path, 'wx', 0o600);
    } catch (error) {
      const why = hasCode(error, 'EEXIST') ? 'it exists; name another file' : sentence(error);
      throw new Failure(`cannot make ${path}: ${why}`, { cause: error });
    }
    const writer = new RecordingWriter(file, path);
    writer.#append(fileHeader());
    return writer;
  }

  /** Bytes in the file. */
  get written(): number {
    return this.#written;
  }

  /** Bytes of frames that are not in the file yet. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Why nothing can be written any more, such as a full disk; null while all is well. */
  get problem(): Failure | null {
    return this.#problem;
  }

  /** Takes a frame as it came over the wire. */
  add(frame: Buffer): void {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(frame.length);
    this.#parts.push(length, frame);
    this.#bytes += 4 + frame.length;
    this.#waiting += 4 + frame.length;
    if (this.#bytes >= BLOCK_BYTES) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), BLOCK_MS);
  }

  /** Writes what is left and the mark of the end. Throws a Failure if not all could be written. */
  async finish(): Promise<void> {
    this.#flush();
    this.#append(blockHeader({ bytes: 0, unpackedBytes: 0, checksum: 0 }));
    await this.#work;
    await this.#file.close();
    if (this.#problem !== null) throw this.#problem;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#bytes === 0) return;
    const block = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    this.#then(async () => {
      const options = { params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY } };
      const packed = await pack(block, options);
      const header = blockHeader({
        bytes: packed.length,
        unpackedBytes: block.length,
        checksum: crc32(packed),
      });
      await this.#write(Buffer.concat([header, packed]));
      this.#waiting -= block.length;
    });
  }

  #append(bytes: Buffer): void {
    this.#then(() => this.#write(bytes));
  }

  /** One after another; after the first failure nothing more. */
  #then(work: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      if (this.#problem !== null) return;
      try {
        await work();
      } catch (error) {
        this.#problem = new Failure(`cannot write to ${this.#path}: ${sentence(error)}`, { cause: error });
      }
    });
  }

  async #write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at);
      at += bytesWritten;
      this.#written += bytesWritten;
    }
  }
}
