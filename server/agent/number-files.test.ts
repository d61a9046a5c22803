import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newAllocators } from '../datapath/desired.ts';
import { NumberFiles } from './number-files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spyglass-numbers-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const path = (kind: string): string => join(folder, 'numbers', `${kind}.json`);

test('numbers come back, and those just given back do not', () => {
  const ids = newAllocators();
  const [a, b] = [ids.identities.get('a'), ids.identities.get('b')];
  const rule = ids.rules.get('r');
  ids.identities.retain(new Set(['a']));
  new NumberFiles(folder).save(ids);
  const fresh = newAllocators();
  expect(new NumberFiles(folder).restore(fresh)).toEqual([]);
  expect([fresh.identities.get('a'), fresh.rules.get('r')]).toEqual([a, rule]);
  expect(fresh.identities.get('c')).toBe(b + 1);
});

test('only what changed is written', () => {
  const ids = newAllocators();
  const files = new NumberFiles(folder);
  ids.identities.get('a');
  files.save(ids);
  const before = statSync(path('identities')).ino;
  ids.rules.get('r');
  files.save(ids);
  expect(statSync(path('identities')).ino).toBe(before);
  expect(readFileSync(path('rules'), 'utf8')).toBe('{"next":2,"ids":[["r",1]]}\n');
});

test.each(['{', '{"next":1}', '{"next":1,"ids":[["a","b"]]}'])('a file with %s is told of and left aside', (text) => {
  const ids = newAllocators();
  ids.rules.get('r');
  new NumberFiles(folder).save(ids);
  writeFileSync(path('rules'), text);
  const fresh = newAllocators();
  expect(new NumberFiles(folder).restore(fresh)).toEqual([
    expect.stringMatching(/^cannot read .*rules\.json, so rules get new/),
  ]);
  expect(fresh.rules.get('r')).toBe(1);
});

test('a full disk is told of, and leaves the former file', () => {
  const ids = newAllocators();
  const files = new NumberFiles(folder);
  ids.rules.get('a');
  files.save(ids);
  const before = readFileSync(path('rules'), 'utf8');
  // Every write to this device ends with ENOSPC.
  symlinkSync('/dev/full', `${path('rules')}.new`);
  ids.rules.get('b');
  expect(() => files.save(ids)).toThrow(
    /rules\.json cannot be written, so the maps stay as they are until it can: ENOSPC/,
  );
  expect(readFileSync(path('rules'), 'utf8')).toBe(before);
  rmSync(`${path('rules')}.new`);
  files.save(ids);
  expect(readFileSync(path('rules'), 'utf8')).toContain('["b",2]');
});
