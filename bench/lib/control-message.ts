/** Control messages of agents and hubs, as benchmarks write them. */
import { Packr } from 'msgpackr';

const packr = new Packr({ useRecords: false });

/** The kind byte and MessagePack. */
export function control(kind: number, message: unknown): Buffer {
  return Buffer.concat([Buffer.from([kind]), packr.pack(message)]);
}
