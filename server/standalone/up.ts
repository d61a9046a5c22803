/** `spyglass up`: a folder of manifests becomes a node with pods, datapath, agent, hub and UI. */
import { removeLeftovers } from './leftovers.ts';
import { localNode } from './local-node.ts';
import { takeLock } from './lock.ts';
import { NodeRun } from './node-run.ts';
import type { UpOptions } from './node-run.ts';
import { checkPort, NoDatapathError, preflight } from './preflight.ts';
import type { Progress } from './progress.ts';
import { readPlan } from './read-plan.ts';
import { recordingOf, runReplay } from './replay-run.ts';

/**
 * Runs the node until `stopping` comes, then removes everything. Throws a Failure, with everything removed
 * as well, if it cannot be started.
 */
export async function up(options: UpOptions, progress: Progress, stopping: AbortSignal): Promise<void> {
  const node = localNode(options.node);
  try {
    preflight(options.folder);
  } catch (error) {
    const recording = recordingOf(options.folder);
    if (!(error instanceof NoDatapathError) || recording === null) throw error;
    progress.warn(`${error.message}\nnothing is run; a recording of these manifests is played instead`);
    await runReplay(recording, options, progress, stopping);
    return;
  }
  const plan = readPlan(options.folder);
  for (const warning of plan.warnings) progress.warn(warning);
  const giveBack = takeLock(node.lockFile, node.name);
  const run = new NodeRun(node, options, progress, stopping);
  try {
    const before = await removeLeftovers(node);
    if (before.length > 0) progress.tell(`removed what an earlier run left: ${before.join(', ')}`);
    // Only now: what listens may have been the killed run's hub.
    await checkPort(options.port, '--port');
    if (options.grpcPort !== 0) await checkPort(options.grpcPort, '--grpc-port');
    await run.start(plan);
    stopping.throwIfAborted();
    progress.tell(`\n  http://localhost:${options.port}\n\nCtrl-C stops node ${node.name} and removes it.`);
    await run.untilStopped();
  } catch (error) {
    if (!stopping.aborted) throw error;
  } finally {
    await run.end();
    giveBack();
  }
}
