import { expect, test } from 'vitest';
import { IdAllocator } from './id-allocator.ts';

test('a key keeps its number, a new key gets the next one', () => {
  const ids = new IdAllocator(256);
  expect([ids.get('a'), ids.get('b'), ids.get('a')]).toEqual([256, 257, 256]);
});

test('a number that was just given back is not used again at once', () => {
  const ids = new IdAllocator(1);
  ids.get('a');
  ids.retain(new Set());
  expect(ids.get('b')).toBe(2);
});

test('adopted numbers are kept; conflicting or reserved ones are not adopted', () => {
  const ids = new IdAllocator(16);
  ids.adopt('a', 17);
  ids.adopt('b', 17);
  ids.adopt('c', 3);
  expect(ids.get('a')).toBe(17);
  expect([ids.get('b'), ids.get('c')]).toEqual([16, 18]);
});

test('after the highest number the lowest free one comes again, and none when all are used', () => {
  const ids = new IdAllocator(1, 3);
  expect([ids.get('a'), ids.get('b')]).toEqual([1, 2]);
  ids.retain(new Set(['b']));
  expect([ids.get('c'), ids.get('d')]).toEqual([3, 1]);
  expect(() => ids.get('e')).toThrow('there is no number left from 1 to 3');
});
