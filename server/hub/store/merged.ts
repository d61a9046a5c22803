import { compareKeys, type FlowKey } from './flow-key.ts';

/** Two sources that are in the order of keys, as one; neither is read further ahead than a batch. */
export async function* merged<F extends FlowKey>(
  one: AsyncGenerator<F[]>,
  other: AsyncGenerator<F[]>,
): AsyncGenerator<F[]> {
  try {
    let [a, b] = await Promise.all([nextBatch(one), nextBatch(other)]);
    while (a !== null && b !== null) {
      const out: F[] = [];
      let i = 0;
      let j = 0;
      for (;;) {
        const x = a[i];
        const y = b[j];
        if (x === undefined || y === undefined) break;
        if (compareKeys(x, y) <= 0) {
          out.push(x);
          i += 1;
        } else {
          out.push(y);
          j += 1;
        }
      }
      a = a.slice(i);
      b = b.slice(j);
      yield out;
      if (a.length === 0) a = await nextBatch(one);
      else b = await nextBatch(other);
    }
    let rest = a ?? b;
    const source = a === null ? other : one;
    while (rest !== null) {
      yield rest;
      rest = await nextBatch(source);
    }
  } finally {
    await Promise.all([one.return(undefined), other.return(undefined)]);
  }
}

/** Null at the end. */
async function nextBatch<F>(source: AsyncGenerator<F[]>): Promise<F[] | null> {
  for (;;) {
    const { value, done } = await source.next();
    if (done === true) return null;
    if (value.length > 0) return value;
  }
}
