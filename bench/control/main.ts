/**
 * The control benchmark: from a change of the cluster model to the kernel's maps holding it, on a node with
 * 1,000 policies and 10,000 identities. `node dist/bench/control/main.js [--rounds N] [--changes N]`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Datapath } from '../../server/agent/datapath.ts';
import type { ClusterState } from '../../server/cluster/model.ts';
import { mountBpffs } from '../../server/kernel/bpffs.ts';
import { AGGREGATION_LEVEL } from '../../server/wire/lists.gen.ts';
import { quiet } from '../lib/quiet.ts';
import { keepResults, type Table } from '../lib/results.ts';
import { ROOT } from '../lib/run.ts';
import { spread } from '../lib/statistics.ts';
import { runBenchmark, stopping } from '../lib/stopping.ts';
import {
  benchAttachments,
  benchCluster,
  benchPod,
  benchPolicy,
  IDENTITIES,
  LOCAL_PODS,
  NODE,
  POLICIES,
} from './cluster.ts';

const PINS = '/sys/fs/bpf/sgbench-control';
const CHANGE_BUDGET_MS = 50;
const RESYNC_BUDGET_MS = 3000;

type Step = 'first sync' | 'policy changed' | 'policy added' | 'pod relabelled' | 'verifying pass' | 'agent restarted';

interface Sample {
  step: Step;
  plan_ms: number;
  apply_ms: number;
  written: number;
  deleted: number;
}

/** A node without pods' programs: its maps are what is measured. */
class Node implements Disposable {
  readonly #state = mkdtempSync(join(tmpdir(), 'spyglass-bench-'));
  readonly #attachments = benchAttachments();
  readonly samples: Sample[] = [];
  #datapath: Datapath;

  constructor() {
    mountBpffs();
    rmSync(PINS, { recursive: true, force: true });
    this.#datapath = this.#open();
  }

  measure(step: Step, state: ClusterState, verify = false): void {
    stopping.throwIfAborted();
    const started = performance.now();
    const desired = this.#datapath.plan(state, this.#attachments);
    const planned = performance.now();
    const { written, deleted } = this.#datapath.apply(desired, { verify });
    const apply_ms = performance.now() - planned;
    this.samples.push({ step, plan_ms: planned - started, apply_ms, written, deleted });
  }

  /** A new agent process has nothing but the maps, the numbers in the state folder, and the cluster's objects anew. */
  restart(): void {
    this.#datapath[Symbol.dispose]();
    this.#datapath = this.#open();
  }

  get entries(): number {
    return this.#datapath.policyEntries;
  }

  [Symbol.dispose](): void {
    this.#datapath[Symbol.dispose]();
    rmSync(PINS, { recursive: true, force: true });
    rmSync(this.#state, { recursive: true, force: true });
  }

  #open(): Datapath {
    return new Datapath({
      objects: join(ROOT, 'bpf/build'),
      pins: PINS,
      node: NODE,
      state: this.#state,
      config: { config_level: AGGREGATION_LEVEL.NONE },
    });
  }
}

function round(changes: number): { samples: Sample[]; entries: number } {
  using node = new Node();
  let state = benchCluster();
  node.measure('first sync', state);
  const { entries } = node;
  for (let i = 0; i < changes; i++) {
    // Each of these selects a pod of this node.
    const at = (i * 101) % POLICIES;
    state = { ...state, networkPolicies: state.networkPolicies.with(at, benchPolicy(at, 8081 + i)) };
    node.measure('policy changed', state);
    const added = { ...benchPolicy(at, 9000), uid: `added-${i}`, name: `added-${i}` };
    state = { ...state, networkPolicies: [...state.networkPolicies, added] };
    node.measure('policy added', state);
    state = { ...state, pods: state.pods.with(500 + i, benchPod(500 + i, { release: String(i) })) };
    node.measure('pod relabelled', state);
  }
  node.measure('verifying pass', state, true);
  node.restart();
  node.measure('agent restarted', structuredClone(state));
  return { samples: node.samples, entries };
}

function table(samples: readonly Sample[]): Table {
  const steps = [...new Set(samples.map((it) => it.step))];
  return {
    caption: 'From the model to the maps',
    columns: ['step', 'plan ms', 'write ms', 'total ms', 'slowest ms', 'entries written', 'budget'],
    rows: steps.map((step) => {
      const own = samples.filter((it) => it.step === step);
      const total = spread(own.map((it) => it.plan_ms + it.apply_ms));
      const budget = step.includes('changed') || step.includes('added') || step.includes('relabelled');
      const limit = budget ? CHANGE_BUDGET_MS : RESYNC_BUDGET_MS;
      return [
        step,
        spread(own.map((it) => it.plan_ms)).median.toFixed(1),
        spread(own.map((it) => it.apply_ms)).median.toFixed(1),
        total.median.toFixed(1),
        total.max.toFixed(1),
        String(Math.round(spread(own.map((it) => it.written)).median)),
        `${total.median <= limit ? 'met' : 'missed'}: ${limit} ms`,
      ];
    }),
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '5' }, changes: { type: 'string', default: '20' } },
  });
  const rounds = Number(values.rounds);
  const changes = Number(values.changes);
  if (!(rounds >= 1 && rounds <= 100) || !(changes >= 1 && changes <= 500))
    throw new Error('--rounds is 1 to 100 and --changes 1 to 500.');
  const samples: Sample[] = [];
  let entries = 0;
  for (let i = 0; i < rounds; i++) {
    await quiet();
    const found = round(changes);
    samples.push(...found.samples);
    ({ entries } = found);
    console.log(`round ${i + 1}/${rounds}  ${entries.toLocaleString('en')} policy entries`);
  }
  await keepResults('control', {
    title: 'Control plane',
    method: [
      `${POLICIES.toLocaleString('en')} policies, ${IDENTITIES.toLocaleString('en')} identities (a dual-stack pod each), ${LOCAL_PODS} of the pods on the node: ${entries.toLocaleString('en')} policy entries in the kernel. Planning and writing happen in one process, as in the agent; numbers are kept on disk before maps are written. Medians over ${rounds} rounds of ${changes} changes of each kind, and the slowest of all.`,
    ],
    tables: [table(samples)],
    raw: samples,
  });
}

await runBenchmark(main);
