/**
 * The processes a node has started, as files, so that a later `up` can end what a killed one left. A
 * process is known by its pid and start time: a pid alone may belong to somebody else by then.
 */
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '../base/failure.ts';

const folderOf = (stateFolder: string): string => join(stateFolder, 'processes');

/** Notes a process group whose leader is `pid`. */
export function recordProcess(stateFolder: string, pid: number): void {
  const started = startTime(pid);
  if (started === undefined) return;
  mkdirSync(folderOf(stateFolder), { recursive: true });
  writeFileSync(join(folderOf(stateFolder), String(pid)), started);
}

export function forgetProcess(stateFolder: string, pid: number): void {
  rmSync(join(folderOf(stateFolder), String(pid)), { force: true });
}

/** Kills the groups of all recorded processes that still run; returns how many there were. */
export function killRecorded(stateFolder: string): number {
  let killed = 0;
  for (const name of list(folderOf(stateFolder))) {
    const pid = Number(name);
    if (startTime(pid) === readFileSync(join(folderOf(stateFolder), name), 'utf8')) {
      signalGroup(pid, 'SIGKILL');
      killed++;
    }
    forgetProcess(stateFolder, pid);
  }
  return killed;
}

/** Sends a signal to a process group. One that has ended already is no error. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

/** Clock ticks since boot at which the process began, undefined if there is none or it is a zombie. */
function startTime(pid: number): string | undefined {
  try {
    // The name in parentheses may hold blanks; the fields after it do not.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ');
    return fields?.[0] === 'Z' ? undefined : fields?.[19];
  } catch {
    return undefined;
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}
