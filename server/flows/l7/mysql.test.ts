import { describe, expect, it } from 'vitest';
import { mysqlParser } from './mysql.ts';
import { cut, play, recording, windowed } from './testing/play.ts';
import { RecordingSink } from './testing/recording-sink.ts';
import type { Piece, Write } from './testing/play.ts';

function packet(sequence: number, ...parts: (string | number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, body]);
}

function client(...packets: Buffer[]): Write {
  return { fromClient: true, bytes: Buffer.concat(packets) };
}

function server(...packets: Buffer[]): Write {
  return { fromClient: false, bytes: Buffer.concat(packets) };
}

const OK = packet(1, [0, 7, 0, 2, 0, 0, 0]);

function run(pieces: readonly Piece[], mode: 'metadata' | 'full' = 'metadata'): RecordingSink {
  const sink = new RecordingSink();
  play(mysqlParser(sink, mode), pieces);
  return sink;
}

function answers(sink: RecordingSink): string[] {
  return sink.events.flatMap(({ kind, route, sql }) =>
    kind === 'RESPONSE' ? [`${route} | ${sql?.error === '' ? (sql.rows ?? '') : sql?.error}`] : [],
  );
}

const connections = recording('mysql');

describe('MySQL', () => {
  it('reads what the command line client did', () => {
    const sink = run(windowed(connections[0] ?? [], Infinity));
    expect(answers(sink)).toEqual([
      'CONNECT | ',
      'CREATE TABLE users (id int primary key, name text, password text) | 0',
      'INSERT INTO users VALUES (?) | 2',
      'SELECT name FROM users WHERE password = ? | ',
      'UPDATE users SET name = ? WHERE id > ? | 2',
      'SELECT * FROM nowhere WHERE x = ? | 42S02',
      'OTHER | 42000',
      'PREPARE st FROM ? | 0',
      'SELECT seq, repeat(?) FROM seq_1_to_400 | ',
      'DO SLEEP(?) | 0',
    ]);
    expect([sink.gaps, sink.malformedMessages]).toEqual([0, 0]);
  });

  it('reads prepared statements', () => {
    const sink = run(windowed(connections[3] ?? [], Infinity));
    expect(answers(sink).slice(5)).toEqual([
      'PREPARE SELECT name FROM users WHERE id = ? AND password = ? | ',
      'SELECT name FROM users WHERE id = ? AND password = ? | ',
      'SELECT name FROM users WHERE id = ? AND password = ? | ',
      'PREPARE UPDATE users SET name = ? WHERE id = ? | ',
      'UPDATE users SET name = ? WHERE id = ? | 1',
      'PREPARE SELECT * FROM nothere WHERE a = ? | 42S02',
      'PREPARE INSERT INTO users VALUES (?) | ',
      'INSERT INTO users VALUES (?) | 23000',
      'RESET STATEMENT | 0',
      'PING | 0',
    ]);
    expect(sink.events.filter(({ route }) => route.startsWith('UPDATE')).map(({ sql }) => sql?.kind)).toEqual([
      'UPDATE',
      'UPDATE',
    ]);
  });

  it('tells of a refused login, and leaves a compressed connection alone', () => {
    expect(answers(run(windowed(connections[1] ?? [], Infinity)))).toEqual(['CONNECT | 28000']);
    const compressed = run(windowed(connections[2] ?? [], Infinity));
    expect([answers(compressed), compressed.malformedMessages]).toEqual([['CONNECT | '], 0]);
  });

  it('leaves an encrypted connection alone', () => {
    const [greeting] = connections[0] ?? [];
    const offered = Buffer.from(greeting?.bytes ?? []);
    // CLIENT_SSL in the second byte of the lower capabilities, which follow version, thread and salt.
    const capabilities = offered.indexOf(0, 5) + 1 + 4 + 8 + 1;
    offered[capabilities + 1] = (offered[capabilities + 1] ?? 0) | 0x08;
    const request = packet(
      1,
      [0x00, 0x0a, 0, 0],
      Array.from({ length: 28 }, () => 0),
    );
    const sink = run(windowed([server(offered), client(request), client(Buffer.from('160301ff00', 'hex'))], Infinity));
    expect([sink.requests, sink.malformedMessages, sink.gaps]).toEqual([[], 0, 0]);
  });

  it.each([1, 7, 64])('finds the same in pieces of %i bytes', (size) => {
    for (const connection of connections) {
      const whole = run(windowed(connection, Infinity));
      expect(answers(run(cut(windowed(connection, Infinity), size)))).toEqual(answers(whole));
    }
  });

  it('shows no literal', () => {
    for (const window of [20, 64, 100, 1024, Infinity]) {
      for (const connection of connections) {
        const sink = run(windowed(connection, window));
        expect(JSON.stringify([sink.events, sink.requests])).not.toContain('s3c');
      }
    }
  });

  it('needs only the beginning of a result', () => {
    const [whole, part] = [Infinity, 128].map((window) => run(windowed(connections[0] ?? [], window)));
    expect(part?.responses.map(({ route }) => route)).toEqual(whole?.responses.map(({ route }) => route));
    expect([part?.gaps, part?.malformedMessages]).toEqual([0, 0]);
  });

  it('reads commands whose end was not captured', () => {
    const writes = [
      client(packet(0, '\x03', `INSERT INTO t VALUES ('${'x'.repeat(50_000)}')`)),
      server(OK),
      client(packet(0, '\x03DELETE FROM t')),
      server(OK),
    ];
    const sink = run(windowed(writes, 1024));
    expect(answers(sink)).toEqual(['INSERT INTO t VALUES (? | 7', 'DELETE FROM t | 7']);
    expect(sink.gaps).toBe(0);
  });

  it('waits for the file that LOAD DATA asks for', () => {
    const sink = run(
      windowed(
        [
          client(packet(0, "\x03LOAD DATA LOCAL INFILE '/s3cret' INTO TABLE t")),
          server(packet(1, [0xfb], '/s3cret')),
          client(packet(2, 's3cret'), packet(3)),
          server(packet(4, [0, 7, 0])),
        ],
        Infinity,
      ),
    );
    expect(answers(sink)).toEqual(['LOAD DATA LOCAL INFILE ? INTO TABLE t | 7']);
    expect(sink.responses[0]?.latencyNs).toBe(3e6);
  });

  it('takes no attribute of a query for a statement', () => {
    const sink = run(
      windowed(
        [
          client(packet(0, '\x03\x00\x01SELECT 1')),
          server(OK),
          client(packet(0, '\x03\x01\x01\x00\x01\x0fs3cretSELECT 1')),
          server(OK),
        ],
        Infinity,
      ),
    );
    expect(sink.requests).toEqual(['SELECT ?', 'EMPTY']);
  });

  it('bounds what it remembers', () => {
    const sink = new RecordingSink();
    const parser = mysqlParser(sink, 'full');
    for (let n = 0; n < 1000; n += 1) {
      const sql = `\x16SELECT ${n}, '${'x'.repeat(3000)}'`;
      const id = [0, n & 0xff, n >> 8, 0, 0, 0, 0];
      play(parser, windowed([client(packet(0, sql)), server(packet(1, id)), client(packet(0, sql))], Infinity));
      expect(parser.bytes).toBeLessThanOrEqual(64 * 1024);
    }
  });

  it('believes a packet of 16 MB without keeping it', () => {
    const sink = new RecordingSink();
    const parser = mysqlParser(sink, 'metadata');
    play(parser, windowed([client(Buffer.from('ffffff000353454c', 'hex'))], Infinity));
    for (let n = 0; n < 100; n += 1) play(parser, windowed([client(Buffer.alloc(60_000, 'x'))], Infinity));
    expect(parser.bytes).toBeLessThanOrEqual(4096);
    expect(sink.requests).toEqual(['OTHER']);
  });
});
