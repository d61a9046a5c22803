import { describe, expect, it } from 'vitest';
import type { HubStatus } from '../wire/status.ts';
import { parseBytes } from './bytes.ts';
import { parseListen } from './listen.ts';
import { observeCommand, observeQuery } from './observe.ts';
import { statusText } from './status.ts';

describe('spyglass observe', () => {
  const query = (...args: string[]): string => {
    const command = observeCommand()
      .exitOverride()
      .configureOutput({ writeErr: () => undefined });
    command.parseOptions(args);
    return decodeURIComponent(observeQuery(command));
  };

  it.each([
    [[], ''],
    [['--last', '5', '--since', '5m'], 'last=5&since=5m'],
    [['-f', '--namespace', 'shop', '--namespace', 'lab'], 'follow=true&namespace=shop&namespace=lab'],
    [['--to-port', '80', '--from-pod', 'shop/web', '--node-name', 'a'], 'from-pod=shop/web&to-port=80&node-name=a'],
    [['--not', 'pod=shop/web', '--verdict', 'DROPPED'], 'verdict=DROPPED&not.pod=shop/web'],
  ])('%j asks for %s', (args, expected) => {
    expect(query(...args)).toBe(expected);
  });

  it.each([['pod'], ['podd=x']])('refuses --not %s', (value) => {
    expect(() => query('--not', value)).toThrow(/NAME=VALUE/);
  });
});

describe('spyglass hub', () => {
  it.each([
    ['127.0.0.1:12000', { host: '127.0.0.1', port: 12_000 }],
    ['[::1]:0', { host: '[::1]', port: 0 }],
    ['localhost:80', { host: 'localhost', port: 80 }],
  ])('--listen %s', (text, expected) => {
    expect(parseListen(text)).toEqual(expected);
  });

  it.each(['', 'localhost', ':80', '::1:80', 'localhost:65536', 'localhost:x'])('refuses --listen %j', (text) => {
    expect(() => parseListen(text)).toThrow(/HOST:PORT/);
  });

  it('reads --memory', () => {
    expect(['1048576', '1Mi', '2Gi'].map((text) => parseBytes(text, 1024 ** 2))).toEqual([
      1_048_576, 1_048_576, 2_147_483_648,
    ]);
    for (const text of ['', '1', '1MB', '-1Mi', '9999999Gi'])
      expect(() => parseBytes(text, 1024 ** 2)).toThrow(/1 MiB/);
  });
});

describe('spyglass status', () => {
  const status: HubStatus = {
    version: '0.1.0',
    hub: 'x',
    mode: 'replay',
    started: '',
    uptime_s: 5,
    nodes: { known: 2, connected: 1 },
    flows: {
      stored: 1,
      received: 2,
      overwritten: 1,
      exact: false,
      rate: 1.26,
      oldest: null,
      memory_bytes: 1,
      memory_limit_bytes: 4,
    },
    drops_rate: 0,
    lost: { records: 10, ring: 2, buffer: 1, agent: 3, transit: 4 },
    live_clients: 0,
    grpc: { address: '127.0.0.1:4245', tls: true, streams: 2 },
    history: {
      kind: 'chdb',
      state: 'failing',
      problem: 'The disk is full.',
      backlog_bytes: 1_572_864,
      stored_until: null,
      oldest: '2026-11-20T00:00:00.000000000Z',
      rows: 12,
      bytes: 1_048_576,
      not_stored: { backlog: 5, refused: 1, stopped: 0 },
    },
  };

  it('says what is lost and what is a replay', () => {
    const text = statusText(status, []);
    expect(text).toContain('REPLAY');
    expect(text).toContain('1 of 2 connected');
    expect(text).toContain('1.3/s, 1 in memory of at least 2 received (25 % of the memory in use)');
    expect(text).toContain('10 records (2 in kernels, 1 in agents, 3 with agents that ended, 4 on the way)');
    expect(text).toContain('Hubble   gRPC on 127.0.0.1:4245 with TLS, 2 streams of flows\n');
    expect(text).toContain(
      'History  chdb, failing, 12 flows in 1.0 MiB since 2026-11-20T00:00:00.000000000Z, 1.5 MiB waiting, 6 flows not stored\n' +
        '  ! The disk is full.\n',
    );
    expect(statusText({ ...status, grpc: null }, [])).toContain('Hubble   off\n');
  });
});
