/** Records what the agents of a hub send, into a file, until told to stop. */
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { Failure } from '../base/failure.ts';
import { CLOSE_SLOW, FRAME, MAX_FRAME, readFrame, writeFrame } from '../wire/stream.ts';
import type { HubCredentials } from './hub-credentials.ts';
import { RecordingWriter } from './writer.ts';

/** With more waiting to be packed nothing is read from the hub, until half of it is written. */
const MAX_WAITING = 32 * 1024 * 1024;
const CHECK_MS = 50;
const RECONNECT_MS = 1000;
const CLOSE_NORMAL = 1000;
/** A hub pings every 15 s. */
const SILENCE_MS = 45_000;

export interface RecordOptions {
  /** URL of the hub, `http://` or `https://`. */
  hub: string;
  path: string;
  connect: () => HubCredentials;
  /** Hears of gaps. */
  warn: (line: string) => void;
  /** Ends the recording. */
  signal: AbortSignal;
}

export interface Recorded {
  frames: number;
  agents: number;
  gaps: number;
  /** Of the file. */
  bytes: number;
}

/**
 * Resolves when `signal` has ended the recording. A connection that breaks is a gap, noted in the file, and made again.
 * Throws a Failure if there is no hub at first, or the file cannot be written.
 */
export async function record({ hub, path, connect, warn, signal }: RecordOptions): Promise<Recorded> {
  const url = `${hub.replace(/^http/, 'ws').replace(/\/+$/, '')}/api/v1/stream`;
  const writer = await RecordingWriter.create(path);
  const sum: Recorded = { frames: 0, agents: 0, gaps: 0, bytes: 0 };
  try {
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      const { opened, reason } = await listen(url, connect(), writer, sum, signal);
      if (writer.problem !== null) throw writer.problem;
      if (signal.aborted) break;
      if (isFirst && !opened) throw new Failure(`cannot listen to the hub at ${hub}: ${reason}`);
      if (opened) {
        sum.gaps += 1;
        warn(`the recording has a gap from here on: ${reason}; connecting again`);
        writer.add(gap(reason));
      }
      await sleep(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
    }
    await writer.finish();
  } catch (error) {
    // What is in the file stays, unless there is nothing in it.
    await writer.finish().catch(() => undefined);
    if (sum.frames === 0) await rm(path, { force: true });
    throw error;
  }
  return { ...sum, bytes: writer.written };
}

function gap(reason: string): Buffer {
  const body = Buffer.from(reason);
  return Buffer.from(writeFrame({ kind: FRAME.gap, stream: 0, timeUs: Date.now() * 1000, body }));
}

/** One connection: resolves when it has ended, with why. */
async function listen(
  url: string,
  credentials: HubCredentials,
  writer: RecordingWriter,
  sum: Recorded,
  signal: AbortSignal,
): Promise<{ opened: boolean; reason: string }> {
  const socket = new WebSocket(url, {
    ...credentials,
    maxPayload: MAX_FRAME,
    perMessageDeflate: false,
    handshakeTimeout: 5000,
  });
  let opened = false;
  let reason = '';
  const end = (why: string): void => {
    reason ||= why;
    socket.terminate();
  };
  const silence = setTimeout(() => end(`the hub has said nothing for ${SILENCE_MS / 1000} s`), SILENCE_MS);
  const check = setInterval(() => {
    if (writer.problem !== null) end('the file cannot be written');
    if (socket.isPaused && writer.waiting < MAX_WAITING / 2) socket.resume();
  }, CHECK_MS);
  const stop = (): void => socket.close(CLOSE_NORMAL);
  signal.addEventListener('abort', stop, { once: true });
  socket.on('open', () => (opened = true));
  socket.on('ping', () => silence.refresh());
  socket.on('message', (data, isBinary) => {
    silence.refresh();
    const frame = isBinary && Buffer.isBuffer(data) ? readFrame(data) : 'A message is no frame.';
    if (typeof frame === 'string') {
      end(`the hub sent what is no part of a stream (${frame})`);
      return;
    }
    sum.frames += 1;
    if (frame.kind === FRAME.begin) sum.agents += 1;
    writer.add(data as Buffer);
    if (writer.waiting > MAX_WAITING) socket.pause();
  });
  socket.on('error', (error) => (reason ||= error.message));
  await new Promise<void>((resolve) => {
    socket.on('close', (code, text) => {
      const slow = code === CLOSE_SLOW ? 'this recorder was too slow, ' : '';
      reason ||= `${slow}the hub closed the connection (${code}${text.length > 0 ? `, ${text.toString()}` : ''})`;
      resolve();
    });
  });
  clearTimeout(silence);
  clearInterval(check);
  signal.removeEventListener('abort', stop);
  return { opened, reason };
}
