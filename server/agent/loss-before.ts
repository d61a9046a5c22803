/**
 * The kernel counts records that found no room in the ring for as long as the maps live, over all agents.
 * What an agent tells a hub is its own session's share: so the sum that was told already is kept in the
 * node's state folder, and what is lost while no agent runs is told by the next one.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../cluster/atomic-file.ts';

export class LossBefore {
  readonly #path: string;
  readonly #countersId: string;
  /** What former agents have told of the present counters. */
  readonly value: number;
  #told: number;

  /** `countersId`: of the counters in the kernel now; those of others are forgotten. */
  constructor(stateFolder: string, countersId: string) {
    this.#path = join(stateFolder, 'ring-loss-told');
    this.#countersId = countersId;
    this.value = read(this.#path, countersId);
    this.#told = this.value;
  }

  /** A hub has been told of `lost` records in all. */
  told(lost: number): void {
    if (lost === this.#told) return;
    this.#told = lost;
    writeFileAtomic(this.#path, `${this.#countersId} ${lost}\n`);
  }
}

function read(path: string, countersId: string): number {
  try {
    const match = /^([0-9a-f]+) (\d{1,16})\n$/.exec(readFileSync(path, 'utf8'));
    return match?.[1] === countersId ? Number(match[2]) : 0;
  } catch {
    // No agent has told of a loss yet.
    return 0;
  }
}
