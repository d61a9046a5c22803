/**
 * What a map holds, kept in memory, so that a change of a few entries does not cost a reading of all. A pass
 * begins, keeps or queues entries and gives others up, then writes and removes.
 */
import { type Changes, contentsOf, type Entry, type MapContents, type MapWriter, remove, write } from './map-writer.ts';

export class MapMemory {
  readonly #map: MapWriter;
  #contents: MapContents = new Map();
  #kept = new Set<string>();
  /** Keys that go unless they are kept. */
  #givenUp = new Set<string>();
  #writes: Entry[] = [];

  constructor(map: MapWriter) {
    this.#map = map;
  }

  /** Begins a pass. With `read`, from what the map holds now, and whatever is not kept goes. */
  begin(read: boolean): void {
    this.#kept = new Set();
    this.#writes = [];
    if (read) this.#contents = contentsOf(this.#map);
    this.#givenUp = new Set(read ? this.#contents.keys() : []);
  }

  /** Notes that the entry stays. @returns the value it has now. */
  keep(key: Buffer): Buffer | undefined {
    const hex = key.toString('hex');
    this.#kept.add(hex);
    return this.#contents.get(hex)?.value;
  }

  giveUp(key: Buffer): void {
    this.#givenUp.add(key.toString('hex'));
  }

  /** Notes that the entry stays, and queues it if it differs. @returns whether it does. */
  put(key: Buffer, value: Buffer): boolean {
    if (this.keep(key)?.equals(value) === true) return false;
    this.queue(key, value);
    return true;
  }

  queue(key: Buffer, value: Buffer): void {
    this.#writes.push({ key, value });
  }

  /** Entries that were given up and that nobody keeps. */
  removals(): Entry[] {
    return [...this.#givenUp].flatMap((hex) => {
      const entry = this.#kept.has(hex) ? undefined : this.#contents.get(hex);
      return entry === undefined ? [] : [entry];
    });
  }

  write(changes: Changes): void {
    write(this.#map, this.#writes, changes);
    for (const entry of this.#writes) this.#contents.set(entry.key.toString('hex'), entry);
  }

  remove(changes: Changes): void {
    const removals = this.removals();
    remove(this.#map, removals, changes);
    for (const { key } of removals) this.#contents.delete(key.toString('hex'));
  }
}
