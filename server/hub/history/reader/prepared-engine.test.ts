import { expect, it } from 'vitest';
import { Failure } from '../../../base/failure.ts';
import { orUnavailable } from '../../http/problem.ts';
import { type SqlEngine, StoreError } from '../sql-engine.ts';
import { PreparedEngine } from './prepared-engine.ts';

const never = async (): Promise<never> => Promise.reject(new Error('is not asked'));
const engine: SqlEngine = {
  rows: never,
  insert: never,
  command: never,
  stream: () => {
    throw new Error('is not asked');
  },
};

/** What a reader of the API is told, asked in both ways. */
async function told(error: Error): Promise<unknown[]> {
  const prepared = new PreparedEngine(engine, async () => Promise.reject(error));
  const asked = [prepared.rows('SELECT 1'), prepared.stream('SELECT 1').next()];
  return Promise.all(asked.map(async (it) => orUnavailable<unknown>(it).catch((thrown: unknown) => thrown)));
}

it('tells readers why this version cannot use the store', async () => {
  const words = 'chdb in /x holds history of schema 99; run the newer Spyglass.';
  const problem = expect.objectContaining({ status: 503, message: words }) as unknown;
  expect(await told(new Failure(words))).toEqual([problem, problem]);
  const away = expect.objectContaining({ status: 504, message: 'Too late.' }) as unknown;
  expect(await told(new StoreError('timeout', 'Too late.'))).toEqual([away, away]);
});

it('leaves faults of the hub what they are', async () => {
  const fault = new TypeError('x is not a function');
  expect(await told(fault)).toEqual([fault, fault]);
});
