/** The side of `up`: keeps the prober process running and knows who is ready. */
import type { Probe } from '../../cluster/plan.ts';
import { inCgroup } from '../../kernel/cgroup.ts';
import { builtModule } from '../package-root.ts';
import type { LocalNode } from '../local-node.ts';
import { supervise } from '../supervised.ts';
import type { ProbeOrder, ProbeVerdict } from './messages.ts';

export interface Prober {
  /** Probes until `forget`. `changed` hears of every change; at first nobody is ready. */
  watch(id: string, address: string, probe: Probe, changed: (ready: boolean) => void): void;
  forget(id: string): void;
  stop(): Promise<void>;
}

/** Starts the prober in the node's namespace and group. `tell` hears of its restarts. */
export function startProber(node: LocalNode, tell: (line: string) => void): Prober {
  const targets = new Map<string, { order: ProbeOrder; changed: (ready: boolean) => void }>();
  const prober = [process.execPath, builtModule('standalone/prober/main')];
  const inNode = ['nsenter', `--net=/run/netns/${node.netns}`, '--', ...prober];
  const argv = node.cgroup === undefined ? inNode : inCgroup(node.cgroup, inNode);
  const options = { argv, env: process.env, log: `${node.stateFolder}/logs/prober.log`, stateFolder: node.stateFolder };
  const supervised = supervise('prober', { ...options, ipc: true }, tell, ({ process: child }) => {
    child.on('message', (verdict) => {
      const { id, ready } = verdict as ProbeVerdict;
      targets.get(id)?.changed(ready);
    });
    for (const { order } of targets.values()) child.send(order);
  });

  function send(order: ProbeOrder): void {
    const child = supervised.child.process;
    // While it is being started again there is no channel; the next process gets all orders.
    if (child.connected) child.send(order);
  }

  return {
    watch(id, address, probe, changed) {
      const order = { id, target: { address, probe } };
      targets.set(id, { order, changed });
      send(order);
    },
    forget(id) {
      if (targets.delete(id)) send({ id, target: null });
    },
    stop: () => supervised.stop(500),
  };
}
