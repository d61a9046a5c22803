/** What numbers meant at a time. */
import { describe, expect, it } from 'vitest';
import { type NameRow, StoredNames } from './stored-names.ts';

const endpoint = (since: number, name: string, ref = 16): NameRow => ({
  kind: 'endpoint',
  key: String(ref),
  since,
  entry: name === '' ? '' : JSON.stringify({ ref, kind: 'pod', namespace: 'shop', name, labels: [], addresses: [] }),
});
const service = (since: number, name: string, backends: number[]): NameRow => ({
  kind: 'service',
  key: '5',
  since,
  entry: JSON.stringify({ id: 5, namespace: 'shop', name, addresses: [], ports: [], backends }),
});
const dns = (since: number, address: string, ...names: string[]): NameRow => ({
  kind: 'dns',
  key: address,
  since,
  entry: JSON.stringify(names),
});

function namesOf(rows: NameRow[]): StoredNames {
  const names = new StoredNames('node-a', 7n);
  names.add(rows);
  return names;
}
const podAt = (names: StoredNames, time: number): string | undefined => names.at(time).endpoints.get(16)?.name;

describe('stored names', () => {
  it('are those that were heard last before a time', () => {
    const names = namesOf([endpoint(1000, 'a'), endpoint(2000, 'b'), endpoint(3000, 'b')]);
    expect([1500, 1999, 2000, 9000].map((time) => podAt(names, time))).toEqual(['a', 'a', 'b', 'b']);
    expect(names.at(2500)).toBe(names.at(9000));
    expect(names.at(1500)).not.toBe(names.at(2500));
  });

  it('are known for flows from just before they were heard of', () => {
    expect(podAt(namesOf([endpoint(1000, 'a')]), 1)).toBe('a');
  });

  it('are kept when they are gone, and told from those that live', () => {
    const names = namesOf([endpoint(1000, 'a'), endpoint(2000, '')]);
    expect(podAt(names, 5000)).toBe('a');
    expect(names.at(5000).isLive(16)).toBe(false);
    expect(
      namesOf([endpoint(1000, 'a')])
        .at(5000)
        .isLive(16),
    ).toBe(true);
  });

  it('belong to the new owner of a number from when the former one was gone', () => {
    const names = namesOf([endpoint(1000, 'a'), endpoint(2000, ''), endpoint(3000, 'b')]);
    expect([1999, 2000, 2500].map((time) => podAt(names, time))).toEqual(['a', 'b', 'b']);
  });

  it('are not cut by what flows do not show', () => {
    const names = namesOf([service(1000, 'cart', [16]), service(2000, 'cart', [16, 17]), service(3000, 'web', [])]);
    expect(names.at(1500)).toBe(names.at(2500));
    expect(names.at(1500).services.get(5)).toMatchObject({ name: 'cart', backends: [16, 17] });
    expect(names.at(3000).services.get(5)?.name).toBe('web');
  });

  it('of addresses are the newest first', () => {
    const names = namesOf([dns(1000, '192.0.2.1', 'a.example'), dns(2000, '192.0.2.1', 'b.example', 'a.example')]);
    expect(names.at(5000).dns.of('192.0.2.1')).toEqual(['b.example', 'a.example']);
  });

  it('may come in any order and more than once', () => {
    const names = namesOf([endpoint(2000, 'b'), endpoint(1000, 'a'), endpoint(2000, 'b')]);
    expect([1500, 2500].map((time) => podAt(names, time))).toEqual(['a', 'b']);
    names.add([endpoint(3000, 'c'), endpoint(1000, 'a')]);
    expect([1500, 2500, 3500].map((time) => podAt(names, time))).toEqual(['a', 'b', 'c']);
  });
});
