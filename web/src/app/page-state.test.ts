import { describe, expect, it } from 'vitest';
import { type PageState, readAddress, writeAddress } from './page-state.ts';

const DEFAULT: PageState = readAddress('/', '');

function through(state: PageState): PageState {
  const [path = '', search = ''] = writeAddress(state).split('?');
  return readAddress(path, `?${search}`);
}

describe('address', () => {
  it('is bare where nothing was chosen', () => {
    expect(writeAddress(DEFAULT)).toBe('/');
    expect(writeAddress({ ...DEFAULT, page: 'flows' })).toBe('/flows');
  });

  it('brings back all that was chosen', () => {
    const state: PageState = {
      page: 'flows',
      filter: 'ns:shop -to:"a b" text+more&x=1',
      level: 'pod',
      colour: 'latency',
      range: 900,
      past: { since: Date.UTC(2026, 2, 4, 10), until: Date.UTC(2026, 2, 4, 11) },
      policy: 'shop/web#ingress/0',
      spoken: 'shop/Deployment/web:8080/http',
      node: 'demo-1',
      selected: 'a/Deployment/b>c/Service/d:TCP/80',
      folded: ['kube-system/Deployment/kube-dns', 'x'],
      held: true,
    };
    expect(through(state)).toEqual(state);
  });

  it('takes the default for what it does not know', () => {
    expect(readAddress('/', '?level=galaxy&range=7&colour=green&held=maybe')).toEqual(DEFAULT);
    expect(readAddress('/nowhere', '').page).toBe('unknown');
    expect(readAddress('/constructor', '').page).toBe('unknown');
  });
});
