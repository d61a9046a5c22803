import { expect, it } from 'vitest';
import { EXCHANGES, rateOf } from './protocols.ts';

// Far below what is measured, so that it fails only for a mistake that makes parsing slow by orders of magnitude.
it.each(EXCHANGES)('reads every exchange of $name, and thousands a second', (exchange) => {
  expect(rateOf(exchange, true, 50)).toBeGreaterThan(2000);
});
