/** What a benchmark ran on. */
import { cpus, release, totalmem } from 'node:os';

export interface Machine {
  kernel: string;
  cpu: string;
  cores: number;
  memory_gib: number;
  node: string;
}

export function describeMachine(): Machine {
  const [first, ...others] = cpus();
  return {
    kernel: release(),
    cpu: first?.model ?? 'unknown',
    cores: others.length + 1,
    memory_gib: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
}
