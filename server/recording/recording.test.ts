/** The file alone: what is written is read again, whatever happens to the file in between. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, crc32 } from 'node:zlib';
import { pack } from 'msgpackr';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Failure } from '../base/failure.ts';
import { KIND } from '../wire/agent.ts';
import { FRAME, type Frame, FRAME_HEADER, writeFrame } from '../wire/stream.ts';
import { random } from '../flows/l7/testing/random.ts';
import { BLOCK_HEADER, blockHeader, FILE_HEADER, fileHeader, MAX_BLOCK } from './format.ts';
import { PlayedCounts, playedHello, playedMessage, PlayedNames } from './played-message.ts';
import { survey } from './player.ts';
import { readRecording } from './reader.ts';
import { RecordingWriter } from './writer.ts';

const folder = mkdtempSync(join(tmpdir(), 'spyglass-recording-'));
const WHOLE = join(folder, 'whole');
const BROKEN = join(folder, 'broken');
const FRAMES: Frame[] = Array.from({ length: 200 }, (_, i) => ({
  kind: i % 50 === 49 ? FRAME.end : FRAME.message,
  stream: 1 + (i % 3),
  timeUs: 1_700_000_000_000_000 + i * 250,
  body: Buffer.from(`message ${i} `.repeat(1 + (i % 40))),
}));

interface Outcome {
  frames: Frame[];
  end: string;
}

async function readAll(path: string): Promise<Outcome> {
  const frames: Frame[] = [];
  const reading = readRecording(path);
  for (;;) {
    const next = await reading.next();
    if (next.done === true) return { frames, end: next.value };
    frames.push({ ...next.value, body: Buffer.from(next.value.body) });
  }
}

async function outcome(bytes: Buffer): Promise<Outcome | Failure> {
  writeFileSync(BROKEN, bytes);
  return readAll(BROKEN).catch((error: unknown) => {
    if (error instanceof Failure) return error;
    throw error;
  });
}

/** A block of these bytes, with checksums that are right. */
function block(content: Buffer, claims: { unpackedBytes?: number } = {}): Buffer {
  const packed = brotliCompressSync(content);
  const header = { bytes: packed.length, unpackedBytes: content.length, checksum: crc32(packed), ...claims };
  return Buffer.concat([blockHeader(header), packed]);
}

function withLength(frame: Buffer, length = frame.length): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(length);
  return Buffer.concat([head, frame]);
}

beforeAll(async () => {
  const writer = await RecordingWriter.create(WHOLE);
  for (const frame of FRAMES) writer.add(Buffer.from(writeFrame(frame)));
  await writer.finish();
  expect(writer.written).toBe(readFileSync(WHOLE).length);
  expect(writer.waiting).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a recording', () => {
  it('gives back the frames that were written', async () => {
    expect(await readAll(WHOLE)).toEqual({ frames: FRAMES, end: 'finished' });
  });

  it('is not written over', async () => {
    await expect(RecordingWriter.create(WHOLE)).rejects.toThrow(`cannot make ${WHOLE}: it exists; name another file`);
  });

  it('of several blocks is read as far as it goes, wherever it is cut', async () => {
    const packed = (frames: Frame[]): Buffer =>
      block(Buffer.concat(frames.map((it) => withLength(Buffer.from(writeFrame(it))))));
    const first = packed(FRAMES.slice(0, 5));
    const bytes = Buffer.concat([fileHeader(), first, packed(FRAMES.slice(5, 8))]);
    for (let length = FILE_HEADER; length <= bytes.length; length++) {
      const count = length === bytes.length ? 8 : length >= FILE_HEADER + first.length ? 5 : 0;
      const got = await outcome(bytes.subarray(0, length));
      expect(got).toMatchObject({ end: 'cut', frames: { length: count } });
    }
  });
});

describe('a file that is none is refused', () => {
  const full = (): Buffer => readFileSync(WHOLE);
  const changed = (at: number): Buffer => {
    const bytes = full();
    bytes[at] = (bytes[at] ?? 0) ^ 0x40;
    return bytes;
  };
  const head = fileHeader();
  const newer = fileHeader();
  newer.writeUInt32LE(2, 8);
  newer.writeUInt32LE(crc32(newer.subarray(0, 12)), 12);

  it.each([
    ['empty', () => Buffer.alloc(0), /is no recording of Spyglass/],
    ['text', () => Buffer.from('#!/bin/sh\necho hello\n'), /is no recording of Spyglass/],
    ['of a later version', () => newer, /has version 2 of the format; this program reads version 1/],
    ['with a damaged head', () => changed(9), /is damaged in its first 16 bytes/],
    ['with a damaged block head', () => changed(FILE_HEADER + 1), /is damaged at byte 16: no block begins there/],
    [
      'with a damaged block',
      () => changed(FILE_HEADER + BLOCK_HEADER + 30),
      /at byte 16: the block's checksum is wrong/,
    ],
    [
      'that claims a block of 4 GiB',
      () => Buffer.concat([head, blockHeader({ bytes: 2 ** 32 - 1, unpackedBytes: 1, checksum: 0 })]),
      /at byte 16: no block begins there/,
    ],
    [
      'that unpacks to more than it says',
      () => Buffer.concat([head, block(Buffer.alloc(MAX_BLOCK), { unpackedBytes: 100 })]),
      /cannot be unpacked/,
    ],
    [
      'that unpacks to less',
      () => Buffer.concat([head, block(Buffer.alloc(10), { unpackedBytes: 100 })]),
      /unpacks to 10 bytes, not 100/,
    ],
    [
      'with a frame beyond its block',
      () => Buffer.concat([head, block(withLength(Buffer.alloc(20), 21))]),
      /a frame lies beyond the end of its block/,
    ],
    [
      'with a frame of no kind',
      () => Buffer.concat([head, block(withLength(Buffer.alloc(FRAME_HEADER)))]),
      /A frame has the kind 0, which is none/,
    ],
  ])('%s', async (_, bytes, why) => {
    const got = await outcome(bytes());
    expect(got).toBeInstanceOf(Failure);
    expect((got as Failure).message).toMatch(why);
  });

  it('whatever is changed in it', async () => {
    const next = random(7);
    const whole = full();
    for (let round = 0; round < 400; round++) {
      const bytes = Buffer.from(whole);
      for (let i = 0; i <= next(4); i++) bytes[next(bytes.length)] = next(256);
      if (bytes.equals(whole)) continue;
      const got = await outcome(bytes.subarray(0, round % 2 === 0 ? bytes.length : next(bytes.length)));
      // No frame that was not recorded, whatever else.
      if (!(got instanceof Failure)) expect(FRAMES.slice(0, got.frames.length)).toEqual(got.frames);
    }
  });

  it('whatever stands in frames that are whole', async () => {
    const next = random(11);
    const bytes = (count: number): Buffer => Buffer.from(Array.from({ length: count }, () => next(256)));
    const hello = Buffer.concat([
      Buffer.of(KIND.hello),
      pack({ node: 'a', session: 's', boot_id: 'b', counters_id: 'c' }),
    ]);
    for (let round = 0; round < 300; round++) {
      const body = round % 3 === 0 ? Buffer.from(hello) : Buffer.concat([Buffer.of(1 + next(7)), bytes(next(80))]);
      if (round % 3 === 0) body[1 + next(body.length - 1)] = next(256);
      const begin = Buffer.from(writeFrame({ kind: FRAME.begin, stream: 1, timeUs: round, body }));
      writeFileSync(BROKEN, Buffer.concat([fileHeader(), block(withLength(begin))]));
      const surveyed = await survey(BROKEN).catch((error: unknown) => error);
      if (surveyed instanceof Error) expect(surveyed).toBeInstanceOf(Failure);
      for (const make of [
        () => playedHello(body, new PlayedNames(), undefined),
        () => playedMessage(body, 1e6, new PlayedCounts()),
      ]) {
        try {
          expect(make().length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
        }
      }
    }
  });
});
