/** The protocols as programs speak them that we did not write: each connection is taken for what it is, from its first byte on. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Capture, CaptureReader } from './capture-reader.ts';
import { until, World } from './world.ts';

const POSTGRESQL = '/usr/lib/postgresql';

let world: World;
let reader: CaptureReader;
let folder: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spyglass-l7-'));
  chmodSync(folder, 0o755);
  world = await World.create();
  await world.addPods('client', 'server');
  reader = new CaptureReader(world.datapath.maps.captures);
});
afterAll(async () => {
  for (const child of children) child.kill('SIGTERM');
  for (const child of children) if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  reader[Symbol.dispose]();
  await world[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a program in the server's pod; resolves when `answers`, run in the same pod, ends well. */
async function serve(argv: string[], answers: string[]): Promise<void> {
  const [program = '', ...args] = world.inside('server', argv);
  children.push(spawn(program, args, { stdio: 'ignore' }));
  await until(`${argv[0]} answers`, () => world.succeeds('server', answers[0] ?? '', ...answers.slice(1)));
  reader.read();
}

/** What a program run in the client's pod says, and what was captured of the TCP connection that it made. */
async function ask(...argv: string[]): Promise<{ output: string; captures: Capture[] }> {
  const output = world.exec('client', argv[0] ?? '', ...argv.slice(1));
  const captures: Capture[] = [];
  // The server may close after the client has gone.
  await until('the end of the connection is told', () => {
    captures.push(...reader.read());
    return captures.some((it) => it.flags.includes('END'));
  });
  return { output, captures };
}

/** The protocols, and the first bytes of each side. */
function outline(captures: readonly Capture[]): { protocols: string[]; first: string[]; ends: number } {
  const first = captures.filter((it) => it.flags.includes('FIRST'));
  return {
    protocols: [...new Set(captures.map((it) => it.protocol))],
    first: first.map((it) => it.bytes.toString('latin1')),
    ends: captures.filter((it) => it.flags.includes('END')).length,
  };
}

test('Redis', async () => {
  const ip = world.v4('server');
  await serve(
    ['redis-server', '--bind', '0.0.0.0', '--protected-mode', 'no', '--save', '', '--dir', folder],
    ['redis-cli', 'ping'],
  );
  const { output, captures } = await ask('redis-cli', '-h', ip, 'set', 'key', 'value');
  expect(output.trim()).toBe('OK');
  const { protocols, first, ends } = outline(captures);
  expect(protocols).toEqual(['REDIS']);
  expect(first[0]).toMatch(/^\*\d+\r\n\$/);
  expect(captures.some((it) => it.bytes.includes('$3\r\nset\r\n$3\r\nkey\r\n$5\r\nvalue\r\n'))).toBe(true);
  expect(captures.at(-2)?.bytes.toString()).toBe('+OK\r\n');
  expect(ends).toBe(1);
});

test('DNS by UDP and by TCP', async () => {
  const ip = world.v4('server');
  const query = ['dig', `@127.0.0.1`, '+time=1', '+tries=1', 'shop.test'];
  await serve(['dnsmasq', '-k', '-h', '-R', '--pid-file=', '--user=root', '--address=/shop.test/192.0.2.7'], query);
  expect(world.exec('client', 'dig', `@${ip}`, '+short', 'shop.test').trim()).toBe('192.0.2.7');
  expect(reader.read().map((it) => [it.protocol, it.isReply, it.flags])).toEqual([
    ['DNS', false, ['UDP']],
    ['DNS', true, ['UDP']],
  ]);
  const tcp = await ask('dig', `@${ip}`, '+short', '+tcp', 'shop.test');
  expect(tcp.output.trim()).toBe('192.0.2.7');
  const { protocols, first, ends } = outline(tcp.captures);
  expect([protocols, first.length, ends]).toEqual([['DNS'], 2, 1]);
});

test('TLS', async () => {
  const ip = world.v4('server');
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const subject = ['-subj', '/CN=shop.test', '-days', '1', '-nodes', '-newkey', 'rsa:2048'];
  execFileSync('openssl', ['req', '-x509', ...subject, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  const address = ['-connect', `127.0.0.1:4433`];
  const server = ['openssl', 's_server', '-accept', '4433', '-www', '-key', key, '-cert', certificate];
  await serve(server, ['sh', '-c', `openssl s_client ${address.join(' ')} < /dev/null`]);
  const { captures } = await ask('curl', '-sk', '--connect-to', `shop.test:443:${ip}:4433`, 'https://shop.test/');
  const { protocols, first, ends } = outline(captures);
  expect([protocols, first.length, ends]).toEqual([['TLS'], 2, 1]);
  expect(first[0]).toContain('shop.test');
  // The hellos and nothing of what was said.
  expect(captures.filter((it) => !it.flags.includes('END') && !it.flags.includes('FIRST'))).toEqual([]);
});

test('PostgreSQL', async () => {
  const ip = world.v4('server');
  const data = join(folder, 'postgresql');
  // Debian keeps versions side by side.
  const bin = join(POSTGRESQL, readdirSync(POSTGRESQL).toSorted().at(-1) ?? '', 'bin');
  const run = (...argv: string[]): string[] => [
    'setpriv',
    '--reuid=postgres',
    '--regid=postgres',
    '--clear-groups',
    ...argv,
  ];
  execFileSync('install', ['-d', '-o', 'postgres', '-g', 'postgres', '-m', '700', data]);
  const [program = '', ...args] = run(`${bin}/initdb`, '-D', data, '-A', 'trust', '-N');
  execFileSync(program, args, { stdio: 'ignore' });
  execFileSync('sh', ['-c', `echo 'host all all all trust' >> ${data}/pg_hba.conf`]);
  const server = run(`${bin}/postgres`, '-D', data, '-h', '0.0.0.0', '-k', '', '-F');
  const login = ['-h', ip, '-U', 'postgres', '-tA'];
  await serve(server, ['psql', '-h', '127.0.0.1', '-U', 'postgres', '-c', 'select 1']);
  const { output, captures } = await ask(
    'psql',
    ...login,
    '-c',
    "select repeat('x', 100) from generate_series(1, 5000)",
  );
  expect(output.split('\n')).toHaveLength(5001);
  const { protocols, first, ends } = outline(captures);
  expect(protocols).toEqual(['POSTGRESQL']);
  // StartupMessage, or a request for encryption before it.
  expect([0x30000, 80_877_103, 80_877_104]).toContain(Buffer.from(first[0] ?? '', 'latin1').readInt32BE(4));
  expect(ends).toBe(1);
  expect(captures.some((it) => it.bytes.includes('select repeat'))).toBe(true);
  const answers = captures.filter((it) => it.isReply && it.bytes.length > 0);
  expect(answers.at(-1)?.bytes.toString('latin1')).toBe('C\0\0\0\x10SELECT 5000\0Z\0\0\0\x05I');
});

test('MySQL', async () => {
  const ip = world.v4('server');
  const data = join(folder, 'mysql');
  const options = ['--no-defaults', `--datadir=${data}`];
  execFileSync('mariadb-install-db', [...options, '--user=mysql', '--auth-root-authentication-method=normal'], {
    stdio: 'ignore',
  });
  const places = [`--socket=${data}/socket`, `--pid-file=${data}/pid`, '--bind-address=0.0.0.0'];
  const mariadb = ['mariadb', '--no-defaults', '-u', 'root', `--socket=${data}/socket`];
  await serve(
    ['mariadbd', ...options, '--user=mysql', ...places],
    [...mariadb, '-e', "create user if not exists 'shop'@'%'"],
  );
  const { output, captures } = await ask(
    'mariadb',
    '--no-defaults',
    '-h',
    ip,
    '-u',
    'shop',
    '-N',
    '-e',
    'select 6 * 7',
  );
  expect(output.trim()).toBe('42');
  const { protocols, first, ends } = outline(captures);
  expect(protocols).toEqual(['MYSQL']);
  expect(captures[0]?.isReply).toBe(true);
  expect(first[0]).toContain('MariaDB');
  expect(captures.some((it) => it.bytes.includes('select 6 * 7'))).toBe(true);
  expect(ends).toBe(1);
});
