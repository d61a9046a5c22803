/** Compiles and runs traffic.c, the server and the client of the benchmark. */
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quiet } from '../lib/quiet.ts';
import { run, start } from '../lib/run.ts';
import { BACKEND_PORT } from '../lib/services.ts';
import type { Variant } from './variants.ts';

export type Mode = 'crr' | 'rr';

export interface Sample {
  requests: number;
  seconds: number;
  requests_per_second: number;
  p50_ns: number;
  p99_ns: number;
  /** Whether the machine was quiet when it began. */
  calm: boolean;
}

/** By variant name and mode, one a round. */
export type Samples = Record<string, Record<Mode, Sample[]>>;

/** The client and all it causes in the kernel run on one core, the server on the other. */
const CLIENT_CORE = '0';
const SERVER_CORE = '1';

/** Connections that are busy at any time. */
export const CONNECTIONS = 16;

/** Compiles the program into a folder of its own; `remove` deletes it. */
export async function compileTraffic(): Promise<{ program: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'sgbench-'));
  const program = join(folder, 'traffic');
  await run('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', program, 'bench/datapath/traffic.c']);
  return { program, remove: () => rm(folder, { recursive: true }) };
}

/** Starts the server in the variant's server pod, on both families. */
export async function startServer(program: string, { topology: { server } }: Variant): Promise<ChildProcess> {
  const args = ['netns', 'exec', server.netns, 'taskset', '-c', SERVER_CORE, program, 'server', '::'];
  return start('ip', [...args, String(BACKEND_PORT)], 'listening');
}

/** One measurement, once the machine is quiet, from the variant's client pod, of `seconds` after half a second of warm-up. */
export async function measure(program: string, variant: Variant, mode: Mode, seconds: number): Promise<Sample> {
  const { address, port } = variant.target;
  const client = ['netns', 'exec', variant.topology.client.netns, 'taskset', '-c', CLIENT_CORE, program, 'client'];
  const calm = await quiet();
  const out = await run('ip', [...client, mode, address, String(port), String(seconds), String(CONNECTIONS)]);
  return { ...(JSON.parse(out) as Omit<Sample, 'calm'>), calm };
}
