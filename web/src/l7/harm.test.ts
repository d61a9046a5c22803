import { expect, test } from 'vitest';
import type { L7Row } from '../../../server/wire/l7-table.ts';
import { AXIS_NS, byHarm, onAxis, spokenId, sumRows } from './harm.ts';

function row(target: string, more: Partial<L7Row> = {}): L7Row {
  return {
    source: '',
    target,
    port: 80,
    service: null,
    protocol: 'http',
    route: '',
    requests: 100,
    responses: 100,
    errors: 0,
    rate: 10,
    error_share: 0,
    codes: {},
    latency_ns: { p50: 1e6, p95: 2e6, p99: 3e6, mean: 1e6 },
    exact: true,
    ...more,
  };
}

test('what fails or is slow comes first, weighted by how many suffer; then the busiest', () => {
  const slow = { p50: 1e6, p95: 500e6, p99: 600e6, mean: 1e6 };
  const rows = [
    row('busy', { rate: 500 }),
    row('fails-rarely-used', { rate: 0.1, error_share: 1 }),
    row('fails-a-bit', { rate: 100, error_share: 0.02 }),
    row('slow', { rate: 10, latency_ns: slow }),
    row('fine'),
  ];
  expect(byHarm(rows).map(({ target }) => target)).toEqual([
    'slow',
    'fails-a-bit',
    'fails-rarely-used',
    'busy',
    'fine',
  ]);
});

test('callers are summed over routes; shares of the sums, and no latency that nobody measured', () => {
  const [sum, ...none] = sumRows(
    [
      row('a', { source: 'x', responses: 90, errors: 9, error_share: 0.1 }),
      row('a', { source: 'x', responses: 10, errors: 0, exact: false }),
    ],
    ({ source }) => source,
  );
  expect(none).toEqual([]);
  expect(sum).toMatchObject({ requests: 200, rate: 20, error_share: 0.09, latency_ns: null, exact: false });
});

test('the axis is logarithmic, and what is beyond it stands at its end', () => {
  expect(onAxis(AXIS_NS[0])).toBe(0);
  expect(onAxis(AXIS_NS[1])).toBe(1);
  expect(onAxis(1e12)).toBe(1);
  expect(onAxis(0)).toBe(0);
  expect(onAxis(1e7)).toBeCloseTo(0.5);
});

test('a service is named by target, port and protocol', () => {
  expect(spokenId(row('shop/Deployment/web'))).toBe('shop/Deployment/web:80/http');
});
