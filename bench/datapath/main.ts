/**
 * The datapath benchmark: connections and requests a second from pod to pod through a Service, for plain
 * routing, kube-proxy's iptables and nftables modes and Spyglass. `node dist/bench/datapath/main.js [--rounds N] [--seconds N]`.
 * Every round measures every variant, in turned order, so that what disturbs the machine disturbs all alike.
 */
import type { ChildProcess } from 'node:child_process';
import { parseArgs } from 'node:util';
import { runBenchmark } from '../lib/stopping.ts';
import { keepResults } from '../lib/results.ts';
import { stop } from '../lib/run.ts';
import { report } from './report.ts';
import { removePins, spyglassVariant } from './spyglass.ts';
import { removeTopologies } from '../lib/topology.ts';
import { compileTraffic, measure, type Mode, type Samples, startServer } from './traffic.ts';
import { iptablesVariant, nftablesVariant, plainVariant, type Variant } from './variants.ts';

/** The larger number of Services. */
const MANY = 10_000;

const MANY_POLICIES = 1000;

const MODES: readonly Mode[] = ['crr', 'rr'];

async function measureRounds(program: string, variants: Variant[], rounds: number, seconds: number): Promise<Samples> {
  const samples: Samples = Object.fromEntries(variants.map(({ name }) => [name, { crr: [], rr: [] }]));
  for (let round = 0; round < rounds; round++) {
    const order = variants.map((_, i) => variants[(i + round) % variants.length]).filter((v) => v !== undefined);
    for (const variant of order) {
      for (const mode of MODES) {
        const sample = await measure(program, variant, mode, seconds);
        samples[variant.name]?.[mode].push(sample);
        const rate = Math.round(sample.requests_per_second).toLocaleString('en');
        console.log(
          `round ${round + 1}/${rounds}  ${variant.label.padEnd(38)} ${mode.padEnd(3)}  ${rate.padStart(9)}/s${sample.calm ? '' : '  (machine busy)'}`,
        );
      }
    }
  }
  return samples;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '2' } },
  });
  const rounds = Number(values.rounds);
  const seconds = Number(values.seconds);
  if (!(rounds >= 1 && rounds <= 100) || !(seconds >= 0.1 && seconds <= 60))
    throw new Error('--rounds is 1 to 100 and --seconds 0.1 to 60.');

  await removeTopologies();
  removePins();
  const { program, remove } = await compileTraffic();
  const variants: Variant[] = [];
  const servers: ChildProcess[] = [];
  try {
    variants.push(await plainVariant());
    for (const count of [1, MANY]) {
      variants.push(await iptablesVariant(count, 'middle'), await nftablesVariant(count));
    }
    variants.push(await iptablesVariant(MANY, 'last'));
    variants.push(
      await spyglassVariant(1, 1, true),
      await spyglassVariant(MANY, MANY_POLICIES, true),
      await spyglassVariant(MANY, MANY_POLICIES, false),
    );
    for (const variant of variants) servers.push(await startServer(program, variant));
    const samples = await measureRounds(program, variants, rounds, seconds);
    await keepResults('datapath', report(variants, samples, { rounds, seconds }));
  } finally {
    await Promise.all(servers.map(stop));
    for (const variant of variants) variant.close?.();
    await removeTopologies();
    removePins();
    await remove();
  }
}

await runBenchmark(main);
