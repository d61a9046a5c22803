import { describe, expect, it } from 'vitest';
import { FilterError } from './filter-test.ts';
import { selector } from './filter-label.ts';

const LABELS = [
  'k8s:app=web',
  'k8s:app.kubernetes.io/name=shop-web',
  'any:weight=7',
  'reserved:world',
  'cidr:10.0.0.0/8',
];

describe('a label selector', () => {
  it.each<[string, boolean]>([
    ['app', true],
    ['k8s:app', true],
    ['reserved:app', false],
    ['!app', false],
    ['! missing', true],
    ['app=web', true],
    ['app == web', true],
    ['app=we', false],
    ['k8s:app=web', true],
    ['any:app=web', false],
    ['app!=web', false],
    ['app!=api', true],
    ['missing!=x', true],
    ['app in (api,web)', true],
    ['app in (api, db)', false],
    ['app notin (api,web)', false],
    ['missing notin (a)', true],
    ['app in (api,web),weight', true],
    ['app=web,weight=8', false],
    ['weight>6', true],
    ['weight>7', false],
    ['weight<8', true],
    ['app>1', false],
    ['reserved:world', true],
    ['world', true],
    ['cidr:10.0.0.0/8', true],
    ['app.kubernetes.io/name=shop-web', true],
    ['k8s.app', false],
    ['missing=', false],
    ['world=', true],
    ['', true],
  ])('%j is %s', (text, matches) => {
    expect(selector('label', [text])(LABELS)).toBe(matches);
  });

  it('of several values any may match', () => {
    expect(selector('label', ['app=api', 'app=web'])(LABELS)).toBe(true);
  });

  it.each(['app in b', 'app in (a', '=web', 'a b', 'app=we b', 'app>x', 'a,,b', ',', '!', 'app=a=b', '(a)'])(
    'refuses %j',
    (text) => {
      expect(() => selector('from-label', [text])).toThrow(FilterError);
    },
  );

  it('takes time linear in its text', () => {
    const started = performance.now();
    for (const text of [`${'a'.repeat(200_000)}!`, `${'a-'.repeat(100_000)} (`, `a in (${'(,'.repeat(50_000)}`]) {
      expect(() => selector('label', [text])).toThrow(FilterError);
    }
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
