/** `spyglass replay FILE`: a recording, played into a hub as if its agents sent it now. */
import { Command, InvalidArgumentError } from 'commander';
import { Failure } from '../base/failure.ts';
import type { HubCredentials } from '../recording/hub-credentials.ts';
import { play, type Survey, survey } from '../recording/player.ts';
import type { NodeStatus } from '../wire/status.ts';
import { connectOptions } from '../agent/hub-security.ts';
import { askHub, DEFAULT_HUB } from './hub-client.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const MAX_SPEED = 1000;

interface Options {
  hub: string;
  tokenFile?: string;
  agentTokenFile?: string;
  ca?: string;
  speed: number;
  loop?: true;
}

export function replayCommand(): Command {
  return new Command('replay')
    .description('play a recording into a hub, its times shifted to now')
    .argument('<file>', 'file that "spyglass record" made')
    .option('--hub <url>', 'URL of the hub', DEFAULT_HUB)
    .option('--token-file <file>', 'file with a token that the hub knows')
    .option('--agent-token-file <file>', 'file with a token of agents, for the nodes of the recording')
    .option('--ca <file>', "certificates that are trusted in place of the system's, PEM")
    .option('--speed <n>', "so many times as fast as it was recorded, or 'max' for at once", parseSpeed, 1)
    .option('--loop', 'again from the start when it has ended, until Ctrl-C')
    .action(async (path: string, options: Options) => {
      const { hub, speed, loop, agentTokenFile, ca } = options;
      const stopping = new AbortController();
      for (const signal of SIGNALS) process.on(signal, () => stopping.abort());
      const surveyed = await survey(path);
      await checkNodes(options, surveyed);
      process.stdout.write(`${path}: ${describe(surveyed)}\n`);
      if (surveyed.end === 'cut') process.stderr.write('! its tail is cut; it is played as far as it goes\n');
      const connect = (): HubCredentials => connectOptions({ tokenFile: agentTokenFile, caFile: ca });
      await play(path, surveyed, { hub, connect, speed, loop: loop === true, signal: stopping.signal });
    });
}

/** A node that is there must not be pushed aside by a recording of it. */
async function checkNodes({ hub, tokenFile, ca }: Options, { nodes }: Survey): Promise<void> {
  const place = { server: hub, ...(tokenFile !== undefined && { tokenFile }), ...(ca !== undefined && { ca }) };
  const known = (await (await askHub(place, '/api/v1/nodes')).json()) as { nodes: NodeStatus[] };
  const there = known.nodes.find((node) => node.connected && nodes.has(node.name));
  if (there === undefined) return;
  throw new Failure(
    `the agent of node ${there.name}, which is in the recording, is connected to this hub; play it into another one, such as "spyglass hub --listen 127.0.0.1:0"`,
  );
}

function describe({ nodes, firstUs, lastUs, gaps }: Survey): string {
  const seconds = ((lastUs - firstUs) / 1e6).toFixed(0);
  const what = nodes.size === 1 ? `node ${[...nodes][0]}` : `${nodes.size} nodes`;
  const gapText = gaps === 0 ? '' : `, with ${gaps} gaps`;
  return `${seconds} s of ${what}, recorded ${new Date(firstUs / 1000).toISOString()}${gapText}`;
}

/** 0 stands for `max`. */
function parseSpeed(text: string): number {
  if (text === 'max') return 0;
  const speed = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : NaN;
  if (speed > 0 && speed <= MAX_SPEED) return speed;
  throw new InvalidArgumentError(`It must be a number up to ${MAX_SPEED}, such as 1, 0.5 or 10, or 'max'.`);
}
