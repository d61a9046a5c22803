import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { allocate, release } from './ipam.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spyglass-ipam-'));
  file = join(folder, 'ipam.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('pod addresses', () => {
  test('count up in both ranges, after the node', () => {
    const ranges = ['10.42.0.0/24', 'fd42::/64'];
    expect(allocate(file, ranges, 'a')).toEqual({ endpointId: 16, addresses: ['10.42.0.2', 'fd42::2'] });
    expect(allocate(file, ranges, 'b')).toEqual({ endpointId: 17, addresses: ['10.42.0.3', 'fd42::3'] });
  });

  test('are reused last, endpoint numbers never', () => {
    const ranges = ['10.42.0.0/29'];
    const first = Array.from('abcde', (uid) => allocate(file, ranges, uid));
    expect(first.map((it) => it.addresses[0])).toEqual(['2', '3', '4', '5', '6'].map((it) => `10.42.0.${it}`));
    expect(() => allocate(file, ranges, 'f')).toThrow('no pod address is left in 10.42.0.0/29: 5 pods have one');
    release(file, 'c');
    release(file, 'unknown');
    expect(allocate(file, ranges, 'f')).toEqual({ endpointId: 21, addresses: ['10.42.0.4'] });
  });
});
