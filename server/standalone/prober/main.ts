/**
 * Readiness probes as the node's kubelet makes them: this process runs in the node's network namespace,
 * so probes come from the node's address. Orders and verdicts pass over the channel to `up`; it ends
 * with it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Probe } from '../../cluster/plan.ts';
import { probeOnce } from './probe.ts';
import type { ProbeOrder, ProbeVerdict } from './messages.ts';

const running = new Map<string, AbortController>();

process.on('message', (order: ProbeOrder) => {
  running.get(order.id)?.abort();
  running.delete(order.id);
  if (order.target === null) return;
  const stopping = new AbortController();
  running.set(order.id, stopping);
  void keepProbing(order.id, order.target.address, order.target.probe, stopping.signal);
});
process.on('disconnect', () => process.exit(0));

async function keepProbing(id: string, address: string, probe: Probe, signal: AbortSignal): Promise<void> {
  let ready = false;
  let streak = 0;
  await pause(probe.initialDelaySeconds * 1000, signal);
  for (let attempt = 0; !signal.aborted; attempt++) {
    const good = await probeOnce(address, probe);
    streak = good === ready ? 0 : streak + 1;
    if (streak >= (good ? probe.successThreshold : probe.failureThreshold) && !signal.aborted) {
      ready = good;
      streak = 0;
      const verdict: ProbeVerdict = { id, ready };
      process.send?.(verdict);
    }
    // A pod that is about to become ready is looked at more often: a start should not wait for a period.
    await pause(
      !ready && attempt < 50 ? Math.min(200, probe.periodSeconds * 1000) : probe.periodSeconds * 1000,
      signal,
    );
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
