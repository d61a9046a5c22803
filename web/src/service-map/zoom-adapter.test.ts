import { expect, test } from 'vitest';
import { fitCamera } from './zoom-adapter.ts';

test('a small map is shown as large as life, a large one whole', () => {
  expect(fitCamera({ x: 0, y: 0, width: 100, height: 50 }, 1000, 500, []).k).toBe(1);
  const { k, x, y } = fitCamera({ x: -200, y: 0, width: 4000, height: 100 }, 1000, 500, []);
  expect(-200 * k + x).toBeGreaterThanOrEqual(0);
  expect(3800 * k + x).toBeLessThanOrEqual(1000);
  expect(100 * k + y).toBeLessThan(500);
});

test('nothing is fitted under the zoom buttons', () => {
  const bounds = { x: 0, y: 0, width: 2000, height: 900 };
  const card = { x: 1876, y: 844, width: 124, height: 56 };
  const { k, x } = fitCamera(bounds, 1000, 500, [card]);
  expect(2000 * k + x).toBeLessThanOrEqual(1000 - 52);
});
