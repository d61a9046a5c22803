/** One container of a pod: run as its restart policy says, with kubelet's pauses between restarts. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PodPlan } from '../cluster/plan.ts';
import { lastLine, startChild } from './child.ts';
import type { ChildOptions } from './child.ts';

const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 300_000;
/** Kubelet forgets former crashes after a container ran this long. */
const STEADY_MS = 600_000;
const GRACE_MS = 1000;

export interface ContainerEvents {
  running(): void;
  /** It has ended, and will not run (again) before a pause. */
  ended(): void;
  tell(line: string): void;
}

/**
 * Runs the container until the signal comes or its policy lets it end. `title` names it in messages.
 * Resolves true if it ended well (code 0), false otherwise; never rejects.
 */
export async function runContainer(
  title: string,
  options: ChildOptions,
  policy: PodPlan['restartPolicy'],
  signal: AbortSignal,
  events: ContainerEvents,
): Promise<boolean> {
  let pause = 0;
  while (!signal.aborted) {
    const began = performance.now();
    const child = startChild(options);
    const stop = (): void => void child.stop(GRACE_MS);
    signal.addEventListener('abort', stop, { once: true });
    events.running();
    const { words, code } = await child.ended;
    signal.removeEventListener('abort', stop);
    if (signal.aborted) return false;
    events.ended();
    const again = policy === 'Always' || (policy === 'OnFailure' && code !== 0);
    if (performance.now() - began >= STEADY_MS) pause = 0;
    const last = code === 0 ? '' : lastLine(options.log);
    const then = again ? (pause === 0 ? '; it is started again' : `; it is started again in ${pause / 1000} s`) : '';
    if (again || code !== 0) events.tell(`${title} ${words}${last === '' ? '' : `: ${last}`}${then}`);
    if (!again) return code === 0;
    await sleep(pause, undefined, { signal }).catch(() => undefined);
    pause = Math.min(Math.max(pause * 2, FIRST_PAUSE_MS), LONGEST_PAUSE_MS);
  }
  return false;
}
