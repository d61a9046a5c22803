/**
 * Who reaches whom, found out with real packets: every pod asks every pod, itself included, on each port over TCP and
 * UDP in both families. One process a pod lives as long as the matrix, listens everywhere and asks all at once, so
 * that a matrix of 9 pods and 4 ports takes about a second, most of it the wait for answers that do not come.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { World } from './world.ts';

const PROBER = join(import.meta.dirname, 'prober.mjs');

/** After so much silence, what has not answered counts as not reached. */
const MINIMUM_WAIT_MS = 250;

export const PROTOCOLS = ['tcp', 'udp'] as const;
export const FAMILIES = ['IPv4', 'IPv6'] as const;

export interface Probe {
  from: string;
  to: string;
  protocol: (typeof PROTOCOLS)[number];
  family: (typeof FAMILIES)[number];
  port: number;
}

interface Prober {
  child: ChildProcessByStdio<Writable, Readable, null>;
  /** Its lines of output, in order. */
  lines: AsyncIterator<string>;
}

/** What a probe is called in expectations: `a -> b tcp/80 IPv4`. */
export function probeName(probe: Probe): string {
  return `${probe.from} -> ${probe.to} ${probe.protocol}/${probe.port} ${probe.family}`;
}

export class Matrix implements AsyncDisposable {
  readonly #world: World;
  readonly #pods: readonly string[];
  readonly #ports: readonly number[];
  readonly #probers = new Map<string, Prober>();
  #waitMs = MINIMUM_WAIT_MS;

  private constructor(world: World, pods: readonly string[], ports: readonly number[]) {
    this.#world = world;
    this.#pods = pods;
    this.#ports = ports;
  }

  /** Starts the processes. */
  static async start(world: World, pods: readonly string[], ports: readonly number[]): Promise<Matrix> {
    const matrix = new Matrix(world, pods, ports);
    const begun = performance.now();
    try {
      await Promise.all(pods.map((pod) => matrix.#startProber(pod)));
    } catch (error) {
      await matrix[Symbol.asyncDispose]();
      throw error;
    }
    // How long they took to start says how fast this machine is today.
    matrix.#waitMs = Math.max(MINIMUM_WAIT_MS, (performance.now() - begun) / 4);
    return matrix;
  }

  /** All probes, whether or not their target answers. */
  probes(): Probe[] {
    return this.#pods.flatMap((from) => this.#probesOf(from));
  }

  /** Makes all probes. @returns the names of those that got an answer. */
  async reached(): Promise<Set<string>> {
    const reached = new Set<string>();
    await Promise.all(
      this.#pods.map(async (pod) => {
        const probes = this.#probesOf(pod);
        const results = await this.#ask(pod, probes);
        for (const [i, probe] of probes.entries()) if (results[i] === 1) reached.add(probeName(probe));
      }),
    );
    return reached;
  }

  /**
   * Compares the matrix with what `allowed` says of each probe. @returns a line for each that differs, the most telling
   * way for a test to expect nothing.
   */
  async differences(allowed: (probe: Probe) => boolean): Promise<string[]> {
    const reached = await this.reached();
    return this.probes()
      .filter((probe) => reached.has(probeName(probe)) !== allowed(probe))
      .map((probe) => `${probeName(probe)} ${allowed(probe) ? 'should be reached' : 'should not be reached'}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = [...this.#probers.values()].map(({ child }) => {
      const end = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      return end;
    });
    this.#probers.clear();
    await Promise.all(ended);
  }

  #address(pod: string, family: Probe['family']): string {
    return family === 'IPv4' ? this.#world.v4(pod) : this.#world.v6(pod);
  }

  #probesOf(from: string): Probe[] {
    return this.#pods.flatMap((to) =>
      FAMILIES.flatMap((family) =>
        PROTOCOLS.flatMap((protocol) => this.#ports.map((port) => ({ from, to, protocol, family, port }))),
      ),
    );
  }

  async #startProber(pod: string): Promise<void> {
    const addresses = FAMILIES.map((family) => this.#address(pod, family)).join();
    const netns = `--net=/run/netns/${this.#world.pod(pod).netns}`;
    const args = [netns, process.execPath, PROBER, this.#ports.join(), addresses];
    const child = spawn('nsenter', args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const prober = { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
    this.#probers.set(pod, prober);
    await nextLine(pod, prober);
  }

  async #ask(pod: string, probes: readonly Probe[]): Promise<number[]> {
    const prober = this.#probers.get(pod);
    if (prober === undefined) throw new Error(`no process asks for the pod ${pod}; has the matrix been closed?`);
    const request = probes.map((it) => [it.protocol, this.#address(it.to, it.family), it.port]);
    prober.child.stdin.write(`${JSON.stringify({ waitMs: this.#waitMs, probes: request })}\n`);
    return JSON.parse(await nextLine(pod, prober)) as number[];
  }
}

async function nextLine(pod: string, { lines }: Prober): Promise<string> {
  const { value, done } = await lines.next();
  if (done === true) throw new Error(`the process that asks for the pod ${pod} has ended; its words are above`);
  return value;
}
