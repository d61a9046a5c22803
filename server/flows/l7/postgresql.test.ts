import { describe, expect, it } from 'vitest';
import { postgresqlParser } from './postgresql.ts';
import { cut, play, recording, windowed } from './testing/play.ts';
import { RecordingSink } from './testing/recording-sink.ts';
import type { Piece, Write } from './testing/play.ts';

function message(type: string, ...parts: (string | number[])[]): Buffer {
  const body = Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : Buffer.from(part))),
  );
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

function client(...messages: Buffer[]): Write {
  return { fromClient: true, bytes: Buffer.concat(messages) };
}

function server(...messages: Buffer[]): Write {
  return { fromClient: false, bytes: Buffer.concat(messages) };
}

const READY = message('Z', [0x49]);
const SYNC = message('S');

function run(pieces: readonly Piece[], mode: 'metadata' | 'full' = 'metadata'): RecordingSink {
  const sink = new RecordingSink();
  play(postgresqlParser(sink, mode), pieces);
  return sink;
}

function answers(sink: RecordingSink): string[] {
  return sink.events.flatMap(({ kind, route, sql }) =>
    kind === 'RESPONSE' ? [`${route} | ${sql?.error === '' ? (sql.rows ?? '') : sql?.error}`] : [],
  );
}

const connections = recording('postgresql');
const PSQL = [
  'CONNECT | ',
  'CREATE TABLE users (id int primary key, name text, password text) | ',
  'INSERT INTO users VALUES (?) | 2',
  'SELECT name FROM users WHERE password = ? | 2',
  'UPDATE users SET name = ? WHERE id = ? | 1',
  'SELECT ?/? | 22012',
  'SELECT * FROM nowhere WHERE x = ? | 42P01',
  'SELECT ? ; SELECT ? ; SELECT ? | 3',
  'BEGIN | ',
  'COPY users FROM STDIN | 2',
  'COMMIT | ',
  'COPY users TO STDOUT | 4',
  'SELECT g, repeat(?) FROM generate_series(?) g | 100',
  'EMPTY | ',
];
const SELECT = 'SELECT name FROM users WHERE id = ?';
const UPDATE = 'UPDATE users SET name = ? || ? WHERE id = ?';

describe('PostgreSQL', () => {
  it('reads what psql did', () => {
    const sink = run(windowed(connections[0] ?? [], Infinity));
    expect(answers(sink)).toEqual(PSQL);
    expect([sink.gaps, sink.malformedMessages]).toEqual([0, 0]);
  });

  it('reads prepared statements', () => {
    const sink = run(windowed(connections[2] ?? [], Infinity));
    expect(answers(sink)).toEqual([
      'CONNECT | ',
      `PREPARE ${SELECT} | `,
      `${SELECT} | 1`,
      `PREPARE ${UPDATE} | `,
      `${UPDATE} | 1`,
      `${SELECT} | 1`,
      `${UPDATE} | 1`,
    ]);
    expect(answers(run(windowed(connections[4] ?? [], Infinity)))).toEqual([
      'CONNECT | ',
      `${SELECT} | 1`,
      `${UPDATE} | 1`,
    ]);
  });

  it('goes on in clear when encryption is refused, and tells of a refused login', () => {
    expect(answers(run(windowed(connections[5] ?? [], Infinity)))).toEqual(['CONNECT | ', 'SELECT ? | 1']);
    expect(answers(run(windowed(connections[6] ?? [], Infinity)))).toEqual(['CONNECT | 3D000']);
  });

  it('leaves an encrypted connection alone', () => {
    const request = Buffer.from('0000000804d2162f', 'hex');
    const sink = run(windowed([client(request), server(Buffer.from('S')), client(Buffer.from('160301', 'hex'))], 99));
    expect([sink.requests.length, sink.malformedMessages]).toEqual([0, 0]);
  });

  it.each([1, 7, 64])('finds the same in pieces of %i bytes', (size) => {
    for (const connection of connections) {
      const whole = run(windowed(connection, Infinity));
      expect(answers(run(cut(windowed(connection, Infinity), size)))).toEqual(answers(whole));
    }
  });

  it('shows no literal, in full mode no password', () => {
    for (const window of [40, 64, 100, 1024, Infinity]) {
      for (const connection of connections) {
        const sink = run(windowed(connection, window));
        expect(JSON.stringify([sink.events, sink.requests])).not.toContain('s3c');
      }
    }
    const full = run(
      windowed([client(message('Q', "SELECT 'value'")), client(message('Q', "ALTER USER u PASSWORD 's3cret'"))], 999),
      'full',
    );
    expect(full.events.map(({ sql }) => sql?.statement)).toEqual(["SELECT 'value'", 'ALTER USER u PASSWORD ?']);
    expect(full.requests[0]).toBe('SELECT ?');
  });

  it('reads the end of an answer whose middle was not captured', () => {
    const rows = Array.from({ length: 1000 }, () => message('D', [0, 1, 0, 0, 0, 4], 'row'));
    const end = Buffer.concat([message('C', 'SELECT 1000'), READY]);
    const sink = run([
      { fromClient: true, bytes: message('Q', 'SELECT x FROM t') },
      { fromClient: false, bytes: Buffer.concat(rows).subarray(0, 1024) },
      { fromClient: false, bytes: 12_345 },
      // The end of a packet does not begin with a message.
      { fromClient: false, bytes: Buffer.concat([rows[0]?.subarray(7) ?? end, end]) },
      { fromClient: true, bytes: message('Q', 'SELECT y FROM t') },
      { fromClient: false, bytes: Buffer.concat([message('C', 'SELECT 0'), READY]) },
    ]);
    expect(answers(sink)).toEqual(['SELECT x FROM t | 1000', 'SELECT y FROM t | 0']);
    expect(sink.responses[0]?.latencyNs).toBe(3e6);
    expect(sink.gaps).toBe(0);
  });

  it.each([
    ['a suspended portal', [message('s'), READY], 'SELECT x FROM t | ', 0],
    ['an error', [message('E', 'SERROR', 'VERROR', 'C22012', [0]), READY], 'SELECT x FROM t | 22012', 0],
    ['the end of an error', [Buffer.from('Rint4div\0\0'), READY], 'SELECT x FROM t | XX000', 0],
    ['nothing but that it ended', [READY], undefined, 1],
  ])('reads %s at the end of an answer', (_name, tail, answer, gaps) => {
    const sink = run([
      { fromClient: true, bytes: message('Q', 'SELECT x FROM t') },
      { fromClient: false, bytes: message('D', [0, 1, 0, 0, 0, 4], 'row') },
      { fromClient: false, bytes: 12_345 },
      { fromClient: false, bytes: Buffer.concat(tail) },
      { fromClient: true, bytes: message('Q', 'SELECT y FROM t') },
      { fromClient: false, bytes: Buffer.concat([message('C', 'SELECT 0'), READY]) },
    ]);
    expect(answers(sink)).toEqual([answer, 'SELECT y FROM t | 0'].filter((it) => it !== undefined));
    expect(sink.gaps).toBe(gaps);
  });

  it('gives up on an answer whose end is not captured, and reads the next', () => {
    const writes = [
      client(message('Q', 'SELECT x FROM t')),
      server(
        ...Array.from({ length: 1000 }, () => message('D', [0, 1, 0, 0, 0, 4], 'row')),
        message('C', 'SELECT 1000'),
        READY,
      ),
      client(message('Q', 'SELECT y FROM t')),
      server(message('C', 'SELECT 0'), READY),
    ];
    const sink = run(windowed(writes, 1024));
    expect(answers(sink)).toEqual(['SELECT y FROM t | 0']);
    expect(sink.gaps).toBe(1);
  });

  it('answers a pipeline up to its error', () => {
    const batch = (sql: string): Buffer[] => [
      message('P', '', sql, [0, 0]),
      message('B', '', '', [0, 0, 0, 0, 0, 0]),
      message('E', '', [0, 0, 0, 0]),
    ];
    const sink = run(
      windowed(
        [
          client(...batch('SELECT a'), ...batch('SELECT b'), ...batch('SELECT c'), SYNC, ...batch('SELECT d'), SYNC),
          server(message('1'), message('2'), message('C', 'SELECT 1')),
          server(message('E', 'SERROR', 'VERROR', 'C23505', 'Ms3cret', [0]), READY),
          server(message('1'), message('2'), message('C', 'SELECT 2'), READY),
        ],
        Infinity,
      ),
    );
    expect(answers(sink)).toEqual(['SELECT a | 1', 'SELECT b | 23505', 'SELECT d | 2']);
    expect(sink.gaps).toBe(0);
  });

  it('bounds what it remembers', () => {
    const sink = new RecordingSink();
    const parser = postgresqlParser(sink, 'full');
    for (let n = 0; n < 2000; n += 1) {
      const sql = `SELECT ${n}, '${'x'.repeat(3000)}'`;
      play(
        parser,
        windowed(
          [client(message('P', `name${n}`, sql, [0, 0]), message('B', `portal${n}`, `name${n}`), message('Q', sql))],
          Infinity,
        ),
      );
      expect(parser.bytes).toBeLessThanOrEqual(64 * 1024);
    }
    expect(sink.gaps).toBeGreaterThan(0);
  });

  it.each([
    ['a negative length', '51ffffffff'],
    ['a huge length', '517fffffff'],
    ['a length below its own', '5100000003'],
    ['no message', '0102030405'],
  ])('gives up on %s', (_name, hex) => {
    const sink = new RecordingSink();
    const parser = postgresqlParser(sink, 'metadata');
    play(
      parser,
      windowed([client(message('Q', 'SELECT a')), client(Buffer.from(hex, 'hex')), server(READY)], Infinity),
    );
    expect(sink.malformedMessages).toBe(1);
    play(parser, windowed([client(message('Q', 'SELECT b')), server(message('C', 'SELECT 1'), READY)], Infinity));
    expect(answers(sink).at(-1)).toBe('SELECT b | 1');
  });
});
