/** The Hubble API's server against clients that misbehave, and with TLS. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { pino } from 'pino';
import { credentials, status as code } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RECORD_LAYOUT } from '../../wire/record-layout.gen.ts';
import { AgentDictionary } from '../../flows/dictionary.ts';
import { RecordCursor } from '../../flows/record.ts';
import { writeRecord } from '../../flows/record-writer.ts';
import { Access } from '../access/access.ts';
import { HubState } from '../hub-state.ts';
import { TestCertificate } from '../testing/certificate.ts';
import { endOf, GrpcClient } from '../testing/grpc-client.ts';
import { DICTIONARY, flow } from '../testing/hub-bed.ts';
import { TlsFiles } from '../tls-files.ts';
import { MAX_STREAMS } from './handlers.ts';
import { type GrpcOptions, MAX_CONNECTIONS, type RunningGrpc, startGrpc } from './server.ts';

const COUNT = 20_000;
const LOG = pino({ level: 'silent' });
const access = new Access({ mode: 'none', readers: null, agents: null }, LOG);
afterAll(() => access.stop());

let state: HubState;
let server: RunningGrpc;
const bugs: unknown[] = [];

async function start(options: Partial<GrpcOptions> = {}): Promise<GrpcClient> {
  const own = { host: '127.0.0.1', port: 0, access, tls: null, onBug: (it: unknown) => bugs.push(it) };
  server = await startGrpc(state, { ...own, ...options });
  return new GrpcClient(server.address);
}

beforeEach(() => {
  state = new HubState({ memory: 16 * 1024 * 1024, version: '0.1.0' });
  const names = new AgentDictionary('node-a');
  names.apply(DICTIONARY, 1);
  const record = writeRecord(RECORD_LAYOUT, flow());
  const source = { names, uuid: String, cursor: new RecordCursor(RECORD_LAYOUT), recordSize: RECORD_LAYOUT.size };
  const bytes = Buffer.concat(Array.from({ length: COUNT }, () => record));
  const range = { count: COUNT, firstSequence: 0, offsets: null, clockOffsetNs: 0n, minTime: 0, maxTime: 0 };
  state.store.append(source, { bytes, ...range });
});
afterEach(async () => {
  await server.close();
  expect(bugs).toEqual([]);
});

describe('clients that misbehave', () => {
  it('one that does not read is cut, and counted; others notice nothing', async () => {
    const client = await start({ patienceMs: 300 });
    const stream = client.stream({});
    stream.pause();
    const ended = endOf(stream);
    stream.pause();
    const other = new GrpcClient(server.address);
    expect(await other.ports({ number: 2 })).toHaveLength(2);
    await vi.waitFor(() => expect(state.stats.slowReaders).toBe(1), 5000);
    stream.resume();
    expect((await ended).code).toBe(code.UNAVAILABLE);
    expect(state.grpc?.streams).toBe(0);
    expect(state.grpc?.flows).toBeLessThan(COUNT / 10);
    expect(await other.ports({ number: 2 })).toHaveLength(2);
    for (const it of [client, other]) it.close();
  });

  it('one that goes away in the middle leaves nothing', async () => {
    const client = await start();
    for (const end of ['cancel', 'close'] as const) {
      const stream = client.stream({ follow: true, since: { seconds: '0' } });
      stream.on('error', () => undefined);
      await once(stream, 'data');
      expect(state.grpc?.streams).toBe(1);
      if (end === 'cancel') stream.cancel();
      else stream.destroy();
      stream.cancel();
      await vi.waitFor(() => expect(state.grpc?.streams).toBe(0), 5000);
    }
    expect(state.grpc?.calls.get('GetFlows CANCELLED')).toBe(2);
    client.close();
  });

  it('one whose connection breaks leaves nothing', async () => {
    const client = await start();
    const stream = client.stream({ follow: true });
    stream.on('error', () => undefined);
    await vi.waitFor(() => expect(state.grpc?.streams).toBe(1), 5000);
    client.close();
    stream.cancel();
    await vi.waitFor(() => expect(state.grpc?.streams).toBe(0), 5000);
  });

  it('more streams than there may be are refused', async () => {
    const client = await start();
    const clients = [client, new GrpcClient(server.address)];
    const streams = Array.from({ length: MAX_STREAMS }, (_, i) => clients[i % 2]!.stream({ follow: true }));
    for (const stream of streams) stream.on('error', () => undefined).resume();
    await vi.waitFor(() => expect(state.grpc?.streams).toBe(MAX_STREAMS), 5000);
    expect(await endOf(client.stream({}))).toMatchObject({ code: code.RESOURCE_EXHAUSTED });
    for (const stream of streams) stream.cancel();
    await vi.waitFor(() => expect(state.grpc?.streams).toBe(0), 5000);
    for (const it of clients) it.close();
  });

  it('connections that ask for nothing make room for those that do', async () => {
    const client = await start();
    const stream = client.stream({ follow: true });
    const ended = endOf(stream);
    await vi.waitFor(() => expect(state.grpc?.streams).toBe(1), 5000);
    const [host = '', port = ''] = server.address.split(':');
    const idle: Socket[] = [];
    const closed: Promise<unknown>[] = [];
    for (let i = 0; i < MAX_CONNECTIONS + 20; i++) {
      const socket = connect(Number(port), host)
        .on('error', () => undefined)
        .resume();
      await once(socket, 'connect');
      idle.push(socket);
      closed.push(once(socket, 'close').then(() => i));
    }
    // One place is the stream's, so 21 had to go, and they are the oldest.
    expect(await Promise.all(closed.slice(0, 21))).toEqual(Array.from({ length: 21 }, (_, i) => i));
    const other = new GrpcClient(server.address);
    expect(await other.ports({ number: 1 })).toHaveLength(1);
    expect(state.grpc?.streams).toBe(1);
    for (const socket of idle) socket.destroy();
    stream.cancel();
    expect((await ended).code).toBe(code.CANCELLED);
    for (const it of [client, other]) it.close();
  });

  it('bytes that are no HTTP/2 end their connection only', async () => {
    const client = await start();
    const [host = '', port = ''] = server.address.split(':');
    const socket = connect(Number(port), host).on('error', () => undefined);
    socket.end(Buffer.alloc(4096, 0x16));
    socket.resume();
    await once(socket, 'close');
    expect(await client.ports({ number: 1 })).toHaveLength(1);
    client.close();
  });
});

describe('listening', () => {
  it('refuses a taken port and foreign addresses in one sentence', async () => {
    (await start()).close();
    const options = { access, tls: null, onBug: () => undefined };
    const port = Number(server.address.split(':')[1]);
    await expect(startGrpc(state, { host: '127.0.0.1', port, ...options })).rejects.toThrow(
      `The Hubble API cannot listen on 127.0.0.1:${port}, because another process does; stop it, or choose another port with --grpc-listen.`,
    );
    await expect(startGrpc(state, { host: '0.0.0.0', port: 0, ...options })).rejects.toThrow(/only this machine/);
  });
});

describe('TLS', () => {
  const certificate = new TestCertificate();
  const tls = new TlsFiles(certificate.certFile, certificate.keyFile, LOG);
  afterAll(() => {
    tls.stop();
    certificate[Symbol.dispose]();
  });

  it('serves those that trust the certificate, and nobody in plain text', async () => {
    const plain = await start({ tls });
    const client = new GrpcClient(server.address, credentials.createSsl(certificate.cert));
    expect(await client.ports({ number: 3 })).toHaveLength(3);
    expect(state.grpc?.tls).toBe(true);
    const stranger = new GrpcClient(server.address, credentials.createSsl());
    await expect(stranger.ports({})).rejects.toMatchObject({ code: code.UNAVAILABLE });
    await expect(plain.ports({})).rejects.toMatchObject({ code: code.UNAVAILABLE });
    for (const it of [plain, client, stranger]) it.close();
  });

  it('a client that does not read is cut here, too', async () => {
    (await start({ tls, patienceMs: 300 })).close();
    const client = new GrpcClient(server.address, credentials.createSsl(certificate.cert));
    const stream = client.stream({});
    const ended = endOf(stream);
    stream.pause();
    await vi.waitFor(() => expect(state.stats.slowReaders).toBe(1), 5000);
    stream.resume();
    expect((await ended).code).toBe(code.UNAVAILABLE);
    client.close();
  });

  it('breaks off who begins no handshake', async () => {
    const client = await start({ tls, handshakeMs: 200 });
    const [host = '', port = ''] = server.address.split(':');
    const socket = connect(Number(port), host)
      .on('error', () => undefined)
      .resume();
    await once(socket, 'close');
    client.close();
  });

  it('takes over a renewed certificate without a restart', async () => {
    (await start({ tls })).close();
    const former = certificate.cert;
    certificate.renew();
    await vi.waitFor(async () => {
      const client = new GrpcClient(server.address, credentials.createSsl(certificate.cert));
      try {
        expect(await client.ports({ number: 1 })).toHaveLength(1);
      } finally {
        client.close();
      }
    }, 5000);
    const late = new GrpcClient(server.address, credentials.createSsl(former));
    await expect(late.ports({})).rejects.toMatchObject({ code: code.UNAVAILABLE });
    late.close();
  });

  it('refuses what is no certificate', () => {
    expect(() => new TlsFiles(certificate.keyFile, certificate.certFile, LOG)).toThrow(
      /^The certificate .* and the key .* cannot be used: .*; give PEM files that belong together/,
    );
  });
});
