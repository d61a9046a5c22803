import { describe, expect, it } from 'vitest';
import { MAX_L7_TEXT } from '../../wire/l7.ts';
import { sqlFingerprint, sqlKind } from './sql-fingerprint.ts';
import type { SqlDialect } from './sql-fingerprint.ts';
import { random } from './testing/random.ts';

describe('sqlFingerprint', () => {
  it.each([
    ["SELECT * FROM users WHERE name = 'Jo' AND age > 42", 'SELECT * FROM users WHERE name = ? AND age > ?'],
    ['select  a ,\n\tb from t1 -- secret\nwhere x=1', 'select a , b from t1 where x=?'],
    ['SELECT 1 /* a /* nested */ secret */ + 2;', 'SELECT ? + ?'],
    ['SELECT x FROM t WHERE id IN (1, 2,3 , -4)', 'SELECT x FROM t WHERE id IN (?)'],
    ["INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y'), (3, 'z')", 'INSERT INTO t (a, b) VALUES (?)'],
    ["SELECT 'it''s', E'a\\'b', B'01', X'ff', U&'d\\0061t', 'c:\\'", 'SELECT ?'],
    ["SELECT E'a\\'b'\n 'c\\'d', x", 'SELECT ? ?, x'],
    ['SELECT $$secret$$, $fn$ $$ secret $fn$, "Quoted Name"', 'SELECT ?, "Quoted Name"'],
    ['SELECT * FROM t WHERE a = $1 AND b = $2', 'SELECT * FROM t WHERE a = ? AND b = ?'],
    ['SELECT a - 5, b-5, -5, 1e-5, .5, 0x1F, 12abc FROM t', 'SELECT a - ?, b-? FROM t'],
    ["UPDATE t SET a = '{\"k\": 1}'::jsonb WHERE b #> '{a}' = 'x'", 'UPDATE t SET a = ?::jsonb WHERE b #> ? = ?'],
    ['  ', ''],
  ])('PostgreSQL: %s', (statement, expected) => {
    expect(sqlFingerprint(statement, 'postgresql')).toBe(expected);
  });

  it.each([
    ["SELECT \"secret\", `a b`, 'it\\'s' FROM t # secret", 'SELECT ?, `a b`, ? FROM t'],
    ['SELECT 5--3, a-- secret\n, _utf8mb4\'x\', N"y"', 'SELECT ?-?, a , ?'],
    ['SELECT /*!50100 1 */ x FROM t LIMIT 10, 20', 'SELECT x FROM t LIMIT ?'],
    ['SELECT /* a /* b */ x', 'SELECT x'],
    ['SET @a = 1, @@global.x = "y"', 'SET @a = ?, @@global.x = ?'],
  ])('MySQL: %s', (statement, expected) => {
    expect(sqlFingerprint(statement, 'mysql')).toBe(expected);
  });

  it('tells the kind', () => {
    expect(sqlKind(sqlFingerprint('/* x */ (select 1)', 'mysql'))).toBe('SELECT');
    expect(sqlKind('')).toBe('');
  });

  it('is bounded', () => {
    const started = performance.now();
    expect(sqlFingerprint(`SELECT ${'a, '.repeat(1_000_000)}`, 'mysql').length).toBeLessThanOrEqual(MAX_L7_TEXT);
    expect(sqlFingerprint(`SELECT ${"('a'), ".repeat(1_000_000)}`, 'mysql')).toBe('SELECT (?), (?');
    expect(sqlFingerprint('/*'.repeat(1_000_000), 'postgresql')).toBe('');
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it.each(['postgresql', 'mysql'] as const)('lets no literal of %s through, cut or not', (dialect) => {
    const next = random(20261123);
    for (let n = 0; n < 3000; n += 1) {
      const statement = statementOf(dialect, next);
      const cuts = [statement.length, ...Array.from({ length: 8 }, () => next(statement.length + 1))];
      for (const cut of cuts) {
        const form = sqlFingerprint(statement.slice(0, cut), dialect);
        if (/s3c|777/i.test(form)) expect.fail(`${JSON.stringify(statement.slice(0, cut))} -> ${form}`);
      }
    }
  });
});

type Next = (bound: number) => number;

function pick<T>(list: readonly T[], next: Next): T {
  return list[next(list.length)] as T;
}

/** A statement whose literals all contain `s3c` or are numbers of sevens. */
function statementOf(dialect: SqlDialect, next: Next): string {
  const parts = [pick(['SELECT', 'UPDATE t1 SET a =', 'INSERT INTO "T" VALUES ('], next)];
  if (dialect === 'mysql') parts[0] = parts[0]?.replaceAll('"', '`') ?? '';
  for (let n = next(12); n >= 0; n -= 1) {
    parts.push(
      pick(['a', '+', '=', ',', '(', ')', '-', 'IN (', '::text', '@x', '', "''", '/', '*', '.', 'E', 'x.y'], next),
    );
    parts.push(pick(['', ' ', '\n', '/* s3c \' " */', dialect === 'mysql' ? "# s3c '\n" : "-- s3c '\n"], next));
    // Literals side by side would be one.
    parts.push(pick([' ', '\n', '(', ','], next), literal(dialect, next), pick([',', '),', ' ,'], next));
  }
  return parts.join('');
}

function literal(dialect: SqlDialect, next: Next): string {
  const body = pick(
    ['s3c', 'x s3c', "it''s s3c", '-- s3c', '/* s3c', '$$ s3c', '(s3c, s3c)', '# s3c', 's3c ? s3c', ''],
    next,
  );
  const number = pick(['777', '-777', '7.77e77', '0x777', '.777', '777e-777'], next);
  if (dialect === 'mysql') {
    const escaped = pick(['\\\\', "\\'", '\\" s3c', ''], next);
    return pick(
      [`'${escaped}${body}'`, `"${escaped}${body.replaceAll("'", '')}"`, `N'${body}'`, `_utf8'${body}'`, number],
      next,
    );
  }
  const tag = pick(['$$', '$tag$', '$s_3$'], next);
  const dollar = `${tag}${body.replaceAll('$', '')} ' " s3c${tag}`;
  return pick([`'${body}'`, `'${body}\\'`, `E'\\'${body}\\\\'`, `U&'${body}'`, dollar, number], next);
}
