import { describe, expect, test } from 'vitest';
import { addressAt, indexIn, parseCidr } from './cidr.ts';

describe('address ranges', () => {
  test.each([
    ['10.42.0.0/24', 2n, '10.42.0.2'],
    ['10.96.0.0/16', 266n, '10.96.1.10'],
    ['fd42::/64', 0x12n, 'fd42::12'],
    ['fd96::/112', 0n, 'fd96::'],
  ])('%s number %d is %s, and back', (range, index, address) => {
    const cidr = parseCidr(range);
    expect(addressAt(cidr, index)).toBe(address);
    expect(indexIn(cidr, address)).toBe(index);
  });

  test('a range begins at its own start, whatever address was written', () => {
    expect(addressAt(parseCidr('10.42.0.77/24'), 0n)).toBe('10.42.0.0');
  });

  test('an address outside, or of the other family, has no place', () => {
    expect(indexIn(parseCidr('10.42.0.0/24'), '10.43.0.1')).toBe(-1n);
    expect(indexIn(parseCidr('10.42.0.0/24'), 'fd42::1')).toBe(-1n);
    expect(indexIn(parseCidr('::ffff:0:0/96'), '::ffff:10.0.0.1')).toBe(0x0a000001n);
  });

  test.each(['10.42.0.0', '10.42.0.0/33', 'x/8', 'fd42::/129', '10.0.0.0/8/8', '10.0.0.0/'])(
    '%s is refused',
    (text) => {
      expect(() => parseCidr(text)).toThrow('is not an address range');
    },
  );
});
