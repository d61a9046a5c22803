/** What applications send in confidence leaves the node in no event and no metric, whatever way it was said. */
import { expect, test } from 'vitest';
import { L7_MODE, L7_PROTOCOL } from '../../wire/lists.gen.ts';
import { Connections } from './connections.ts';
import { FIRST, give } from './testing/captures.ts';

const SECRET = 's3cret';
/** As long and mixed as tokens are. */
const TOKEN = 'Zm9vYmFyQmF6MTIzNDU2Nzg5MA';

/** All that leaves when a client says this, each in a packet, and a server answers; as text. */
function leaves(protocol: number, mode: number, said: (string | Buffer)[], answer: string | Buffer = ''): string {
  const told: string[] = [];
  const table = new Connections({
    take: (words, bytes) => told.push(Buffer.from(words.buffer as ArrayBuffer, words.byteOffset, bytes).toString()),
    onFault: (_, error) => expect.fail(String(error)),
  });
  let sequence = 0;
  const bytesOf = (it: string | Buffer): Buffer => (typeof it === 'string' ? Buffer.from(it, 'latin1') : it);
  const connection = 7n;
  for (const bytes of said.map(bytesOf)) {
    give(table, { connection, protocol, mode, fromClient: true, bytes, sequence, flags: sequence === 0 ? FIRST : 0 });
    sequence += bytes.length;
  }
  give(table, { connection, protocol, mode, fromClient: false, bytes: bytesOf(answer), flags: FIRST });
  expect(table.losses.malformed).toBe(0);
  expect(told.length).toBeGreaterThan(0);
  return `${told.join('\n')}\n${JSON.stringify(table.report(true, 0))}`;
}

const http = (target: string, ...headers: string[]): string[] => [
  [`GET ${target} HTTP/1.1`, 'Host: shop', ...headers, '', ''].join('\r\n'),
];
const OK = `HTTP/1.1 200 OK\r\nSet-Cookie: id=${SECRET}\r\nLocation: /?code=${SECRET}\r\nContent-Length: 0\r\n\r\n`;

const CREDENTIALS = [
  http('/', `Authorization: Bearer ${SECRET}`, `Cookie: id=${SECRET}`, `X-Api-Key: ${SECRET}`),
  http('/', `Proxy-Authorization: Basic ${SECRET}`),
  http(`http://user:${SECRET}@shop/a`),
  http(`//user:${SECRET}@shop/a`),
  [`GET /a HTTP/1.1\r\nHost: user:${SECRET}@shop\r\n\r\n`],
  [`CONNECT user:${SECRET}@db:5432 HTTP/1.1\r\nHost: db\r\n\r\n`],
];

test.each(CREDENTIALS)('HTTP, even in full mode: %s', (...said) => {
  const left = leaves(L7_PROTOCOL.HTTP, L7_MODE.FULL, said, OK.replace(`/?code=${SECRET}`, '/'));
  expect(left).not.toContain(SECRET);
});

test.each([
  ...CREDENTIALS,
  http(`/login?token=${SECRET}`),
  http(`/login?${SECRET}`),
  // In base64, what ends in "=" is a value, not a key.
  http(`/login?${SECRET}=`),
  http(`/login?dXNlcjpw${SECRET}==`),
  http(`/login?token%3D${SECRET}=1`),
  http(`/login?a=b&${SECRET}${'x'.repeat(100)}=1`),
  http(`/login#${SECRET}`),
  http(`/login;${SECRET}/items`),
  http(`/login;id=${SECRET}/items`),
  http(`/token=${SECRET}/items`),
  http(`/login%3Ftoken%3d${SECRET}`),
  http('/', `X-Customer: ${SECRET}`, `Referer: http://shop/?token=${SECRET}`),
])('HTTP with metadata: %s', (...said) => {
  expect(leaves(L7_PROTOCOL.HTTP, L7_MODE.METADATA, said, OK)).not.toContain(SECRET);
});

test.each([
  `/reset/${TOKEN}`,
  `/services/T024BE7LD/${TOKEN}/x`,
  `/bot123456:${TOKEN}/send`,
  `/verify/eyJhbGciOiJIUzI1NiJ9.${TOKEN}.x`,
])('HTTP: tokens in the path, %s', (target) => {
  expect(leaves(L7_PROTOCOL.HTTP, L7_MODE.METADATA, http(target), OK)).not.toContain(TOKEN);
  expect(leaves(L7_PROTOCOL.HTTP, L7_MODE.FULL, http(target), OK)).toContain(TOKEN);
});

test('an annotation that changes counts from the next message on, on connections that are open, too', () => {
  const told: string[] = [];
  const table = new Connections({
    take: (words, bytes) => told.push(Buffer.from(words.buffer as ArrayBuffer, words.byteOffset, bytes).toString()),
    onFault: (_, error) => expect.fail(String(error)),
  });
  const bytes = Buffer.from(http(`/login?token=${SECRET}`).join(''));
  const answer = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  const say = (mode: number, nth: number): string => {
    told.length = 0;
    const flags = nth === 0 ? FIRST : 0;
    const common = { connection: 7n, mode, flags };
    give(table, { ...common, fromClient: true, bytes, sequence: nth * bytes.length });
    give(table, { ...common, fromClient: false, bytes: answer, sequence: nth * answer.length });
    return told.join('\n');
  };
  expect(say(L7_MODE.FULL, 0)).toContain(SECRET);
  expect(say(L7_MODE.METADATA, 1)).not.toContain(SECRET);
  expect(told).toHaveLength(2);
  expect(say(L7_MODE.FULL, 2)).toContain(SECRET);
});

test('HTTP: names, numbers and UUIDs in paths are no secrets', () => {
  const paths = ['/orders/17', '/order-confirmation-preview', '/v1/0d3f1f7e-8d1c-4b7e-9a51-5a9f3a1b2c3d', '/app.js'];
  for (const path of paths) expect(leaves(L7_PROTOCOL.HTTP, L7_MODE.METADATA, http(path), OK)).toContain(path);
});

const resp = (...words: string[]): string =>
  `*${words.length}\r\n${words.map((it) => `$${it.length}\r\n${it}\r\n`).join('')}`;

const REDIS_CREDENTIALS = [
  [resp('AUTH', SECRET)],
  [resp('AUTH', 'user', SECRET)],
  [`AUTH ${SECRET}\r\n`],
  [resp('HELLO', '3', 'AUTH', 'user', SECRET)],
  [resp('CONFIG', 'SET', 'requirepass', SECRET)],
  [resp('ACL', 'SETUSER', 'jo', `>${SECRET}`)],
  [resp('MIGRATE', 'host', '6379', 'key', '0', '10', 'AUTH', SECRET)],
];

test.each(REDIS_CREDENTIALS)('Redis, even in full mode: %j', (...said) => {
  expect(leaves(L7_PROTOCOL.REDIS, L7_MODE.FULL, said, '+OK\r\n')).not.toContain(SECRET);
});

test.each([...REDIS_CREDENTIALS, [resp('SET', `key:${SECRET}`, SECRET)], [resp('EVAL', `return '${SECRET}'`, '0')]])(
  'Redis with metadata: %j',
  (...said) => {
    const answer = `-WRONGPASS ${SECRET}\r\n`;
    expect(leaves(L7_PROTOCOL.REDIS, L7_MODE.METADATA, said, answer)).not.toContain(SECRET);
  },
);

const SQL_CREDENTIALS = [
  `CREATE USER jo WITH PASSWORD '${SECRET}'`,
  `ALTER ROLE jo PASSWORD '${SECRET}' VALID UNTIL 'infinity'`,
  `CREATE SUBSCRIPTION s CONNECTION 'host=a user=b password=${SECRET}' PUBLICATION p`,
  `CREATE USER MAPPING FOR jo SERVER s OPTIONS (user 'jo', password '${SECRET}')`,
];
const SQL = [
  ...SQL_CREDENTIALS,
  `SELECT * FROM cards WHERE number = '${SECRET}' -- ${SECRET}`,
  `SELECT /* ${SECRET} */ 1`,
  `INSERT INTO t VALUES (E'a\\'${SECRET}', $$${SECRET}$$, $x$ ${SECRET} $x$, U&'${SECRET}')`,
  `SELECT '${SECRET}`,
  `${SECRET}`,
];

const query = (sql: string): Buffer => {
  const head = Buffer.alloc(5);
  head.write('Q');
  head.writeUInt32BE(sql.length + 5, 1);
  return Buffer.concat([head, Buffer.from(`${sql}\0`)]);
};
const password = (): Buffer => {
  const message = query(SECRET);
  message.write('p');
  return message;
};
const READY = Buffer.concat([Buffer.from('430000000d53454c454354203100', 'hex'), Buffer.from('5a0000000549', 'hex')]);

test.each(SQL)('PostgreSQL with metadata: %s', (sql) => {
  expect(leaves(L7_PROTOCOL.POSTGRESQL, L7_MODE.METADATA, [query(sql)], READY)).not.toContain(SECRET);
});

test.each(SQL_CREDENTIALS)('PostgreSQL, even in full mode: %s', (sql) => {
  expect(leaves(L7_PROTOCOL.POSTGRESQL, L7_MODE.FULL, [query(sql)], READY)).not.toContain(SECRET);
});

test('PostgreSQL: a password that is answered to the server', () => {
  for (const mode of [L7_MODE.METADATA, L7_MODE.FULL]) {
    const said = [password(), query('SELECT 1')];
    expect(leaves(L7_PROTOCOL.POSTGRESQL, mode, said, READY)).not.toContain(SECRET);
  }
});

const command = (code: number, text: string): Buffer => {
  const packet = Buffer.concat([Buffer.from([0, 0, 0, 0, code]), Buffer.from(text)]);
  packet.writeUIntLE(packet.length - 4, 0, 3);
  return packet;
};
const MYSQL_OK = Buffer.from('0700000100000002000000', 'hex');

test.each([
  `SET PASSWORD FOR jo = PASSWORD('${SECRET}')`,
  `CREATE USER jo IDENTIFIED BY '${SECRET}'`,
  `CREATE USER jo IDENTIFIED BY "${SECRET}"`,
  `CHANGE MASTER TO MASTER_PASSWORD='${SECRET}'`,
])('MySQL, in either mode: %s', (sql) => {
  for (const mode of [L7_MODE.METADATA, L7_MODE.FULL])
    expect(leaves(L7_PROTOCOL.MYSQL, mode, [command(3, sql)], MYSQL_OK)).not.toContain(SECRET);
});

test.each([`SELECT "${SECRET}", 'it\\'s ${SECRET}' # ${SECRET}`, `SELECT 1 /*! ${SECRET} */`, SECRET])(
  'MySQL with metadata: %s',
  (sql) => {
    expect(leaves(L7_PROTOCOL.MYSQL, L7_MODE.METADATA, [command(3, sql)], MYSQL_OK)).not.toContain(SECRET);
  },
);
