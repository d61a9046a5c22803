/**
 * Who reaches whom, found out with real packets: every pod asks every pod, itself included, on each port over TCP and
 * UDP in both families; with other places, every pod asks them and is asked by them. One process a pod lives as long as
 * the matrix, listens everywhere and asks all at once. What has no answer once nothing moves any more, in none of the
 * processes, is not reached: packets between them are on their way only while somebody sends or reads, so no time has to
 * be guessed after which an answer does not come.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import type { World } from './world.ts';

const PROBER = join(import.meta.dirname, 'prober.mjs');

/** Nothing moves if every process has looked so often in a row, with so long a pause between, and found nothing new. */
const QUIET_LOOKS = 4;
const PAUSE_MS = 40;

export const PROTOCOLS = ['tcp', 'udp'] as const;
export const FAMILIES = ['IPv4', 'IPv6'] as const;

export interface Probe {
  from: string;
  to: string;
  protocol: (typeof PROTOCOLS)[number];
  family: (typeof FAMILIES)[number];
  port: number;
}

/** Who is no pod but speaks with pods. */
export interface Place {
  name: string;
  addresses: Record<Probe['family'], string>;
  /** Where its process runs, or null if it has none: a service asks nobody, and its backends answer. */
  runsAt: 'host' | 'world' | null;
  /** What it is asked for; without, all ports of the matrix. */
  ports?: readonly number[];
}

interface Prober {
  name: string;
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
  readonly #places: readonly Place[];
  readonly #probers = new Map<string, Prober>();

  private constructor(world: World, pods: readonly string[], ports: readonly number[], places: readonly Place[]) {
    this.#world = world;
    this.#pods = pods;
    this.#ports = ports;
    this.#places = places;
  }

  /** Starts the processes. */
  static async start(
    world: World,
    pods: readonly string[],
    ports: readonly number[],
    places: readonly Place[] = [],
  ): Promise<Matrix> {
    const matrix = new Matrix(world, pods, ports, places);
    try {
      await Promise.all([
        ...pods.map((pod) => matrix.#startProber(pod, pod)),
        ...places.map(({ name, runsAt }) => runsAt !== null && matrix.#startProber(name, runsAt)),
      ]);
    } catch (error) {
      await matrix[Symbol.asyncDispose]();
      throw error;
    }
    return matrix;
  }

  /** All probes, whether or not their target answers. */
  probes(): Probe[] {
    const asking = this.#places.filter((it) => it.runsAt !== null);
    return [
      ...this.#pods.flatMap((from) => [
        ...this.#pods.flatMap((to) => probesTo(from, to, this.#ports)),
        ...this.#places.flatMap((to) => probesTo(from, to.name, to.ports ?? this.#ports)),
      ]),
      ...asking.flatMap(({ name }) => this.#pods.flatMap((to) => probesTo(name, to, this.#ports))),
    ];
  }

  /** Makes the probes. @returns the names of those that got an answer. */
  async reached(probes: readonly Probe[] = this.probes()): Promise<Set<string>> {
    const askers = [...new Set(probes.map((it) => it.from))].map((from) => ({
      prober: this.#prober(from),
      own: probes.filter((it) => it.from === from),
    }));
    for (const { prober, own } of askers) {
      tell(prober, { probe: own.map((it) => [it.protocol, this.#address(it.to, it.family), it.port]) });
    }
    await this.#rest();
    const reached = new Set<string>();
    for (const { prober, own } of askers) {
      const results = (await ask(prober, { end: true })) as number[];
      for (const [i, probe] of own.entries()) if (results[i] === 1) reached.add(probeName(probe));
    }
    return reached;
  }

  /**
   * Makes the probes and compares with what `allowed` says of each. @returns a line for each that differs, the most
   * telling way for a test to expect nothing.
   */
  async differences(allowed: (probe: Probe) => boolean, probes: readonly Probe[] = this.probes()): Promise<string[]> {
    const reached = await this.reached(probes);
    return probes
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

  #address(name: string, family: Probe['family']): string {
    const place = this.#places.find((it) => it.name === name);
    if (place !== undefined) return place.addresses[family];
    return family === 'IPv4' ? this.#world.v4(name) : this.#world.v6(name);
  }

  async #startProber(name: string, runsAt: string): Promise<void> {
    const addresses = FAMILIES.map((family) => this.#address(name, family)).join();
    const command = [process.execPath, PROBER, this.#ports.join(), addresses];
    const [program = '', ...args] = this.#world.inside(runsAt, command);
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const prober = { name, child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
    this.#probers.set(name, prober);
    await nextLine(prober);
  }

  #prober(name: string): Prober {
    const prober = this.#probers.get(name);
    if (prober === undefined) throw new Error(`no process asks for ${name}; has the matrix been closed?`);
    return prober;
  }

  /** Waits until nothing moves in any of the processes, or nothing is left to wait for. */
  async #rest(): Promise<void> {
    let [last, looks] = [-1, 0];
    for (;;) {
      const seen = await Promise.all([...this.#probers.values()].map((it) => ask(it, { look: true })));
      const [steps, open] = (seen as [number, number][]).reduce(([a, b], [c, d]) => [a + c, b + d]);
      if (open === 0) return;
      looks = steps === last ? looks + 1 : 1;
      if (looks === QUIET_LOOKS) return;
      last = steps;
      await setTimeout(PAUSE_MS);
    }
  }
}

function tell({ child }: Prober, command: object): void {
  child.stdin.write(`${JSON.stringify(command)}\n`);
}

/** @returns what the process answers. @throws Error if it has ended. */
async function ask(prober: Prober, command: object): Promise<unknown> {
  tell(prober, command);
  return JSON.parse(await nextLine(prober));
}

function probesTo(from: string, to: string, ports: readonly number[]): Probe[] {
  return FAMILIES.flatMap((family) =>
    PROTOCOLS.flatMap((protocol) => ports.map((port) => ({ from, to, protocol, family, port }))),
  );
}

async function nextLine({ name, lines }: Prober): Promise<string> {
  const { value, done } = await lines.next();
  if (done === true) throw new Error(`the process that asks for ${name} has ended; its words are above`);
  return value;
}
