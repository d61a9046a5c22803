/** What every store has to do, over both ways to reach one: the store process, and a server with a login over TCP. */
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { storeSocket } from './chdb/store-messages.ts';
import { ClickHouse, type StorePlace } from './clickhouse.ts';
import type { SqlEngine } from './sql-engine.ts';
import { type TestStore, startTestStore } from './testing/test-store.ts';

// A real database starts, on machines that may be busy.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const USER = 'reader';
const PASSWORD = 'p ä:@/ss';

let store: TestStore;
let server: Awaited<ReturnType<typeof loginServer>>;

beforeAll(async () => {
  store = await startTestStore();
  server = await loginServer(storeSocket(store.process.folder));
});

afterAll(async () => {
  server.close();
  await store.end();
});

describe.each(['chdb', 'clickhouse'])('%s', (kind) => {
  let engine: SqlEngine & { close(): void };
  const database = `contract_${kind}`;

  beforeAll(async () => {
    engine = await store.client(database);
    if (kind === 'clickhouse') engine = new ClickHouse(place({ database }));
    await engine.command(`CREATE TABLE kinds (id UInt64, text String, address IPv6, codes Map(Int32, UInt64),
      list Array(UInt64), time DateTime64(9, 'UTC'), low LowCardinality(String), twice UInt64 DEFAULT id * 2)
      ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100`);
  });

  it('takes and gives bytes, 64-bit numbers, addresses, maps and lists as they are', async () => {
    const bytes = Buffer.from([0, 10, 10, 13, 10, 39, 92, 255]);
    const row = Buffer.concat([
      u64(2n ** 64n - 1n),
      // The order of the call, not the table's.
      varBytes(bytes),
      Buffer.from('fd42000000000000000000000a0a0a0a', 'hex'),
      Buffer.concat([Buffer.from([1]), i32(-5), u64(2n ** 53n + 1n)]),
      Buffer.concat([Buffer.from([2]), u64(1n), u64(2n ** 63n)]),
      u64(1_700_000_000_123_456_789n),
      varBytes(Buffer.from('demo')),
    ]);
    await engine.insert('kinds', ['id', 'text', 'address', 'codes', 'list', 'time', 'low'], [row], 'one');
    const columns = 'id, hex(text) AS text, address, codes, list, time, low, twice';
    expect(await engine.rows(`SELECT ${columns} FROM kinds`)).toEqual([
      {
        id: '18446744073709551615',
        text: bytes.toString('hex').toUpperCase(),
        address: 'fd42::a0a:a0a',
        codes: { '-5': '9007199254740993' },
        list: ['1', '9223372036854775808'],
        time: '2023-11-14 22:13:20.123456789',
        low: 'demo',
        twice: '18446744073709551614',
      },
    ]);
    const raw = await collect(engine.stream('SELECT text, id FROM kinds FORMAT RowBinary'));
    expect(raw).toEqual(Buffer.concat([varBytes(bytes), u64(2n ** 64n - 1n)]));
  });

  it('takes columns in the order of the call', async () => {
    await engine.insert('kinds', ['text', 'id'], [Buffer.concat([varBytes(Buffer.from('swapped')), u64(7n)])], 'order');
    expect(await engine.rows("SELECT id, twice FROM kinds WHERE text = 'swapped'")).toEqual([{ id: '7', twice: '14' }]);
  });

  it('takes parameters for what they are, whatever they hold', async () => {
    const hostile = ["'; DROP TABLE kinds --", '\\', "\\'", 'a\tb\nc\rd\0e', '{id:UInt64}', '%27', 'ä€😀', '\\N', ''];
    for (const text of hostile) {
      expect(await engine.rows('SELECT {text:String} AS text', { text })).toEqual([{ text }]);
      expect(await engine.rows('SELECT {texts:Array(String)} AS texts', { texts: [text, 'x'] })).toEqual([
        { texts: [text, 'x'] },
      ]);
    }
    const numbers = { big: 2n ** 64n - 1n, small: -5, list: [1, 2n ** 63n], ip: '::ffff:10.0.0.1' };
    const sql = 'SELECT {big:UInt64} AS big, {small:Int8} AS small, {list:Array(UInt64)} AS list, {ip:IPv6} AS ip';
    expect(await engine.rows(sql, numbers)).toEqual([
      { big: '18446744073709551615', small: -5, list: ['1', '9223372036854775808'], ip: '::ffff:10.0.0.1' },
    ]);
  });

  it('keeps parameters of queries at the same time apart', async () => {
    const ask = async (n: number): Promise<unknown> =>
      engine.rows('SELECT {n:UInt64} AS n, {t:String} AS t', { n, t: `t${n}` });
    const all = Array.from({ length: 40 }, (_, n) => n);
    expect(await Promise.all(all.map(ask))).toEqual(all.map((n) => [{ n: String(n), t: `t${n}` }]));
  });

  it('says why it refuses: syntax, names, values of parameters, rows cut short', async () => {
    await expect(engine.rows('SELECT 1 +')).rejects.toMatchObject({ problem: 'rejected', code: 62 });
    await expect(engine.command('NONSENSE')).rejects.toMatchObject({ problem: 'rejected', code: 62 });
    await expect(engine.rows('SELECT missing FROM kinds')).rejects.toThrow(/refused: .*missing.*UNKNOWN_IDENTIFIER/);
    await expect(engine.rows('SELECT {n:UInt8} AS n', { n: "1'x" })).rejects.toMatchObject({ problem: 'rejected' });
    await expect(engine.rows('SELECT {n:UInt8} AS n')).rejects.toThrow(/`n` is not set/);
    await expect(engine.command('CREATE TABLE kinds (id UInt8) ENGINE = Memory')).rejects.toMatchObject({ code: 57 });
    await expect(engine.insert('absent', ['id'], [u64(1n)], 'absent')).rejects.toMatchObject({ code: 60 });
    const before = await count();
    await expect(engine.insert('kinds', ['id'], [u64(1n), Buffer.from([1])], 'cut')).rejects.toMatchObject({
      code: 33,
    });
    expect(await count()).toBe(before);
  });

  it('changes nothing by a query', async () => {
    await expect(engine.rows('SELECT * FROM kinds; DROP TABLE kinds')).rejects.toMatchObject({ problem: 'rejected' });
    await expect(engine.rows('DROP TABLE kinds')).rejects.toMatchObject({ problem: 'rejected' });
    expect(await count()).toBeGreaterThan(0);
  });

  it('takes a token once a table', async () => {
    const before = await count();
    const rows = Array.from({ length: 1000 }, (_, i) => u64(BigInt(i)));
    for (const token of ['same', 'same', "other'"]) await engine.insert('kinds', ['id'], rows, token);
    expect(await count()).toBe(before + 2000);
  });

  it('fills views once, also when the insert is repeated', async () => {
    await engine.command(
      'CREATE TABLE sums (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100',
    );
    await engine.command('CREATE MATERIALIZED VIEW sums_view TO sums AS SELECT count() AS n FROM kinds');
    for (const token of ['viewed', 'viewed']) await engine.insert('kinds', ['id'], [u64(1n), u64(2n)], token);
    expect(await engine.rows('SELECT n FROM sums')).toEqual([{ n: '2' }]);
    await engine.command('DROP TABLE sums_view');
  });

  it('tells an error in the middle of an answer, after what came before', async () => {
    const sql = 'SELECT throwIf(number = 900000) AS x, number FROM numbers(1000000) FORMAT RowBinary';
    const chunks: Buffer[] = [];
    const all = (async () => {
      for await (const chunk of engine.stream(sql)) chunks.push(chunk);
    })();
    await expect(all).rejects.toMatchObject({ problem: 'rejected', code: 395 });
    expect(Buffer.concat(chunks).length).toBeGreaterThan(9 * 100_000);
  });

  it('breaks a query off when nobody waits for it any more', async () => {
    const stopping = new AbortController();
    const query = engine.rows(
      'SELECT sum(sipHash64(number)) AS broken_off FROM numbers(100000000000)',
      {},
      stopping.signal,
    );
    await running('broken_off', 1);
    stopping.abort();
    await expect(query).rejects.toMatchObject({ problem: 'aborted' });
    await running('broken_off', 0);
    for await (const chunk of engine.stream(
      'SELECT number AS left_early FROM numbers(100000000000) FORMAT RowBinary',
    )) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    await running('left_early', 0);
  });

  it('keeps an answer that nobody takes from growing in memory', async () => {
    const answer = engine
      .stream('SELECT number AS waits FROM numbers(100000000000) FORMAT RowBinary')
      [Symbol.asyncIterator]();
    await answer.next();
    const read = async (): Promise<unknown> =>
      engine.rows("SELECT read_rows FROM system.processes WHERE query LIKE '%waits%' AND query NOT LIKE '%system%'");
    let before = await read();
    for (let now = null; ; before = now) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      now = await read();
      if (JSON.stringify(now) === JSON.stringify(before)) break;
    }
    await answer.return?.();
    await running('waits', 0);
  });

  it('refuses an answer that is too large, and an insert that is', async () => {
    const sql = "SELECT repeat('x', 1000) AS x FROM numbers(70000)";
    await expect(engine.rows(sql)).rejects.toThrow(/larger than 64 MiB/);
    await expect(
      engine.insert('kinds', ['text'], Array<Buffer>(65).fill(Buffer.alloc(1024 ** 2)), 'large'),
    ).rejects.toThrow(RangeError);
  });

  it('inserts while slow queries run', async () => {
    const stopping = new AbortController();
    const slow = [1, 2, 3].map((n) =>
      engine.rows(`SELECT ${n} AS slow, sum(sipHash64(number)) FROM numbers(100000000000)`, {}, stopping.signal),
    );
    const ends = Promise.allSettled(slow);
    await running('AS slow', 3);
    for (let i = 0; i < 5; i++) await engine.insert('kinds', ['id'], [u64(5n)], `beside ${i}`);
    await running('AS slow', 3);
    stopping.abort();
    expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await running('AS slow', 0);
  });

  async function count(): Promise<number> {
    const [row] = await engine.rows<{ n: string }>('SELECT count() AS n FROM kinds');
    return Number(row?.n);
  }

  /** Resolves when so many queries run whose text has `words`. */
  async function running(words: string, expected: number): Promise<void> {
    const sql =
      'SELECT query FROM system.processes WHERE position(query, {words:String}) > 0 AND position(query, {mine:String}) = 0';
    await expect
      .poll(async () => (await engine.rows(sql, { words, mine: 'system.processes' })).length, { timeout: 5000 })
      .toBe(expected);
  }
});

describe('a server with a login', () => {
  it('tells a wrong password without telling it', async () => {
    const engine = new ClickHouse(place({ database: 'default', password: 'wrong-secret' }));
    const error = await engine.rows('SELECT 1').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ problem: 'denied', message: expect.stringContaining('reader') });
    const told = JSON.stringify([error, String((error as Error).stack)]);
    expect(told).toContain('***');
    expect(told).not.toMatch(/wrong-secret|u001b/);
  });
});

function place(more: Partial<StorePlace>): StorePlace {
  const at = { host: '127.0.0.1', port: server.port, tls: false };
  return { name: `ClickHouse at 127.0.0.1:${server.port}`, at, database: '', user: USER, password: PASSWORD, ...more };
}

/** ClickHouse with a user: passes on to the store process what has the right password. */
async function loginServer(socketPath: string): Promise<{ port: number; close(): void }> {
  const latin = (text: string): string => Buffer.from(text).toString('latin1');
  const front = createServer({ maxHeaderSize: 2 ** 21 }, (incoming, response) => {
    const { 'x-clickhouse-user': user, 'x-clickhouse-key': key } = incoming.headers;
    if (user !== latin(USER) || key !== latin(PASSWORD)) {
      response.writeHead(403, { 'X-ClickHouse-Exception-Code': '516' });
      // Repeats what it was sent, as some proxies do.
      const words = `${String(user)}: Authentication failed with \x1b[31m${String(key)}`;
      response.end(`Code: 516. DB::Exception: ${words}. (AUTHENTICATION_FAILED)`);
      return;
    }
    const { method = '', url = '', headers } = incoming;
    const onward = request({ socketPath, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.on('error', () => response.destroy());
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    front.close();
    front.closeAllConnections();
  };
  return { port: (front.address() as AddressInfo).port, close };
}

async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

function i32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

const varBytes = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([bytes.length]), bytes]);
