#!/usr/bin/env node
/**
 * The `spyglass` command. Each verb is a module of its own, loaded when it is asked for. Exit codes: 0
 * done, 1 failed, 2 wrong usage; what went wrong is one sentence on standard error.
 */
import { Command, CommanderError } from 'commander';
import { EXIT_FAILURE, EXIT_USAGE, Failure } from '../base/failure.ts';
import { ownVersion } from './version.ts';

const VERBS: Record<string, { summary: string; load: () => Promise<Command> }> = {
  up: {
    summary: 'run a folder of Kubernetes manifests on this machine, with datapath, agent, hub and UI',
    load: async () => (await import('./up.ts')).upCommand(),
  },
  agent: {
    summary: 'load the datapath of this node, keep it in step with the cluster, stream its events to a hub',
    load: async () => (await import('./agent.ts')).agentCommand(),
  },
  hub: {
    summary: 'collect what agents report; serve the UI and the API',
    load: async () => (await import('./hub.ts')).hubCommand(),
  },
  token: {
    summary: 'make a token for a reader or an agent of a hub',
    load: async () => (await import('./token.ts')).tokenCommand(),
  },
  observe: {
    summary: 'print flows from a hub',
    load: async () => (await import('./observe.ts')).observeCommand(),
  },
  record: {
    summary: 'record what the agents of a hub send',
    load: async () => (await import('./record.ts')).recordCommand(),
  },
  replay: {
    summary: 'play a recording into a hub',
    load: async () => (await import('./replay.ts')).replayCommand(),
  },
  status: {
    summary: 'print the state of a hub and its agents',
    load: async () => (await import('./status.ts')).statusCommand(),
  },
};

async function program(verb: string | undefined): Promise<Command> {
  const root = new Command('spyglass')
    .description('A Kubernetes network datapath that explains itself')
    .version(ownVersion(), '--version', 'print the version');
  for (const [name, { summary, load }] of Object.entries(VERBS)) {
    root.addCommand((name === verb ? await load() : new Command(name)).description(summary));
  }
  for (const command of [root, ...root.commands]) {
    command
      .exitOverride()
      .configureOutput({ outputError: (text, write) => write(`spyglass: ${text.replace(/^error: /, '')}`) });
  }
  return root;
}

try {
  await (await program(process.argv[2])).parseAsync();
} catch (error) {
  process.exitCode = exitCodeFor(error);
}

function exitCodeFor(error: unknown): number {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? 0 : EXIT_USAGE;
  }
  if (error instanceof Failure) {
    for (const line of error.message.split('\n')) process.stderr.write(`spyglass: ${line}\n`);
    return error.exitCode;
  }
  // Not foreseen, hence a bug: its stack is what helps.
  process.stderr.write(`spyglass: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT_FAILURE;
}
