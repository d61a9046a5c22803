/** Exports on disk: one file each in a hidden folder of the export folder, so that they go on after a restart of the hub. */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../cluster/atomic-file.ts';
import { exportRequest } from './export-request.ts';

const FOLDER = '.exports';
/** 10,000 places, and a filter of the largest size. */
const MAX_BYTES = 4 * 1024 * 1024;

const count = z.number().int().min(0);

const stored = z.strictObject({
  version: z.literal(1),
  id: z.string().regex(/^[0-9a-f]{16}$/),
  created: z.iso.datetime(),
  request: exportRequest,
  exported: count,
  lost: z.strictObject({ overwritten: count, refused: count }),
  positions: z.record(z.string().regex(/^[0-9a-f]{1,16}$/), count),
  /** Bytes of the file up to which it holds what `positions` says; null for other targets, and before the first. */
  file_bytes: count.nullable(),
});

export type StoredExport = z.infer<typeof stored>;

export class ExportFiles {
  readonly #folder: string;

  /** Makes the folder if need be. Throws system errors. */
  constructor(exportFolder: string) {
    this.#folder = join(exportFolder, FOLDER);
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
  }

  /** All that are there; `onBad` hears of files that hold none, which are left alone. */
  read(onBad: (name: string, why: string) => void): StoredExport[] {
    const names = readdirSync(this.#folder).filter((it) => it.endsWith('.json'));
    return names.flatMap((name) => {
      try {
        const text = readFileSync(join(this.#folder, name), 'utf8');
        if (text.length > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
        return [stored.parse(JSON.parse(text))];
      } catch (error) {
        onBad(name, error instanceof z.ZodError ? z.prettifyError(error) : String(error));
        return [];
      }
    });
  }

  write(it: StoredExport): void {
    writeFileAtomic(this.#path(it.id), `${JSON.stringify(it)}\n`, 0o600);
  }

  remove(id: string): void {
    rmSync(this.#path(id), { force: true });
  }

  #path(id: string): string {
    return join(this.#folder, `${id}.json`);
  }
}
