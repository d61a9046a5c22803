/** CPU time and memory of another process, from /proc. */
import { readFile } from 'node:fs/promises';

export interface Usage {
  /** User and system time since the process began. */
  cpu_seconds: number;
  rss_bytes: number;
}

/** Clock ticks per second: fixed at 100 on every architecture Linux runs Node.js on. */
const TICKS = 100;

export async function processUsage(pid: number): Promise<Usage> {
  const [stat, status] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/status`, 'utf8'),
  ]);
  // The command name in parentheses may contain spaces; utime and stime are the 12th and 13th field after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const rss = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return { cpu_seconds: (Number(fields[11]) + Number(fields[12])) / TICKS, rss_bytes: Number(rss) * 1024 };
}
