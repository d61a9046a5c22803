/**
 * NetworkPolicy over the whole reachability matrix: each case puts its policies in force and compares real packets with
 * what is written in policy-cases, and that with the reference evaluator.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RECORD_TYPE, VERDICT } from '../../server/wire/lists.gen.ts';
import { expectation } from './expectation.ts';
import { Matrix, type Probe, probeName } from './matrix.ts';
import { BLOCKS } from './policy-cases/blocks.ts';
import { ISOLATION } from './policy-cases/isolation.ts';
import { PEERS } from './policy-cases/peers.ts';
import type { PolicyCase } from './policy-cases/policy-case.ts';
import { PORT_CASES } from './policy-cases/ports.ts';
import { SERVICES } from './policy-cases/services.ts';
import { UNIONS } from './policy-cases/unions.ts';
import { ENDS, PLACES, PODS, PolicyCluster, PORTS } from './policy-cluster.ts';

interface Theme {
  cases: readonly PolicyCase[];
  /** The probes that can tell its cases apart: all would take three times as long. */
  asks: (probe: Probe) => boolean;
}

const isOneOf = (protocols: string[], probe: Probe): boolean => protocols.includes(`${probe.protocol}/${probe.port}`);
/** Both protocols on one port, and every end but the service, whose address says nothing new of policies. */
const onePort = (probe: Probe): boolean => isOneOf(['tcp/80', 'udp/80'], probe) && probe.to !== 'svc';

/** Every port; of the ends that are no pods one of the world, as ports do not ask who it is. */
const isToAnyPort = ({ from, to }: Probe): boolean => [from, to].every((it) => PODS.includes(it) || it === 'world');
const isAboutService = (probe: Probe): boolean => ['x-a', 'svc'].includes(probe.to) && PODS.includes(probe.from);

const THEMES: Record<string, Theme> = {
  isolation: { cases: ISOLATION, asks: onePort },
  peers: { cases: PEERS, asks: onePort },
  unions: { cases: UNIONS, asks: onePort },
  blocks: { cases: BLOCKS, asks: onePort },
  ports: { cases: PORT_CASES, asks: isToAnyPort },
  services: { cases: SERVICES, asks: isAboutService },
};

/** Each so many of a theme's cases run, from its first on. SPYGLASS_POLICY_CASES_EVERY: more than 1, where all is slow. */
const EVERY = Number(process.env['SPYGLASS_POLICY_CASES_EVERY'] ?? 1);
const CHOSEN = Object.entries(THEMES).map(
  ([name, { cases, asks }]) => [name, { cases: cases.filter((_, i) => i % EVERY === 0), asks }] as const,
);
const count = (themes: readonly Theme[]): number => themes.reduce((sum, it) => sum + it.cases.length, 0);
console.log(`${count(CHOSEN.map(([, it]) => it))} of ${count(Object.values(THEMES))} policy cases`);

let cluster: PolicyCluster;
let matrix: Matrix;

beforeAll(async () => {
  cluster = await PolicyCluster.create();
  matrix = await Matrix.start(cluster.world, PODS, PORTS, PLACES);
});
afterAll(async () => {
  await matrix[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

describe.each(CHOSEN)('%s', (_, { cases, asks }) => {
  test.each(cases)('$name', async ({ policies, labels, expected }) => {
    const isReached = expectation(expected, ENDS);
    cluster.set(policies, labels);
    const probes = matrix.probes().filter(asks);
    const disputed = probes.filter((it) => isReached(it) !== cluster.referenceAllows(it)).map(probeName);
    expect(disputed).toEqual([]);
    expect(await matrix.differences(isReached, probes)).toEqual([]);
  });
});

/** Compares the matrix with a table, as far as one port shows it. */
async function expectMatrix(expected: string): Promise<void> {
  expect(await matrix.differences(expectation(expected, ENDS), matrix.probes().filter(onePort))).toEqual([]);
}

describe('changes', () => {
  const POLICIES = [
    'x {podSelector: {matchLabels: {pod: a}}, policyTypes: [Ingress]}',
    'x {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}}]}]}',
  ];

  test('labels of a pod and of a namespace change under policies, and policies go', async () => {
    cluster.set(POLICIES);
    await expectMatrix(`
      - * -> x
      + y -> x`);
    cluster.set(POLICIES, { namespaces: { y: {}, z: { team: 'blue' } } });
    await expectMatrix(`
      - * -> x
      + z -> x`);
    cluster.set(POLICIES.slice(0, 1));
    await expectMatrix('- * -> x-a');
    cluster.set(POLICIES.slice(0, 1), { pods: { 'x-a': { pod: 'c' }, 'x-b': { pod: 'a' } } });
    await expectMatrix('- * -> x-b');
    cluster.set([]);
    await expectMatrix('');
  });

  test('audit: what would be denied passes with its own verdict and the rule that says so, all else as ever', async () => {
    const toX = { tcp: 0, udp: 0 };
    cluster.set(['x audit {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}']);
    // A probe on the port of one before would go on with that one's entry: nothing new to report.
    cluster.world.forgetFlows();
    cluster.world.records();
    const probes = matrix.probes().filter((it) => it.port === 80 && PODS.includes(it.from) && PODS.includes(it.to));
    for (const it of probes) if (it.to.startsWith('x') && !it.from.startsWith('x')) toX[it.protocol]++;
    expect(await matrix.differences(() => true, probes)).toEqual([]);
    const fresh = cluster.world.records().filter((it) => it.type === RECORD_TYPE.NEW);
    const audited = fresh.filter((it) => it.verdict === VERDICT.AUDIT);
    expect(audited.filter((it) => it.protocol === 6)).toHaveLength(toX.tcp);
    expect(audited.filter((it) => it.protocol === 17)).toHaveLength(toX.udp);
    expect(audited.every((it) => it.ingress_rule > 0)).toBe(true);
    expect(new Set(fresh.map((it) => it.verdict))).toEqual(new Set([VERDICT.AUDIT, VERDICT.FORWARDED]));
  });
});
