import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseStore, withPassword } from './store-choice.ts';

const server = (text: string): object => {
  const choice = parseStore(text);
  if (choice.kind !== 'clickhouse') throw new Error(choice.kind);
  const { server: place, cluster } = choice;
  return { ...place, cluster };
};

describe('--store', () => {
  it('reads memory, folders and servers', () => {
    expect(parseStore('memory')).toEqual({ kind: 'memory' });
    expect(parseStore('chdb:/var/lib/x')).toEqual({ kind: 'chdb', folder: '/var/lib/x' });
    expect(parseStore('chdb:x')).toEqual({ kind: 'chdb', folder: join(process.cwd(), 'x') });
    expect(server('clickhouse://me:p%40ss%2F@db.example:9000/flows?cluster=main')).toEqual({
      name: 'ClickHouse at db.example:9000',
      at: { host: 'db.example', port: 9000, tls: false },
      database: 'flows',
      user: 'me',
      password: 'p@ss/',
      cluster: 'main',
    });
    expect(server('clickhouses://[::1]')).toMatchObject({
      at: { host: '::1', port: 8443, tls: true },
      database: 'spyglass',
      user: '',
      password: '',
      cluster: null,
    });
    expect(server('clickhouse://db')).toMatchObject({ at: { port: 8123 } });
    expect(server('clickhouse://db:80/x')).toMatchObject({ at: { port: 80 } });
  });

  it.each([
    ['', /has to be memory/],
    ['chdb:', /has to be memory/],
    ['postgres://u:secret@h/db', /has to be memory/],
    ['clickhouse:db', /has to be memory/],
    ['clickhouse://u:secret@h:99999/db', /cannot be read/],
    ['clickhouse://u:sec@ret@/db', /cannot be read/],
    ['clickhouse://u:secret%@h/db', /%25/],
    ['clickhouse://u:secret@h/a/b', /name of the database/],
    ['clickhouse://u:secret@h/db?cluster=', /name of a cluster/],
    ['clickhouse://u:secret@h/db?tls=1', /no "tls"/],
  ])('refuses %s and says why, without the password', (text, why) => {
    expect(() => parseStore(text)).toThrow(why);
    expect(() => parseStore(text)).not.toThrow(/sec/);
    expect(() => parseStore(text)).toThrow(expect.objectContaining({ exitCode: 2 }));
  });
});

describe('the password of --store', () => {
  const bare = parseStore('clickhouse://me@db');
  const passwordOf = (choice: object): unknown => (choice as { server: { password: string } }).server.password;

  it('comes from the address, a file or the environment', () => {
    const folder = mkdtempSync(join(tmpdir(), 'spyglass-password-'));
    const file = join(folder, 'password');
    writeFileSync(file, ' p@ss \n');
    expect(passwordOf(withPassword(bare, { file }))).toBe(' p@ss ');
    expect(passwordOf(withPassword(bare, { variable: 'v' }))).toBe('v');
    expect(passwordOf(withPassword(parseStore('clickhouse://me:a@db'), { variable: '' }))).toBe('a');
    expect(passwordOf(withPassword(bare, {}))).toBe('');
    expect(() => withPassword(bare, { file, variable: 'v' })).toThrow(/more than one place/);
    expect(() => withPassword({ kind: 'memory' }, { file })).toThrow(/for clickhouse/);
    rmSync(folder, { recursive: true });
    expect(() => withPassword(bare, { file })).toThrow(/cannot be read: ENOENT/);
  });

  it('of the environment does not matter to other stores', () => {
    expect(withPassword({ kind: 'memory' }, { variable: 'v' })).toEqual({ kind: 'memory' });
  });
});
