/**
 * Numbers of identities, blocks and rules, kept in the node's state folder: what the kernel's maps hold is
 * written with them, so a new agent must give the same number to the same thing. Written before the maps are.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Failure, hasCode, sentence } from '../base/failure.ts';
import { writeFileAtomic } from '../cluster/atomic-file.ts';
import type { Allocators } from '../datapath/desired.ts';

const KINDS = ['identities', 'cidrs', 'rules'] as const;

const number = z.number().int().min(1).max(0xffff_ffff);
const kept = z.object({ next: number, ids: z.array(z.tuple([z.string(), number])) });

export class NumberFiles {
  readonly #folder: string;
  readonly #written = new Map<string, number>();

  /** `stateFolder`: the node's. */
  constructor(stateFolder: string) {
    this.#folder = join(stateFolder, 'numbers');
  }

  /** Takes over what an earlier agent kept. @returns one sentence for each file that could not be read. */
  restore(ids: Pick<Allocators, (typeof KINDS)[number]>): string[] {
    const problems: string[] = [];
    for (const kind of KINDS) {
      const path = this.#path(kind);
      try {
        ids[kind].restore(kept.parse(JSON.parse(readFileSync(path, 'utf8'))));
        this.#written.set(kind, ids[kind].revision);
      } catch (error) {
        if (hasCode(error, 'ENOENT')) continue;
        problems.push(`cannot read ${path}, so ${kind} get new numbers: ${sentence(error)}`);
      }
    }
    return problems;
  }

  /** Writes what has changed. @throws Failure; the maps must not be written then. */
  save(ids: Pick<Allocators, (typeof KINDS)[number]>): void {
    for (const kind of KINDS) {
      const { revision } = ids[kind];
      if (this.#written.get(kind) === revision) continue;
      try {
        mkdirSync(this.#folder, { recursive: true });
        writeFileAtomic(this.#path(kind), `${JSON.stringify(ids[kind].kept())}\n`);
      } catch (error) {
        throw new Failure(
          `${this.#path(kind)} cannot be written, so the maps stay as they are until it can: ${sentence(error)}`,
          { cause: error },
        );
      }
      this.#written.set(kind, revision);
    }
  }

  #path(kind: string): string {
    return join(this.#folder, `${kind}.json`);
  }
}
