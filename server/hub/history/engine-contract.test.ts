/** What every store has to do, over both ways to reach one: the store process, and a server with a login over TCP. */
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { storeSocket } from './chdb/store-messages.ts';
import { ClickHouse, type StorePlace } from './clickhouse.ts';
import type { SqlEngine } from './sql-engine.ts';
import { type TestStore, startTestStore } from './testing/test-store.ts';

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
});

describe('a server with a login', () => {
  it('tells a wrong password without telling it', async () => {
    const engine = new ClickHouse(place({ database: 'default', password: 'wrong-secret' }));
    const error = await engine.rows('SELECT 1').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ problem: 'denied', message: expect.stringContaining('reader') });
    expect(JSON.stringify([error, String((error as Error).stack)])).not.toContain('wrong-secret');
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
      response.end(`Code: 516. DB::Exception: ${String(user)}: Authentication failed. (AUTHENTICATION_FAILED)`);
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
