import { expect, test } from 'vitest';
import { masqueradePorts } from './uplinks.ts';

test('masquerading keeps away from the ports of the host and from node ports', () => {
  expect(masqueradePorts(32_768, 60_999)).toEqual({ first: 1024, count: 28_976 });
  expect(masqueradePorts(1024, 29_999)).toEqual({ first: 32_768, count: 32_768 });
  expect(masqueradePorts(10_000, 65_535)).toEqual({ first: 1024, count: 8976 });
  expect(masqueradePorts(1024, 65_535).count).toBe(0);
});
