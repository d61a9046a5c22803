/** Logins of browsers, as far as one token can go. */
import { expect, it } from 'vitest';
import { Sessions } from './sessions.ts';

it('many logins with one token end its own older ones, and no others', () => {
  const sessions = new Sessions();
  const other = sessions.begin('other');
  const ids = Array.from({ length: 20_000 }, () => sessions.begin('busy'));
  expect(sessions.token(other)).toBe('other');
  expect(ids.filter((id) => sessions.token(id) !== null)).toEqual(ids.slice(-50));
});
