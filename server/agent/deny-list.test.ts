import { expect, test } from 'vitest';
import { parseDenyList } from './deny-list.ts';

test('prefixes and addresses of both families, comments and empty lines', () => {
  const keys = parseDenyList(
    '# known scanners\n203.0.113.0/24\n\n198.51.100.7  # one\n2001:db8:bad::/48\n2001:db8::1\n',
    'list',
  );
  expect(keys.map((it) => it.readUInt32LE(0))).toEqual([96 + 24, 96 + 32, 48, 128]);
  expect(keys[0]?.subarray(4).toString('hex')).toBe('00000000000000000000ffffcb007100');
});

test('a bad line names itself, and nothing of the list holds', () => {
  expect(() => parseDenyList('203.0.113.0/24\n203.0.113.0/33\n', 'list')).toThrow(
    'list line 2: "203.0.113.0/33" is neither',
  );
  expect(() => parseDenyList('203.0.113.1/24', 'list')).toThrow('line 1');
  expect(() => parseDenyList('example.com', 'list')).toThrow('line 1');
  expect(() => parseDenyList('::ffff:1.2.3.4/zz', 'list')).toThrow('line 1');
});

test('the same prefix twice counts once', () => {
  expect(parseDenyList('10.0.0.0/8\n10.0.0.0/8', 'list')).toHaveLength(1);
});
