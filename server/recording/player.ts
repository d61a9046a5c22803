/** Plays recordings into a hub: one agent for each recorded one, its messages in their order and with their pauses. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../base/failure.ts';
import type { Hello } from '../wire/agent.ts';
import { FRAME, type Frame } from '../wire/stream.ts';
import type { HubCredentials } from './hub-credentials.ts';
import { PlayedAgent } from './played-agent.ts';
import { helloNode, helloSession, PlayedCounts, playedHello, playedMessage, PlayedNames } from './played-message.ts';
import { readRecording, type RecordingEnd } from './reader.ts';

/** Timers cannot be longer than 24 days. */
const LONGEST_SLEEP_MS = 3600_000;
/** Far more than a cluster has nodes; a hub knows no more either. */
const MAX_NODES = 10_000;

export interface Survey {
  /** Names of the recorded nodes. */
  nodes: Set<string>;
  /** Unix µs of the first and last frame; equal if there is one. */
  firstUs: number;
  lastUs: number;
  gaps: number;
  end: RecordingEnd;
}

export interface PlayOptions {
  /** URL of the hub, `http://` or `https://`. */
  hub: string;
  connect: () => HubCredentials;
  /** How many times as fast as it was recorded; 0: as fast as the hub takes it. */
  speed: number;
  /** Again from the start when it has ended, until `signal`. */
  loop: boolean;
  signal: AbortSignal;
}

/** Reads all of a recording. Throws a Failure if it is damaged, or has nothing to play. */
export async function survey(path: string): Promise<Survey> {
  const nodes = new Set<string>();
  let firstUs = Infinity;
  let lastUs = 0;
  let gaps = 0;
  const frames = readRecording(path);
  try {
    for (;;) {
      const next = await frames.next();
      if (next.done === true) {
        if (nodes.size === 0) throw new Failure(`${path} has no agent in it; there is nothing to play`);
        return { nodes, firstUs, lastUs, gaps, end: next.value };
      }
      const { kind, timeUs, body } = next.value;
      firstUs = Math.min(firstUs, timeUs);
      lastUs = Math.max(lastUs, timeUs);
      if (kind === FRAME.gap) gaps += 1;
      if (kind === FRAME.begin) nodes.add(helloNode(body));
      if (nodes.size > MAX_NODES) throw new Failure(`${path} names more than ${MAX_NODES} nodes; it cannot be played`);
    }
  } finally {
    // Closes the file, also where what a frame holds is refused.
    await frames.return('cut');
  }
}

/** Plays a recording that has been surveyed. Throws a Failure if the hub does not take it; resolves early on `signal`. */
export async function play(path: string, surveyed: Survey, options: PlayOptions): Promise<void> {
  try {
    do await new Pass(path, surveyed, options).run();
    while (options.loop && !options.signal.aborted);
  } catch (error) {
    if (!options.signal.aborted) throw error;
  }
}

/** Once through the recording. */
class Pass {
  readonly #path: string;
  readonly #survey: Survey;
  readonly #options: PlayOptions;
  readonly #names = new PlayedNames();
  readonly #agents = new Map<number, PlayedAgent>();
  /** By session, as recorded: one goes on over several connections. */
  readonly #counts = new Map<string, PlayedCounts>();
  readonly #countsOf = new Map<number, PlayedCounts>();
  readonly #lost = new AbortController();
  readonly #signal: AbortSignal;
  readonly #startUs: number;

  constructor(path: string, surveyed: Survey, options: PlayOptions) {
    this.#path = path;
    this.#survey = surveyed;
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#lost.signal]);
    const nowUs = Date.now() * 1000;
    // At once, it ends now; otherwise it begins now.
    this.#startUs = options.speed === 0 ? nowUs - (surveyed.lastUs - surveyed.firstUs) : nowUs;
  }

  async run(): Promise<void> {
    try {
      for await (const frame of readRecording(this.#path)) await this.#play(frame);
      await this.#finishAll();
    } catch (error) {
      throw this.#lost.signal.aborted ? this.#lost.signal.reason : error;
    } finally {
      for (const agent of this.#agents.values()) agent.abandon();
    }
  }

  async #play(frame: Frame): Promise<void> {
    const { kind, stream, timeUs, body } = frame;
    const { speed } = this.#options;
    const dueUs = this.#startUs + (timeUs - this.#survey.firstUs) / (speed === 0 ? 1 : speed);
    if (speed !== 0) await this.#until(dueUs / 1000);
    this.#signal.throwIfAborted();
    const agent = this.#agents.get(stream);
    switch (kind) {
      case FRAME.begin:
        if (agent !== undefined) throw new Failure(`${this.#path} begins stream ${stream} twice; it cannot be played`);
        this.#agents.set(stream, await this.#connect(body));
        this.#countsOf.set(stream, this.#sessionCounts(helloSession(body)));
        break;
      case FRAME.message:
        if (agent === undefined) throw new Failure(`${this.#path} has a message of an agent without hello`);
        await agent.send(
          playedMessage(body, dueUs - timeUs, this.#countsOf.get(stream) ?? new PlayedCounts()),
          this.#signal,
        );
        break;
      case FRAME.end:
        this.#agents.delete(stream);
        await agent?.finish(this.#signal);
        break;
      case FRAME.gap:
        await this.#finishAll();
        break;
    }
  }

  async #connect(body: Uint8Array): Promise<PlayedAgent> {
    const recorded = new Date(this.#survey.firstUs / 1000).toISOString();
    const recording: Hello['recording'] = { recorded, speed: this.#options.speed };
    const hello = playedHello(body, this.#names, recording);
    const lost = (failure: Failure): void => this.#lost.abort(failure);
    const { hub, connect } = this.#options;
    return PlayedAgent.connect(hub, connect(), helloNode(body), hello, lost, this.#signal);
  }

  #sessionCounts(session: string): PlayedCounts {
    const counts = this.#counts.get(session) ?? new PlayedCounts();
    this.#counts.set(session, counts);
    return counts;
  }

  async #finishAll(): Promise<void> {
    for (const [stream, agent] of this.#agents) {
      await agent.finish(this.#signal);
      this.#agents.delete(stream);
    }
  }

  async #until(unixMs: number): Promise<void> {
    for (;;) {
      const wait = unixMs - Date.now();
      if (wait < 1) return;
      await sleep(Math.min(wait, LONGEST_SLEEP_MS), undefined, { signal: this.#signal });
    }
  }
}
