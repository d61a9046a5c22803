import { expect, test } from 'vitest';
import { tableSize } from '../../server/datapath/maglev.ts';
import { backendNames, disruption } from './disruption.ts';

test('a backend that goes moves its own slots and few others, at the same table size', () => {
  for (const count of [3, 4, 10, 40, 250]) {
    const { ideal, measured, worst } = disruption(backendNames(count), tableSize(count));
    expect(measured).toBeGreaterThanOrEqual(ideal * 0.98);
    expect(measured).toBeLessThan(ideal + 0.06);
    expect(worst).toBeLessThan(ideal + 0.1);
  }
});
