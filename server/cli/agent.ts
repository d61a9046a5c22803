/** `spyglass agent`: the node agent. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { join } from 'node:path';
import { pino } from 'pino';
import { Agent } from '../agent/agent.ts';
import { startHealthServer } from '../agent/health-server.ts';
import { Failure } from '../base/failure.ts';
import { KernelError } from '../kernel/errors.ts';
import { packageRoot } from '../standalone/package-root.ts';
import { l7BytesOption } from './l7-bytes.ts';
import { type ListenAddress, parseListen } from './listen.ts';
import { ownVersion } from './version.ts';
import { AGGREGATION_LEVEL } from '../wire/lists.gen.ts';

const MIB = 1024 * 1024;

interface Options {
  node: string;
  netns?: string;
  cgroup?: string;
  state: string;
  hub: string[];
  hubCa?: string;
  agentTokenFile?: string;
  level: string;
  l7Bytes: number;
  uplink: string[];
  denyList?: string;
  buffer: number;
  listen: ListenAddress;
  exitWithParent?: true;
}

export function agentCommand(): Command {
  return new Command('agent')
    .description('load the datapath of this node, keep it in step with the cluster, stream its events to a hub')
    .requiredOption('--node <name>', 'name of this node', nodeName)
    .requiredOption('--state <folder>', "the node's state folder, such as /run/spyglass/NODE")
    .addOption(
      new Option(
        '--hub <url>',
        'a hub, such as ws://127.0.0.1:12000, may be repeated: each gets everything; so does each address of its name',
      )
        .argParser((url: string, before: string[] | undefined) => [...(before ?? []), webSocketUrl(url)])
        .makeOptionMandatory(),
    )
    .option('--agent-token-file <file>', 'file with the token that the hub asks agents for; read for each connection')
    .option('--hub-ca <file>', "certificates that are trusted for wss://, in place of the system's, PEM")
    .option('--netns <name>', "namespace under /run/netns with the host sides of the pods' devices; default: this one")
    .addOption(
      new Option(
        '--uplink <device>',
        'device that leads to the world, may be repeated: pods speak with it under its address',
      )
        .argParser((name: string, before: string[]) => [...before, deviceName(name)])
        .default([], 'none'),
    )
    .option(
      '--deny-list <file>',
      'prefixes, one a line, whose packets are dropped at the uplinks; followed while running',
    )
    .option('--cgroup <folder>', 'v2 group of the processes that reach services by their sockets; default: none do')
    .addOption(
      new Option('--level <level>', 'how much is reported')
        .choices(Object.keys(AGGREGATION_LEVEL).map((it) => it.toLowerCase()))
        .default('medium'),
    )
    .addOption(l7BytesOption())
    .option('--buffer <bytes>', 'records kept for a hub that is away', bytes, 32 * MIB)
    .addOption(
      new Option('--listen <host:port>', 'where probes and metrics are answered; port 0 takes a free one')
        .argParser(parseListen)
        .default({ host: '127.0.0.1', port: 9965 }, '127.0.0.1:9965'),
    )
    .option('--exit-with-parent', 'stop when standard input closes')
    .action(run);
}

async function run(options: Options): Promise<void> {
  const log = pino({ name: 'agent' }, pino.destination(2));
  const level = AGGREGATION_LEVEL[options.level.toUpperCase() as keyof typeof AGGREGATION_LEVEL];
  const { node, netns, cgroup, state, hub, buffer } = options;
  const root = packageRoot();
  // First, so that a port in use is told before anything is attached.
  await using health = await startHealthServer(options.listen);
  let agent: Agent;
  try {
    agent = new Agent(
      {
        node,
        netns,
        cgroup,
        state,
        hubs: [...new Set(hub)],
        hubSecurity: { tokenFile: options.agentTokenFile, caFile: options.hubCa },
        buffer,
        level,
        l7Bytes: options.l7Bytes,
        uplinks: options.uplink,
        denyList: options.denyList,
        objects: join(root, 'bpf/build'),
        version: ownVersion(),
      },
      log,
    );
  } catch (error) {
    if (error instanceof KernelError) throw new Failure(error.message, { cause: error });
    throw error;
  }
  health.show(agent);
  log.info(`probes and metrics on ${health.url}`);
  await stopRequest(options.exitWithParent === true);
  // While it is open, the process does not end: a parent that did not ask for this would never start another.
  process.stdin.destroy();
  await agent[Symbol.asyncDispose]();
}

function stopRequest(withParent: boolean): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
    if (!withParent) return;
    process.stdin.once('end', () => resolve()).once('error', () => resolve());
    process.stdin.resume();
  });
}

/** Kubernetes' rule for node names; the name becomes a folder. */
function nodeName(text: string): string {
  if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(text)) {
    throw new InvalidArgumentError('It must be lower-case letters, digits, "-" and ".", at most 253.');
  }
  return text;
}

/** Linux' rule for names of network devices. */
function deviceName(text: string): string {
  if (!/^[^\s/]{1,15}$/.test(text)) throw new InvalidArgumentError('It must be the name of a network device.');
  return text;
}

function webSocketUrl(text: string): string {
  if (!/^wss?:\/\/[^/]+\/?$/.test(text)) throw new InvalidArgumentError('It must look like ws://HOST:PORT.');
  return text;
}

function bytes(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < MIB)
    throw new InvalidArgumentError('It must be a number of bytes, at least 1 MiB.');
  return value;
}
