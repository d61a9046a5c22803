/** Maps as the reconcilers see them, and the steps they share: read what is there, write and remove differences. */

/** What a reconciler needs of a map; keys and values stand back to back. */
export interface MapWriter {
  setMany(keys: Buffer, values: Buffer, count: number): void;
  deleteMany(keys: Buffer, count: number): void;
  entries(): Iterable<[key: Buffer, value: Buffer]>;
}

/** How many entries a pass wrote and removed. */
export interface Changes {
  written: number;
  deleted: number;
}

export interface Entry {
  key: Buffer;
  value: Buffer;
}

/** Packed entries by key, each map's keys as hex. */
export type MapContents = Map<string, Entry>;

export function contentsOf(map: MapWriter): MapContents {
  const contents: MapContents = new Map();
  for (const [key, value] of map.entries()) contents.set(key.toString('hex'), { key, value });
  return contents;
}

/** Whether two values are equal apart from their generation, which stands at `field`. */
export function sameBut(field: { offset: number; size: number }, a: Buffer, b: Buffer): boolean {
  const { offset, size } = field;
  return (
    a.subarray(0, offset).equals(b.subarray(0, offset)) && a.subarray(offset + size).equals(b.subarray(offset + size))
  );
}

export function write(map: MapWriter, entries: readonly Entry[], changes: Changes): void {
  if (entries.length === 0) return;
  map.setMany(Buffer.concat(entries.map((it) => it.key)), Buffer.concat(entries.map((it) => it.value)), entries.length);
  changes.written += entries.length;
}

export function remove(map: MapWriter, entries: readonly Entry[], changes: Changes): void {
  if (entries.length === 0) return;
  map.deleteMany(Buffer.concat(entries.map((it) => it.key)), entries.length);
  changes.deleted += entries.length;
}
