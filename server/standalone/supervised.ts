/** A process of our own (agent, hub, prober) that is started again when it ends, with growing pauses. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../base/failure.ts';
import { lastLine, startChild } from './child.ts';
import type { Child, ChildOptions } from './child.ts';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5000;
/** One that ran this long starts again with the first pause. */
const STEADY_MS = 10_000;
/** So many starts that did not last, one after the other, mean that it will not work at all. */
const HOPELESS = 3;

export interface Supervised {
  /** Rejects with a Failure in the process's own last words when it keeps ending right after its start. */
  readonly hopeless: Promise<never>;
  readonly child: Child;
  /** File with what it prints. */
  readonly log: string;
  stop(graceMs: number): Promise<void>;
}

/** `tell` hears of each end and start after the first; `started` sees each process. */
export function supervise(
  name: string,
  options: ChildOptions,
  tell: (line: string) => void,
  started: (child: Child) => void = () => {},
): Supervised {
  const stopping = new AbortController();
  let child = startChild(options);
  started(child);
  let giveUp: (failure: Failure) => void;
  const hopeless = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  // Only the start waits for it; later on an end is told, not thrown.
  hopeless.catch(() => {});
  const watching = watch();

  async function watch(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    let told = '';
    for (let brief = 0; ;) {
      const began = performance.now();
      const { words, code } = await child.ended;
      if (stopping.signal.aborted) return;
      const steady = performance.now() - began >= STEADY_MS;
      pause = steady ? FIRST_PAUSE_MS : pause;
      brief = steady ? 0 : brief + 1;
      const last = code === null ? '' : lastLine(options.log);
      const why = `the ${name} ${words}${last === '' ? '' : `: ${last}`}`;
      if (brief >= HOPELESS) giveUp(new Failure(why));
      // The same again is no news; what went wrong at the start is thrown in the end.
      if (why !== told || steady) tell(`${why}; it is started again`);
      told = why;
      await sleep(pause, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      child = startChild(options);
      started(child);
    }
  }

  return {
    hopeless,
    log: options.log,
    get child() {
      return child;
    },
    async stop(graceMs) {
      stopping.abort();
      await child.stop(graceMs);
      await watching;
    },
  };
}
