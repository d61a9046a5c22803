/** PostgreSQL and MariaDB: what the servers have logged of statements is what we saw. */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useOneProcessor } from '../one-processor.ts';
import { until, World } from '../world.ts';
import { agrees, type Heard, Listener, tally } from '../listener.ts';
import { Mariadb } from './mariadb.ts';
import { type Logged, Postgresql } from './postgresql.ts';

let world: World;
let listener: Listener;

beforeAll(async () => {
  useOneProcessor();
  world = await World.create();
  await world.addPods('client', 'server');
  world.setService('db', ['10.96.0.10', 'fd96::10'], 5432, 5432, 'TCP', ['server']);
  world.setService('my', ['10.96.0.11', 'fd96::11'], 3306, 3306, 'TCP', ['server']);
  listener = new Listener(world);
});
afterAll(async () => {
  expect(listener.faults).toEqual([]);
  listener[Symbol.dispose]();
  await world[Symbol.asyncDispose]();
});

const kindOf = (statement: string): string => /^\s*(\w+)/.exec(statement)?.[1]?.toUpperCase() ?? '';
const milliseconds = (messages: readonly Heard[]): number[] => messages.map((it) => (it.latency_ns ?? NaN) / 1e6);

describe('PostgreSQL', () => {
  let server: Postgresql;
  let from = 0;
  beforeAll(async () => {
    server = await Postgresql.start(world, 'server');
  });
  afterAll(() => server[Symbol.asyncDispose]());

  /** Its log's lines since the last call, when `complete` says that they are all there. */
  async function logged(complete: (lines: readonly Logged[]) => boolean): Promise<Logged[]> {
    await until('all statements in the log', () => complete(server.logged().slice(from)));
    const lines = server.logged().slice(from);
    from += lines.length;
    return lines;
  }
  const answers = (): Heard[] =>
    listener.messages('postgresql').filter((it) => it.kind === 'RESPONSE' && it.sql?.kind !== 'CONNECT');

  test.each(['10.96.0.10', 'fd96::10'])('psql by %s: statements, errors, a large result', async (address) => {
    listener.messages();
    const statements = [
      "SELECT 'secret' AS a, 4711",
      'CREATE TEMPORARY TABLE t (a int, b text)',
      "INSERT INTO t SELECT n, 'secret' || n FROM generate_series(1, 20000) AS n",
      'SELECT * FROM t',
      'SELECT * FROM nosuch WHERE a = 4711',
      'SELECT 1/0',
      "UPDATE t SET b = 'secret' WHERE a < 100",
      'BEGIN',
      'DELETE FROM t WHERE a = 1',
      'COMMIT',
    ];
    const flags = statements.flatMap((it) => ['-c', it]);
    world.succeeds('client', 'psql', '-q', '-o', '/dev/null', '-h', address, '-U', 'shop', 'postgres', ...flags);
    const log = await logged((it) => it.some((line) => line.statement === 'COMMIT'));
    const seen = answers();
    expect(JSON.stringify(seen.map((it) => [it.route, it.sql]))).not.toMatch(/secret|4711/);
    const theirs = log.map((it) => `${kindOf(it.statement)} ${it.code}`);
    expect(tally(seen.map((it) => `${it.sql?.kind} ${it.sql?.error ?? ''}`))).toEqual(tally(theirs));
    expect(seen.map((it) => it.sql?.statement)).toContain('SELECT * FROM nosuch WHERE a = ?');
    expect(seen.find((it) => it.sql?.kind === 'INSERT')?.sql?.rows).toBe(20_000);
    expect(listener.losses).toMatchObject({ malformed: 0 });
  });

  test.each(['simple', 'extended', 'prepared'])('pgbench, %s protocol: all statements, their times', async (mode) => {
    const bench = (...args: string[]): void => {
      world.exec('client', 'pgbench', '-h', '10.96.0.10', '-U', 'shop', ...args, 'postgres');
    };
    if (mode === 'simple') bench('-i', '-q', '-s', '1');
    await until('the log is quiet', () => server.logged().length > 0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    from = server.logged().length;
    listener.messages();
    const transactions = 60;
    bench('-n', '-c', '2', '-t', String(transactions), '-M', mode);
    const isWhole = (it: Logged): boolean => it.step === 'statement' || it.step === 'execute';
    const log = await logged(
      (it) => it.filter((line) => isWhole(line) && kindOf(line.statement) === 'END').length >= 2 * transactions,
    );
    const seen = answers();
    // A statement that is only prepared is an exchange of its own.
    const isPrepared = (it: Heard): boolean => it.sql?.kind === 'PREPARE';
    if (mode === 'prepared') {
      const parsed = log.filter((it) => it.step === 'parse');
      expect(seen.filter(isPrepared)).toHaveLength(parsed.length);
    }
    const executed = seen.filter((it) => !isPrepared(it));
    expect(tally(executed.map((it) => it.sql?.kind ?? ''))).toEqual(
      tally(log.filter(isWhole).map((it) => kindOf(it.statement))),
    );
    for (const kind of ['UPDATE', 'SELECT', 'INSERT']) {
      const ours = milliseconds(seen.filter((it) => it.sql?.kind === kind));
      // Each step of the extended protocol has a line of its own; together they are the exchange.
      const steps = log.filter((it) => kindOf(it.statement) === kind);
      const perStatement = steps.reduce((sum, it) => sum + it.ms, 0) / ours.length;
      expect(agrees(ours, mode === 'simple' ? steps.map((it) => it.ms) : [perStatement])).toBe('agrees');
    }
  });
});

describe('MariaDB', () => {
  let server: Mariadb;
  beforeAll(async () => {
    server = await Mariadb.start(world, 'server');
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test.each(['10.96.0.11', 'fd96::11'])('its client by %s: statements, errors, a large result', async (address) => {
    listener.messages();
    const from = server.logged().length;
    const statements = [
      "SELECT 'secret', 4711",
      'CREATE TEMPORARY TABLE t (a int, b varchar(99))',
      "INSERT INTO t SELECT seq, CONCAT('secret', seq) FROM seq_1_to_20000",
      'SELECT * FROM t',
      'SELECT * FROM nosuch WHERE a = 4711',
      "UPDATE t SET b = 'secret' WHERE a < 100",
      ...Array.from({ length: 20 }, () => 'SELECT COUNT(*) FROM t'),
      'DROP TEMPORARY TABLE t',
    ];
    // With an error on one line it goes on with the next.
    writeFileSync(server.path('script'), statements.map((it) => `${it};\n`).join(''));
    const client = `mariadb --no-defaults --force -h ${address} -u shop shop < ${server.path('script')}`;
    world.succeeds('client', 'sh', '-c', client);
    await until('the last statement in the log', () =>
      server
        .logged()
        .slice(from)
        .some((it) => it.statement.startsWith('DROP')),
    );
    const log = server.logged().slice(from);
    const seen = listener
      .messages('mysql')
      .filter((it) => it.kind === 'RESPONSE' && statements.some((text) => kindOf(text) === it.sql?.kind));
    expect(JSON.stringify(seen.map((it) => [it.route, it.sql]))).not.toMatch(/secret|4711/);
    const ofStatements = (texts: readonly string[]) => tally(texts.map(kindOf).filter((it) => it !== ''));
    // Its client asks for the version before anything else.
    const theirs = log.map((it) => it.statement).filter((it) => !it.includes('@@version_comment'));
    const ours = seen.filter((it) => !it.sql?.statement.includes('@@version_comment'));
    expect(tally(ours.map((it) => it.sql?.kind ?? ''))).toEqual(ofStatements(theirs));
    expect(ours.filter((it) => it.sql?.error).map((it) => it.sql?.error)).toEqual(['42S02']);
    const isCount = (text: string): boolean => text.startsWith('SELECT COUNT');
    expect(
      agrees(
        milliseconds(ours.filter((it) => isCount(it.sql?.statement ?? ''))),
        log.filter((it) => isCount(it.statement)).map((it) => it.ms),
      ),
    ).toBe('agrees');
  });
});
