import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * Binds this process and all it starts from here on to one processor. Packets that a connection sends from two of them
 * may overtake each other on their way through a veth; what comes late is not captured, and counts as a gap. Tests that
 * expect to see everything must not leave that to chance.
 */
export function useOneProcessor(): void {
  const [, first = '0'] = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  execFileSync('taskset', ['--all-tasks', '--pid', '--cpu-list', first, String(process.pid)], { stdio: 'pipe' });
}
