/** What reading messages costs applications that take all there is: wrk against nginx through a Service. */
import { setTimeout as sleep } from 'node:timers/promises';
import { processUsage } from '../lib/process-usage.ts';
import { quiet } from '../lib/quiet.ts';
import type { Table } from '../lib/results.ts';
import { run } from '../lib/run.ts';
import { ratio, spread } from '../lib/statistics.ts';
import { SERVICE, type StandaloneNode, startNode } from './standalone.ts';

const MODES = ['off', 'metadata', 'full'] as const;
type Mode = (typeof MODES)[number];
const FIRST_PORT = 12_810;
const CONNECTIONS = 32;
/** Longer than an agent and a hub take from a request to the counters. */
const SETTLE_MS = 2500;

export interface LoadSample {
  mode: Mode;
  requests: number;
  requests_per_second: number;
  /** CPU time that a request took: of wrk, of nginx, of the agent and of the hub. */
  cpu_us_per_request: number;
  /** CPU time per second. */
  agent_cpu: number;
  hub_cpu: number;
  /** Requests that the metrics counted. */
  counted: number;
  /** Captures left out. */
  lost: number;
  quiet: boolean;
}

/** `rounds` samples of each mode, in turned order, on a node each. */
export async function measureSaturation(rounds: number, seconds: number): Promise<LoadSample[]> {
  await using off = await startNode('off', FIRST_PORT);
  await using metadata = await startNode('metadata', FIRST_PORT + 1);
  await using full = await startNode('full', FIRST_PORT + 2);
  const nodes = [
    ['off', off],
    ['metadata', metadata],
    ['full', full],
  ] as const;
  const samples: LoadSample[] = [];
  for (const [, node] of nodes) await load(node, 1);
  await sleep(SETTLE_MS);
  for (let round = 0; round < rounds; round++) {
    const first = round % nodes.length;
    for (const [mode, node] of [...nodes.slice(first), ...nodes.slice(0, first)]) {
      const sample = await measure(mode, node, seconds);
      samples.push(sample);
      console.log(`round ${round + 1}/${rounds}  ${mode}  ${whole(sample.requests_per_second)} requests/s`);
    }
  }
  return samples;
}

async function measure(mode: Mode, node: StandaloneNode, seconds: number): Promise<LoadSample> {
  const isQuiet = await quiet();
  const usage = async (): Promise<[agent: number, hub: number, server: number]> => {
    const all = await Promise.all([node.agent, node.hub, ...(await node.serverPids())].map(processUsage));
    const [agent = 0, hub = 0, ...server] = all.map((it) => it.cpu_seconds);
    return [agent, hub, server.reduce((sum, it) => sum + it, 0)];
  };
  const before = await node.counted();
  const used = await usage();
  const { requests, took, cpu } = await load(node, seconds);
  const [agent, hub, server] = (await usage()).map((it, index) => it - (used[index] ?? 0)) as typeof used;
  await sleep(SETTLE_MS);
  const after = await node.counted();
  return {
    mode,
    requests,
    requests_per_second: requests / took,
    cpu_us_per_request: ((cpu + server + agent + hub) * 1e6) / requests,
    agent_cpu: agent / took,
    hub_cpu: hub / took,
    counted: after.requests - before.requests,
    lost: after.lost - before.lost,
    quiet: isQuiet,
  };
}

interface Load {
  requests: number;
  /** Seconds. */
  took: number;
  /** CPU time of wrk, seconds. */
  cpu: number;
}

/** Runs wrk in the client pod's network namespace. @throws Error if any request failed. */
async function load(node: StandaloneNode, seconds: number): Promise<Load> {
  const wrk = ['wrk', '-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, `http://${SERVICE}/`];
  // `times` prints the shell's user and system time, then those of what it ran: 0m1.230s 0m0.450s.
  const timed = ['sh', '-ec', '"$@"; times', 'sh', ...wrk];
  const output = await run('nsenter', [`--net=/run/netns/${node.clientNetns}`, '--', ...timed]);
  const [, requests, took] = /(\d+) requests in ([\d.]+)s/.exec(output) ?? [];
  if (requests === undefined || took === undefined || /Socket errors|Non-2xx/.test(output))
    throw new Error(`wrk did not get what it asked for:\n${output}`);
  const times = [...output.matchAll(/(\d+)m([\d.]+)s/g)].slice(-2);
  const cpu = times.reduce((sum, [, minutes, rest]) => sum + 60 * Number(minutes) + Number(rest), 0);
  return { requests: Number(requests), took: Number(took), cpu };
}

export const SATURATION_METHOD =
  `Saturation: wrk (1 thread, ${CONNECTIONS} connections) in a pod against nginx (1 worker, a page of 50 bytes) in another through a Service, so that both cores are taken. ` +
  'A node each with `spyglass.io/l7` off, metadata and full, whole with agent and hub, measured in turned order. CPU/request is that of wrk, nginx, agent and hub together: with all cores taken requests/s follow from it, and it depends less on what else the machine does. Agent and hub are in cores; read is the share of the requests that the metrics counted. Where all cores are taken the agent reads messages for 0.05 of a core; what is left out then is counted, the rows of `/api/v1/l7` say `"exact": false`, and the page "at least".';

export function saturationTable(samples: readonly LoadSample[]): Table {
  const of = (mode: Mode, value: (it: LoadSample) => number): number[] =>
    samples.filter((it) => it.mode === mode).map(value);
  const rate = (it: LoadSample): number => it.requests_per_second;
  const cpu = (it: LoadSample): number => it.cpu_us_per_request;
  const two = (value: number): string => value.toFixed(2);
  return {
    caption: 'Requests a second through a Service, both cores taken (budget: metadata at least 0.90 of off)',
    columns: ['messages', 'requests/s', 'to off', 'least', 'most', 'CPU/request', 'off to it', 'agent', 'hub', 'read'],
    rows: MODES.map((mode) => {
      const ratios = ratio(of(mode, rate), of('off', rate));
      const share = spread(of(mode, (it) => it.counted / it.requests)).median;
      return [
        mode,
        whole(spread(of(mode, rate)).median),
        ...[ratios.median, ratios.min, ratios.max].map(two),
        `${spread(of(mode, cpu)).median.toFixed(1)} µs`,
        two(ratio(of('off', cpu), of(mode, cpu)).median),
        two(spread(of(mode, (it) => it.agent_cpu)).median),
        two(spread(of(mode, (it) => it.hub_cpu)).median),
        mode === 'off' ? 'none' : `${Math.round(100 * share)} %`,
      ];
    }),
  };
}

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
