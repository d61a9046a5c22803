/** HTTP/1, HTTP/2 and TLS against nginx: what its access log says happened is what we saw. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { useOneProcessor } from '../one-processor.ts';
import { until, World } from '../world.ts';
import { agrees, Listener, tally } from '../listener.ts';
import { type Access, Nginx } from './nginx.ts';
import { Nghttpx } from './nghttpx.ts';
import { PeerServer } from './peer-server.ts';

const VIPS = ['10.96.0.10', 'fd96::10'] as const;
const SLOW_PORT = 9000;
let world: World;
let slow: PeerServer;
let nginx: Nginx;
let nghttpx: Nghttpx;
let listener: Listener;
/** Lines of the access log that are done with. */
let before = 0;

beforeAll(async () => {
  useOneProcessor();
  world = await World.create();
  await world.addPods('client', 'server');
  world.setService('web', [...VIPS], 80, 8080, 'TCP', ['server']);
  world.setService('web2', ['10.96.0.11', 'fd96::11'], 80, 8082, 'TCP', ['server']);
  slow = new PeerServer(world, 'server');
  await slow.start([process.execPath, join(import.meta.dirname, 'slow.mjs'), String(SLOW_PORT)], SLOW_PORT);
  nginx = await Nginx.start(world, 'server', SLOW_PORT);
  world.setService('web4', ['10.96.0.14', 'fd96::14'], 80, 8084, 'TCP', ['server']);
  nghttpx = await Nghttpx.start(world, 'server', SLOW_PORT);
  listener = new Listener(world);
});
beforeEach(() => {
  before = nginx.accesses().length;
  listener.messages();
});
afterAll(async () => {
  expect(listener.faults).toEqual([]);
  listener[Symbol.dispose]();
  await nghttpx[Symbol.asyncDispose]();
  await nginx[Symbol.asyncDispose]();
  await slow[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

const curl = (...args: string[]): void => {
  world.exec('client', 'curl', '--silent', '--show-error', '--output', '/dev/null', ...args);
};

/** nginx writes its line after the last byte of the answer. */
async function logged(count: number): Promise<Access[]> {
  await until(`${count} lines in the access log`, () => nginx.accesses().length >= before + count);
  return nginx.accesses().slice(before);
}

/** What we saw of the answers, in the words of the log. Query strings are redacted to their keys. */
function seen(protocol: 'http' | 'http2'): string[] {
  return listener
    .messages(protocol)
    .filter((it) => it.kind === 'RESPONSE')
    .map(({ http }) => `${http?.method} ${new URL(http?.url ?? '').pathname} ${http?.code}`);
}

const inLog = (accesses: readonly Access[]): string[] =>
  accesses.map((it) => `${it.method} ${it.uri.split('?')[0]} ${it.status}`);

describe.each([
  ['IPv4', '10.96.0.10', '10.96.0.11', '10.96.0.14'],
  ['IPv6', '[fd96::10]', '[fd96::11]', '[fd96::14]'],
] as const)('%s', (_, vip, vip2, vip4) => {
  const web = `http://${vip}`;

  test('HTTP/1.1: kept connections, every kind of answer, bodies of all sizes', async () => {
    const pages = [
      'small',
      'created',
      'empty',
      'moved',
      'teapot',
      'broken',
      'away',
      'missing',
      'large',
      'small?token=secret',
    ];
    curl(...pages.flatMap((it) => ['--output', '/dev/null', `${web}/${it}`]));
    curl('--head', `${web}/small`, '--next', '--silent', '--output', '/dev/null', `${web}/small`);
    curl('--data', 'a=b', `${web}/slow?ms=3`, '--next', '--silent', '--data', 'c=d', `${web}/created`);
    // Uploads: with a length, which curl announces and waits for 100 Continue, and in chunks.
    curl('--data-binary', `@${nginx.path('large')}`, `${web}/slow`, '--header', 'Expect: 100-continue');
    curl('--upload-file', nginx.path('large'), '--header', 'Transfer-Encoding: chunked', `${web}/slow`);
    const log = await logged(pages.length + 6);
    expect(tally(seen('http'))).toEqual(tally(inLog(log)));
    expect(listener.losses).toMatchObject({ gaps: 0, malformed: 0 });
  });

  test('HTTP/1.1: no secret of a query string leaves, names and ends are right', () => {
    curl('--user-agent', 'tester/1', '--header', 'Cookie: session=abc123', `${web}/small?token=abc123&x=abc123`);
    const messages = listener.messages('http');
    expect(messages.map((it) => it.kind)).toEqual(['REQUEST', 'RESPONSE']);
    expect(JSON.stringify(messages)).not.toContain('abc123');
    expect(messages[0]?.http?.headers).toContainEqual({ key: 'user-agent', value: 'tester/1' });
    const [client, server] = [world.pod('client').endpointId, world.pod('server').endpointId];
    expect(messages.map((it) => [it.sourceEndpoint, it.destinationEndpoint])).toEqual([
      [client, server],
      [server, client],
    ]);
    expect(messages[0]?.serviceId).toBeGreaterThan(0);
  });

  test('HTTP/1.0 and pipelined requests', async () => {
    curl('--http1.0', `${web}/small`, '--next', '--silent', '--http1.0', '--output', '/dev/null', `${web}/missing`);
    const paths = ['small', 'teapot', 'missing', 'empty', 'moved', 'small'];
    const requests = paths.map((it) => `GET /${it} HTTP/1.1\r\nHost: shop\r\n\r\n`).join('');
    const program = `
      const socket = require('net').connect(80, ${JSON.stringify(vip.replace(/[[\]]/g, ''))});
      let answers = 0;
      socket.write(${JSON.stringify(requests)});
      socket.on('data', (it) => (answers += it.toString().split('HTTP/1.1 ').length - 1) >= ${paths.length} && socket.end());`;
    world.exec('client', process.execPath, '-e', program);
    const log = await logged(paths.length + 2);
    expect(tally(seen('http'))).toEqual(tally(inLog(log)));
  });

  test('HTTP/2 with prior knowledge: many streams at once over one connection', async () => {
    const pages = ['small', 'created', 'empty', 'moved', 'teapot', 'broken', 'missing', 'large', 'slow?ms=5'];
    const paths = [1, 2, 3, 4].flatMap(() => pages).map((it) => `/${it}`);
    const program = `
      const client = require('http2').connect(${JSON.stringify(`http://${vip2}`)});
      const ask = (path) => new Promise((done) => client.request({ ':authority': 'shop', ':path': path }).on('close', done).resume().end());
      Promise.all(${JSON.stringify(paths)}.map(ask)).then(() => client.close());`;
    world.exec('client', process.execPath, '-e', program);
    // One a connection: curl 7.88 fails when it uses such a connection again.
    curl('--http2-prior-knowledge', `http://${vip2}/small`);
    curl('--http2-prior-knowledge', '--data-binary', `@${nginx.path('large')}`, `http://${vip2}/slow`);
    const log = await logged(4 * pages.length + 2);
    expect(tally(seen('http2'))).toEqual(tally(inLog(log)));
    expect(listener.losses).toMatchObject({ gaps: 0, malformed: 0 });
  });

  test('HTTP/2 by upgrade: the request that asks for it, and those that follow on the connection', async () => {
    const done = nghttpx.accesses().length;
    // The first answer is that to an HTTP/1 request, on stream 1.
    curl('--http2', `http://${vip4}/slow?ms=2`);
    curl('--http2', `http://${vip4}/slow?ms=3`, '--output', '/dev/null', `http://${vip4}/slow?ms=1`);
    curl('--http1.1', `http://${vip4}/slow?ms=2`);
    await until('four lines in the log', () => nghttpx.accesses().length === done + 4);
    const answers = listener.messages().filter((it) => it.kind === 'RESPONSE');
    const said = answers.map(({ http }) => `${http?.method} ${new URL(http?.url ?? '').pathname} ${http?.code}`);
    const logged = nghttpx
      .accesses()
      .slice(done)
      .map((it) => it.replace(/\?\S+ \S+/, ''));
    expect(said.toSorted()).toEqual(logged.toSorted());
    // The server logs a request that asked for the change as HTTP/1.1; it was answered by HTTP/2.
    expect(tally(answers.map((it) => `${it.http?.protocol}, ${it.protocol}`))).toEqual({
      'HTTP/1.1, http': 1,
      'HTTP/2, http': 2,
      'HTTP/2, http2': 1,
    });
    expect(listener.losses).toMatchObject({ gaps: 0, malformed: 0 });
  });

  test('latencies are those of the log', async () => {
    for (const ms of [5, 20, 60]) {
      before = nginx.accesses().length;
      const urls = Array.from({ length: 8 }, () => ['--output', '/dev/null', `${web}/slow?ms=${ms}`]).flat();
      curl(...urls);
      const theirs = (await logged(8)).map((it) => it.requestMs);
      const ours = listener
        .messages('http')
        .flatMap((it) => (it.latency_ns === undefined ? [] : [it.latency_ns / 1e6]));
      expect(ours).toHaveLength(8);
      expect(agrees(ours, theirs, 1)).toBe('agrees');
    }
  });

  test('TLS: server name, protocols and version; nothing of what follows', async () => {
    const at = vip.startsWith('[') ? world.v6('server') : world.v4('server');
    const address = vip.startsWith('[') ? `[${at}]` : at;
    const args = ['--insecure', '--resolve', `shop.example:8443:${address}`];
    curl(...args, '--http2', 'https://shop.example:8443/small');
    curl(...args, '--http1.1', '--tls-max', '1.2', 'https://shop.example:8443/small');
    const log = await logged(2);
    const messages = listener.messages();
    expect(new Set(messages.map((it) => it.protocol))).toEqual(new Set(['tls']));
    const answers = messages.filter((it) => it.kind === 'RESPONSE').map((it) => it.tls);
    expect(answers.map((it) => [it?.sni, it?.version.replace('TLS ', 'TLSv')])).toEqual(
      log.map((it) => [it.tls.name, it.tls.version]),
    );
    // Of TLS 1.3, what the server chose is encrypted.
    expect(messages[0]?.tls?.alpn).toEqual(['h2', 'http/1.1']);
    expect(answers[1]?.alpn).toEqual([log[1]?.tls.alpn]);
  });
});

test('metrics count every request of a load of which not all send events', async () => {
  const counted = (): number =>
    listener.series().reduce((total, it) => total + (it.route === 'GET /teapot' ? it.responses : 0), 0);
  const [ours, losses] = [counted(), listener.losses];
  // While captures are read: what nobody reads is left out.
  const load = ['curl', '--silent', '--output', '/dev/null', 'http://10.96.0.10/teapot?[1-10000]'];
  const [program = '', ...args] = world.inside('client', load);
  await promisify(execFile)(program, args);
  expect(nginx.accesses().length - before).toBe(10_000);
  expect(counted() - ours).toBe(10_000);
  expect(listener.losses.unsent).toBeGreaterThan(losses.unsent);
  expect(listener.losses).toMatchObject({ gaps: losses.gaps, malformed: losses.malformed, evicted: 0 });
});
