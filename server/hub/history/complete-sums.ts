/**
 * What views sum up of flows is written after the flows themselves. A store that is killed between the two has flows whose
 * sums are missing; the hub that sent them makes up for that by sending them again, but it may have been killed, too.
 */
import type { SqlEngine } from './sql-engine.ts';
import { VIEWS, type ViewDefinition } from './tables.ts';

/** Sums of a view's table, by what they are grouped by, and what else is a part of its rows. */
const SUMMED: Readonly<
  Record<string, { keys: readonly string[]; sums: readonly string[]; newest: readonly string[] }>
> = {
  policy_1m: { keys: ['minute', 'arrived', 'session', 'rule'], sums: ['hits'], newest: ['last'] },
  flows_1m: {
    keys: ['minute', 'arrived', 'session', 'node', 'type', 'verdict'],
    sums: ['flows', 'dropped'],
    newest: [],
  },
};

/**
 * Adds what sums lack of the newest partition: only the last block of a hub can have been cut. Nobody else may write
 * meanwhile. Throws StoreError.
 */
export async function completeSums(engine: Pick<SqlEngine, 'rows' | 'command'>): Promise<void> {
  const [found] = await engine.rows<{ newest: number }>('SELECT toUnixTimestamp(max(arrived)) AS newest FROM flows');
  const newest = found?.newest ?? 0;
  if (newest === 0) return;
  for (const view of VIEWS) await engine.command(difference(view, newest));
}

/** `arrived`: Unix seconds. */
function difference({ to, select }: ViewDefinition, arrived: number): string {
  const columns = SUMMED[to];
  if (columns === undefined) throw new Error(`it is not known what ${to} sums up`);
  const { keys, sums, newest } = columns;
  const signed = (sign: string): string =>
    [
      ...keys,
      ...sums.map((it) => `${sign}toInt64(${it}) AS more_${it}`),
      ...newest.map((it) => `${it} AS new_${it}`),
    ].join(', ');
  const within = `WHERE arrived = toDateTime(${arrived}, 'UTC')`;
  const lacking = [...sums.map((it) => `sum(more_${it})`), ...newest.map((it) => `max(new_${it})`)];
  return `INSERT INTO ${to} (${[...keys, ...sums, ...newest].join(', ')})
    SELECT ${[...keys, ...lacking].join(', ')} FROM (
      SELECT ${signed('')} FROM (${select}) ${within}
      UNION ALL
      SELECT ${signed('-')} FROM ${to} ${within}
    ) GROUP BY ${keys.join(', ')} HAVING ${sums.map((it) => `sum(more_${it}) > 0`).join(' OR ')}`;
}
