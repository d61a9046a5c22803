/** Waits for a quiet machine before a measurement, so that a neighbour's burst of work is not measured. */
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { stopping } from './stopping.ts';

const LOOK_MS = 200;
const PATIENCE_MS = 5_000;
/** Share of the time of all cores that others may use. */
const BUSY = 0.05;

function cpuTimes(): { idle: number; all: number } {
  let idle = 0;
  let all = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    all += times.user + times.nice + times.sys + times.irq + times.idle;
  }
  return { idle, all };
}

/** Returns once the machine has been idle for 200 ms, or after 5 s: then with false. Throws when the benchmark is to stop. */
export async function quiet(): Promise<boolean> {
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end) {
    stopping.throwIfAborted();
    const before = cpuTimes();
    await sleep(LOOK_MS);
    const after = cpuTimes();
    if (1 - (after.idle - before.idle) / (after.all - before.all) < BUSY) return true;
  }
  return false;
}
