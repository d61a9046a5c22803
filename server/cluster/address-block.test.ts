import { expect, test } from 'vitest';
import {
  addressNumber,
  ALL_IPV4,
  blockOf,
  bytesOf,
  contains,
  isInside,
  numberOf,
  parseBlock,
} from './address-block.ts';

test.each([
  ['10.1.2.3/8', '10.0.0.0/8', 104, 4],
  ['010.001.0.0/016', '10.1.0.0/16', 112, 4],
  ['0.0.0.0/0', '0.0.0.0/0', 96, 4],
  ['255.255.255.255/32', '255.255.255.255/32', 128, 4],
  ['::/0', '::/0', 0, 6],
  ['FD00:0:0:0::1/64', 'fd00::/64', 64, 6],
  ['::ffff:10.0.0.0/104', '10.0.0.0/8', 104, 4],
])('%s is %s', (text, canonical, bits, family) => {
  expect(parseBlock(text)).toMatchObject({ text: canonical, bits, family });
});

test.each([
  '10.0.0.0',
  '10.0.0/8',
  '10.0.0.0/33',
  '::/129',
  '::ffff:0:0/95',
  'a/8',
  '/8',
  '10.0.0.0/',
  '10.0.0.0/-1',
  'fe80::1%eth0/64',
  '1.2.3.4.5/8',
])('%s is no block', (text) => {
  expect(parseBlock(text)).toBeNull();
});

test('addresses, their bytes and their numbers are the same thing', () => {
  const number = addressNumber('10.0.0.1') as bigint;
  expect(number).toBe(0xffff_0a00_0001n);
  expect(numberOf(bytesOf(number))).toBe(number);
  expect(contains(parseBlock('10.0.0.0/30') as never, number)).toBe(true);
  expect(contains(parseBlock('10.0.0.2/31') as never, number)).toBe(false);
});

test('IPv4 is inside of ::/0 by its number, but not by its family', () => {
  const all = blockOf(0n, 0);
  expect(contains(all, ALL_IPV4.first)).toBe(true);
  expect(isInside(ALL_IPV4, all)).toBe(false);
  expect(isInside(blockOf(ALL_IPV4.first, 128), ALL_IPV4)).toBe(true);
  expect(isInside(ALL_IPV4, ALL_IPV4)).toBe(true);
});
