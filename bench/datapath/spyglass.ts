/** The Spyglass variant: the agent's own datapath and drain on the benchmark's namespaces. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClockOffset } from '../../server/agent/clock.ts';
import { Datapath } from '../../server/agent/datapath.ts';
import { Drain } from '../../server/agent/drain.ts';
import { Outbox } from '../../server/agent/outbox.ts';
import { mountBpffs } from '../../server/kernel/bpffs.ts';
import { RingBuffer } from '../../server/kernel/ring-buffer.ts';
import { AGGREGATION_LEVEL } from '../../server/wire/lists.gen.ts';
import { RECORD_LAYOUT } from '../../server/wire/record-layout.gen.ts';
import { attachment, clusterState, NODE } from '../lib/cluster.ts';
import { ROOT } from '../lib/run.ts';
import { benchPolicies } from '../lib/policies.ts';
import { BACKEND_PORT, benchServices, countServices } from '../lib/services.ts';
import { createTopology } from '../lib/topology.ts';
import type { Variant } from './variants.ts';

const PINS = '/sys/fs/bpf/sgbench';
const OUTBOX_BYTES = 64 << 20;

/** Makes sure of the bpf file system, and removes what a run left in it, also one that crashed. */
export function removePins(): void {
  mountBpffs();
  rmSync(PINS, { recursive: true, force: true });
}

/** `events`: level medium, drained into batches; without, level none. No hub: what it costs is its own benchmark. */
export async function spyglassVariant(count: number, policies: number, events: boolean): Promise<Variant> {
  const name = `spyglass-${count}${events ? '' : '-silent'}`;
  const topology = await createTopology(`sg${count}${events ? '' : 'q'}`);
  const { services, measured } = benchServices(count, topology.server.addresses[0]);
  const pods = [await attachment(topology, topology.client), await attachment(topology, topology.server)];
  const state = mkdtempSync(join(tmpdir(), 'spyglass-bench-'));
  const datapath = new Datapath({
    objects: join(ROOT, 'bpf/build'),
    pins: join(PINS, name),
    node: NODE,
    netns: `/run/netns/${topology.node}`,
    state,
    config: { config_level: events ? AGGREGATION_LEVEL.MEDIUM : AGGREGATION_LEVEL.NONE },
  });
  const cluster = { ...clusterState(services, pods), networkPolicies: benchPolicies(policies, BACKEND_PORT) };
  datapath.apply(datapath.plan(cluster, pods));
  const [failed] = datapath.attach(pods);
  if (failed) throw new Error(`The programs could not be attached to ${failed.attachment.name}: ${failed.reason}`);

  const ring = new RingBuffer(datapath.maps.events);
  const drain = new Drain({
    ring,
    outbox: new Outbox(OUTBOX_BYTES),
    clock: new ClockOffset(),
    recordSize: RECORD_LAYOUT.size,
    lostInRing: () => 0,
    onBatch: () => undefined,
  });
  return {
    name,
    label: `Spyglass, ${countServices(count)}, ${policies.toLocaleString('en')} ${policies === 1 ? 'policy' : 'policies'}, events ${events ? 'on' : 'off'}`,
    topology,
    target: { address: measured.clusterIP, port: measured.port },
    close() {
      console.log(`${name}: ${drain.drained.toLocaleString('en')} records drained`);
      drain[Symbol.dispose]();
      ring[Symbol.dispose]();
      datapath[Symbol.dispose]();
      rmSync(state, { recursive: true });
    },
  };
}
