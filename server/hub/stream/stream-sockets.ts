/**
 * The WebSockets of those who record: each gets what all agents send, as it is. A reader that does not keep up is cut, and
 * told so; agents and other readers notice nothing of it.
 */
import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import type { WebSocket } from 'ws';
import { KIND } from '../../wire/agent.ts';
import { CLOSE_SLOW, FRAME, type FrameKind, writeFrame } from '../../wire/stream.ts';
import type { Stats } from '../hub-state.ts';
import type { AgentLink } from '../ingest/ingest.ts';
import { agentState, control } from './agent-state.ts';

/** Bytes that a reader may have before it, beyond the state it begins with. */
const MAX_UNSENT = 64 * 1024 * 1024;
const MAX_READERS = 8;
const CLOSE_TRY_LATER = 1013;
/** A reader that is cut has so long to take what was sent to it. */
const CUT_MS = 20_000;
const NOTHING = new Uint8Array();

/** Hears of agents, and of each of their messages once the hub has taken it over. */
export interface AgentTap {
  began(link: AgentLink, hello: Buffer): void;
  message(link: AgentLink, message: Buffer): void;
  ended(link: AgentLink): void;
}

interface Reader {
  readonly socket: WebSocket;
  /** Bytes that may wait now: as much more as the state it was given takes. */
  room: number;
}

export class StreamSockets implements AgentTap {
  readonly #log: Logger;
  readonly #stats: Stats;
  readonly #maxUnsent: number;
  readonly #readers = new Set<Reader>();
  readonly #streams = new Map<AgentLink, number>();
  #lastStream = 0;

  /** `stats` counts readers, and those that are cut; `maxUnsent`: bytes that may wait for one. */
  constructor(stats: Stats, log: Logger, maxUnsent = MAX_UNSENT) {
    this.#stats = stats;
    this.#maxUnsent = maxUnsent;
    this.#log = log;
  }

  accept(socket: WebSocket): void {
    socket.on('error', (error) => this.#log.info({ err: error }, 'a recorder broke off'));
    if (this.#readers.size >= MAX_READERS) {
      socket.close(CLOSE_TRY_LATER, `${MAX_READERS} recorders are connected already`);
      return;
    }
    const reader: Reader = { socket, room: this.#maxUnsent };
    socket.on('close', () => this.#remove(reader));
    for (const [link, stream] of this.#streams) {
      const state = [control(KIND.hello, link.session.hello), ...agentState(link)];
      for (const [at, message] of state.entries()) {
        socket.send(frame(at === 0 ? FRAME.begin : FRAME.message, stream, message));
      }
    }
    reader.room += socket.bufferedAmount;
    this.#readers.add(reader);
    this.#stats.recorders = this.#readers.size;
  }

  began(link: AgentLink, hello: Buffer): void {
    this.#streams.set(link, ++this.#lastStream);
    this.#send(FRAME.begin, this.#lastStream, hello);
  }

  message(link: AgentLink, message: Buffer): void {
    if (this.#readers.size === 0) return;
    const stream = this.#streams.get(link);
    if (stream !== undefined) this.#send(FRAME.message, stream, message);
  }

  ended(link: AgentLink): void {
    const stream = this.#streams.get(link);
    if (stream === undefined) return;
    this.#streams.delete(link);
    this.#send(FRAME.end, stream, NOTHING);
  }

  #send(kind: FrameKind, stream: number, body: Uint8Array): void {
    if (this.#readers.size === 0) return;
    const bytes = frame(kind, stream, body);
    for (const reader of this.#readers) {
      if (reader.socket.bufferedAmount > reader.room) this.#cut(reader);
      else reader.socket.send(bytes);
    }
  }

  #remove(reader: Reader): void {
    this.#readers.delete(reader);
    this.#stats.recorders = this.#readers.size;
  }

  #cut(reader: Reader): void {
    this.#remove(reader);
    this.#stats.slowReaders += 1;
    this.#log.info('a recorder was cut: it reads too slowly');
    reader.socket.close(CLOSE_SLOW, `more than ${this.#maxUnsent} bytes waited for it`);
    setTimeout(() => reader.socket.terminate(), CUT_MS).unref();
  }
}

function frame(kind: FrameKind, stream: number, body: Uint8Array): Uint8Array {
  // Finer than Date.now, so that pauses of less than a millisecond are kept.
  const timeUs = Math.round((performance.timeOrigin + performance.now()) * 1000);
  return writeFrame({ kind, stream, timeUs, body });
}
