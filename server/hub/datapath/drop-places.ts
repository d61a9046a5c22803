/** Counts at which stage records say that packets were dropped, and why: one array, so that ingest makes no objects. */
import type { RecordCursor } from '../../flows/record.ts';
import { counted, type StageTotals } from './stage-ring.ts';

const STAGES = 32;
const REASONS = 256;

export class DropPlaces {
  readonly #packets = new Float64Array(STAGES * REASONS);
  readonly #touched: number[] = [];

  /** A record of a drop. */
  add(record: RecordCursor): void {
    const slot = (record.dropStage % STAGES) * REASONS + record.dropReason;
    const before = this.#packets[slot] ?? 0;
    if (before === 0) this.#touched.push(slot);
    this.#packets[slot] = before + 1 + record.suppressed;
  }

  /** What was added since the last call, as rows of the stage ring. */
  take(node: string): [key: string, by: StageTotals][] {
    return this.#touched.splice(0).map((slot) => {
      const packets = this.#packets[slot] ?? 0;
      this.#packets[slot] = 0;
      return [`dropped-at ${node} ${Math.floor(slot / REASONS)} ${slot % REASONS}`, counted(packets)];
    });
  }
}
