import { describe, expect, it } from 'vitest';
import { AddressRange, formatAddress, isUnset, parseAddress } from './address.ts';

function view(text: string): DataView {
  const bytes = parseAddress(text);
  if (bytes === null) throw new Error(`${text} is no address`);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

describe('addresses', () => {
  it.each([
    ['10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::', '::'],
    ['::1', '::1'],
  ])('prints %s as %s', (text, canonical) => {
    expect(formatAddress(view(text), 0)).toBe(canonical);
  });

  it.each(['', '10.1', '10.1.2.256', '0x7f.0.0.1', 'fe80::1%eth0', 'web', '1:2'])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeNull();
  });

  it('knows the address that is not set', () => {
    expect(isUnset(view('::'), 0)).toBe(true);
    expect(isUnset(view('0.0.0.0'), 0)).toBe(false);
  });
});

describe('address ranges', () => {
  it.each([
    ['10.1.0.0/16', '10.1.200.3', true],
    ['10.1.0.0/16', '10.2.0.1', false],
    ['10.1.77.77/16', '10.1.0.1', true],
    ['10.1.2.3', '10.1.2.3', true],
    ['0.0.0.0/0', '203.0.113.1', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '203.0.113.1', false],
    ['2001:db8::/33', '2001:db8:7fff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
  ])('%s holds %s: %s', (range, address, expected) => {
    expect(AddressRange.parse(range)?.has(view(address), 0)).toBe(expected);
  });

  it.each(['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/x', '/8'])('refuses %j', (text) => {
    expect(AddressRange.parse(text)).toBeNull();
  });
});
