/** Ring buffer -> agent -> hub -> subscribers, with the real agent process on pinned maps of its own. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterFile, writeClusterState } from '../../server/cluster/state-file.ts';
import { attachmentFolder, writeAttachment } from '../../server/cni/attachments.ts';
import { pinDirectory } from '../../server/kernel/bpffs.ts';
import { attachment, clusterState, NODE } from '../lib/cluster.ts';
import { processUsage } from '../lib/process-usage.ts';
import { ROOT, run, stop } from '../lib/run.ts';
import { benchServices } from '../lib/services.ts';
import { createTopology, removeTopologies } from '../lib/topology.ts';
import { Emitter } from './emitter.ts';
import { received, type Server, startHub, startSink } from '../lib/server-process.ts';
import { subscribe } from '../lib/subscribers.ts';

const AGENT_CORE = 0;
const SERVER_CORE = 1;
const START_MS = 20_000;
const SETTLE_MS = 3_000;
const SUBSCRIBERS = 20;

export interface StreamSample {
  /** Records the producer tried to write. */
  produced: number;
  received: number;
  /** Until the last one was produced, and until the last one had arrived. */
  produce_seconds: number;
  seconds: number;
  /** CPU time per second. */
  agent_cpu: number;
  agent_rss_bytes: number;
  server_cpu: number;
  server_rss_bytes: number;
  /** Flow rows the subscribers received. */
  rows: number;
}

/** Removes what a run left, also one that crashed. */
export async function removeNode(): Promise<void> {
  await removeTopologies();
  await rm(pinDirectory(NODE), { recursive: true, force: true });
  // The folder of all nodes goes with its last one.
  await rmdir(dirname(pinDirectory(NODE))).catch(() => undefined);
}

interface Agent extends AsyncDisposable {
  pid: number;
}

/** Starts the agent on a node with two pods and one Service; resolves once the pods are ready. */
async function startAgent(server: Server): Promise<Agent> {
  const topology = await createTopology('pipe');
  const pods = [await attachment(topology, topology.client), await attachment(topology, topology.server)];
  const state = await mkdtemp(join(tmpdir(), 'sgbench-'));
  writeClusterState(clusterFile(state), clusterState(benchServices(1, topology.server.addresses[0]).services, pods));
  for (const pod of pods) writeAttachment(attachmentFolder(state), pod);
  const args = [
    'agent',
    '--node',
    NODE,
    '--netns',
    topology.node,
    '--state',
    state,
    '--hub',
    `ws://${server.address}`,
    '--listen',
    '127.0.0.1:0',
  ];
  const script = ['-c', String(AGENT_CORE), process.execPath, 'dist/server/cli/main.js', ...args];
  const child = spawn('taskset', script, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] });
  let messages = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (messages += text));
  const close = async () => {
    await stop(child);
    await rm(state, { recursive: true });
    await removeNode();
  };
  const deadline = performance.now() + START_MS;
  while (!pods.every(({ podUid }) => existsSync(join(state, 'ready', podUid)))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await close();
      throw new Error(`The agent did not make its pods ready within ${START_MS / 1000} s. It said:\n${messages}`);
    }
    await sleep(100);
  }
  if (child.pid === undefined) throw new Error('The agent has no process id.');
  return { pid: child.pid, [Symbol.asyncDispose]: close };
}

/** Measures what `produce` does, until the server has received all or nothing more comes. */
async function measure(
  server: Server,
  agent: Agent,
  produce: () => Promise<number>,
): Promise<Omit<StreamSample, 'rows'>> {
  const [agentBefore, serverBefore] = [await processUsage(agent.pid), await processUsage(server.pid)];
  const before = await received(server);
  const begin = performance.now();
  const produced = await produce();
  const produce_seconds = (performance.now() - begin) / 1000;
  const deadline = performance.now() + SETTLE_MS;
  let count = 0;
  while (count < produced && performance.now() < deadline) {
    await sleep(20);
    count = (await received(server)) - before;
  }
  const seconds = (performance.now() - begin) / 1000;
  const [agentAfter, serverAfter] = [await processUsage(agent.pid), await processUsage(server.pid)];
  return {
    produced,
    received: count,
    produce_seconds,
    seconds,
    agent_cpu: (agentAfter.cpu_seconds - agentBefore.cpu_seconds) / seconds,
    agent_rss_bytes: agentAfter.rss_bytes,
    server_cpu: (serverAfter.cpu_seconds - serverBefore.cpu_seconds) / seconds,
    server_rss_bytes: serverAfter.rss_bytes,
  };
}

/** The whole way at an even `rate` (records a second), with subscribers. */
export async function measureStream(rate: number, seconds: number): Promise<StreamSample> {
  await using hub = await startHub(SERVER_CORE);
  await using agent = await startAgent(hub);
  await using readers = await subscribe(hub.address, SUBSCRIBERS, () => NODE);
  using emitter = await Emitter.load(pinDirectory(NODE));
  await emitter.pace(rate, 1);
  await sleep(500);
  const rows = readers.rows;
  const sample = await measure(hub, agent, () => emitter.pace(rate, seconds));
  return { ...sample, rows: readers.rows - rows };
}

/** The agent alone: a ring that is always full, and a sink in place of the hub. */
export async function measureAgent(seconds: number): Promise<StreamSample> {
  await using sink = await startSink(SERVER_CORE);
  await using agent = await startAgent(sink);
  using emitter = await Emitter.load(pinDirectory(NODE));
  // The producer is this process: off the agent's core.
  await run('taskset', ['-acp', String(SERVER_CORE), String(process.pid)]);
  try {
    await emitter.flood(1);
    await sleep(500);
    return { ...(await measure(sink, agent, () => emitter.flood(seconds))), rows: 0 };
  } finally {
    await run('taskset', ['-acp', '0-1', String(process.pid)]);
  }
}

export const STREAM_METHOD =
  "Stream: records are written to the agent's ring buffer by an eBPF program, evenly; the agent (core 0) sends them to the hub (core 1), " +
  `where ${SUBSCRIBERS} subscribers follow the flows of a namespace. Lost is what was produced and did not arrive. ` +
  'Agent alone: the ring is kept full, and a process that only acknowledges stands in for the hub.';
