import { describe, expect, it } from 'vitest';
import { encodedString, putSum64, putU64, RowWriter } from './row-binary.ts';

describe('RowWriter', () => {
  it('writes numbers little-endian, and what has a length after it', () => {
    const rows = new RowWriter();
    rows
      .u8(1)
      .u16(2)
      .u32(3)
      .u64(4)
      .u64(2n ** 64n - 1n)
      .i64(-2n)
      .string('ä')
      .u64s([5]);
    rows.map(new Map([['k', 6]]), (key) => rows.string(key));
    expect(Buffer.concat(rows.slices(0, rows.length)).toString('hex')).toBe(
      [
        '01',
        '0200',
        '03000000',
        '0400000000000000',
        'ffffffffffffffff',
        'feffffffffffffff',
        '02c3a4',
        '010500000000000000',
        '01016b0600000000000000',
      ].join(''),
    );
  });

  it('gives back any part of what was written, over all chunks', () => {
    const rows = new RowWriter();
    const written: Buffer[] = [];
    for (let i = 0; i < 300; i++) {
      const text = String(i).repeat(3000);
      rows.string(text);
      written.push(encodedString(text));
    }
    const all = Buffer.concat(written);
    expect(rows.length).toBe(all.length);
    for (const [from, to] of [
      [0, all.length],
      [5, 5],
      [1, all.length - 1],
      [20_000, 2_000_000],
    ] as const) {
      expect(Buffer.concat(rows.slices(from, to)).equals(all.subarray(from, to))).toBe(true);
    }
  });

  it('takes one piece that is larger than a chunk', () => {
    const rows = new RowWriter();
    const text = 'x'.repeat(3_000_000);
    rows.u8(1).string(text);
    expect(Buffer.concat(rows.slices(1, rows.length)).equals(encodedString(text))).toBe(true);
  });
});

describe('numbers in place', () => {
  it.each([
    [0n, 0n],
    [0xffff_ffffn, 1n],
    [123n, -5n],
    [2n ** 40n, -(2n ** 40n)],
    [86_400_000_000_000n, 1_700_000_000_000_000_000n],
  ])('%d + %d', (a, b) => {
    const bytes = Buffer.alloc(24);
    bytes.writeBigInt64LE(a, 0);
    bytes.writeBigInt64LE(b, 8);
    putSum64(bytes, 16, bytes, 0, bytes, 8);
    expect(bytes.readBigInt64LE(16)).toBe(a + b);
  });

  it.each([0, 0xffff_ffff, 2 ** 32, 2 ** 48 - 1])('%d', (value) => {
    const bytes = Buffer.alloc(8);
    putU64(bytes, 0, value);
    expect(bytes.readBigUInt64LE(0)).toBe(BigInt(value));
  });
});
