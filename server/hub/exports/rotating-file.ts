/**
 * A file that is put aside when it is full, as Hubble's exporter does it (lumberjack): `flows.log` becomes
 * `flows-2026-03-04T10-15-30.123.log`, compressed if asked for, and the oldest of those go.
 */
import { constants, createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { FileTarget } from '../../wire/exports.ts';

const STAMP = String.raw`\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}`;

/** What files put aside of `name` are called; null if `name` looks like one itself. */
export function backupPattern(name: string): RegExp | null {
  if (name.endsWith('.gz') || new RegExp(`-${STAMP}(\\.|$)`).test(name)) return null;
  const extension = extname(name);
  const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\-]/g, String.raw`\$&`);
  const stem = name.slice(0, name.length - extension.length);
  return new RegExp(`^${escape(stem)}-${STAMP}${escape(extension)}(\\.gz)?$`);
}

export class RotatingFile {
  readonly #folder: string;
  readonly #target: FileTarget;
  #file: FileHandle | null = null;
  #size = 0;

  private constructor(folder: string, target: FileTarget) {
    this.#folder = folder;
    this.#target = target;
  }

  /**
   * Opens the file, or makes it. What was written after `size` bytes is cut off: it is written again. Null appends to
   * whatever is there. Throws system errors.
   */
  static async open(folder: string, target: FileTarget, size: number | null): Promise<RotatingFile> {
    const file = new RotatingFile(folder, target);
    await file.#open();
    if (size !== null && size < file.#size) await file.#truncate(size);
    return file;
  }

  /** Bytes in the file now. */
  get size(): number {
    return this.#size;
  }

  /** Appends whole lines; all of them, or none. Throws system errors. */
  async write(lines: string): Promise<void> {
    const bytes = Buffer.from(lines);
    // A file put aside, and not opened again since: the disk was full then.
    if (this.#file === null) await this.#open();
    if (this.#size > 0 && this.#size + bytes.length > this.#target.max_bytes) await this.#rotate();
    const before = this.#size;
    try {
      for (let at = 0; at < bytes.length;) {
        const { bytesWritten } = await (this.#file as FileHandle).write(bytes, at);
        at += bytesWritten;
      }
      this.#size += bytes.length;
    } catch (error) {
      await this.#truncate(before).catch(() => undefined);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = null;
  }

  /** Nothing that a link in the folder points to is written to. */
  async #open(): Promise<void> {
    const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
    const file = await open(join(this.#folder, this.#target.name), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
    const stat = await file.stat();
    if (!stat.isFile()) {
      await file.close();
      throw new Error(`${this.#target.name} is no regular file`);
    }
    this.#file = file;
    this.#size = stat.size;
  }

  async #truncate(size: number): Promise<void> {
    await this.#file?.truncate(size);
    this.#size = size;
  }

  async #rotate(): Promise<void> {
    const { name, compress } = this.#target;
    await this.close();
    const extension = extname(name);
    const stamp = new Date().toISOString().slice(0, -1).replaceAll(':', '-');
    const aside = join(this.#folder, `${name.slice(0, name.length - extension.length)}-${stamp}${extension}`);
    await rename(join(this.#folder, name), aside);
    await this.#open();
    // First of all: packing takes room, too.
    const removed = await this.#removeOldest();
    if (compress && !removed.includes(aside)) await pack(aside);
  }

  /** Returns the paths of what it removed. */
  async #removeOldest(): Promise<string[]> {
    const pattern = backupPattern(this.#target.name);
    const names = (await readdir(this.#folder)).filter((it) => pattern?.test(it) === true);
    const old = names.toSorted().slice(0, Math.max(0, names.length - this.#target.backups));
    const paths = old.map((name) => join(this.#folder, name));
    for (const path of paths) await rm(path, { force: true });
    return paths;
  }
}

/** Packs a file, which stays as it is where there is no room for that. Throws system errors. */
async function pack(path: string): Promise<void> {
  const packed = `${path}.gz`;
  try {
    await pipeline(createReadStream(path), createGzip(), createWriteStream(packed, { mode: 0o600 }));
  } catch (error) {
    // A part of it would hold flows that the file has as well.
    await rm(packed, { force: true });
    throw error;
  }
  await rm(path);
}
