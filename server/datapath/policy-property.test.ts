/**
 * Compiler, reconciler and map lookups against the Kubernetes documentation: random clusters, each before
 * and after some changes, every pair of ends, in both directions. A failure prints the seed of its cluster:
 * `SEED=n npx vitest run --project unit policy-property` runs it alone.
 */
import { expect, test } from 'vitest';
import { SUBJECTS } from '../kernel/layouts.gen.ts';
import type { RuleEntry } from '../wire/agent.ts';
import { VERDICT } from '../wire/lists.gen.ts';
import { desiredState, newAllocators } from './desired.ts';
import { Reconciler } from './reconciler.ts';
import { MemoryMap } from './testing/memory-map.ts';
import { PolicyLookup } from './testing/policy-lookup.ts';
import { type End, referenceRuling, type Traffic } from './testing/policy-reference.ts';
import { OWN_NODE, RandomCluster, WORLD_ADDRESSES } from './testing/random-cluster.ts';

const CLUSTERS = 700;
const CHANGES = 3;
const PROTOCOL = { TCP: 6, UDP: 17, SCTP: 132, ICMP: 1 };
const VERDICT_OF = { allowed: VERDICT.FORWARDED, denied: VERDICT.DROPPED, audit: VERDICT.AUDIT };

/** A node's maps, kept up to date by the real planner and reconciler. */
class NodeMaps {
  readonly #ids = newAllocators();
  readonly #maps = {
    endpoints: new MemoryMap('endpoints', []),
    interfaces: new MemoryMap('interfaces', []),
    ipcache: new MemoryMap('ipcache', []),
    policy: new MemoryMap('policy', []),
    services: new MemoryMap('services', []),
    maglev: new MemoryMap('maglev', []),
    backends: new MemoryMap('backends', []),
  };
  readonly #reconciler = new Reconciler(this.#maps, new BigUint64Array(SUBJECTS));

  apply(cluster: RandomCluster): { lookup: PolicyLookup; rules: Map<number, RuleEntry> } {
    const desired = desiredState(cluster.state, cluster.attachments, OWN_NODE, this.#ids);
    this.#reconciler.apply(desired);
    return {
      lookup: new PolicyLookup(this.#maps),
      rules: new Map(desired.dictionary.rules.map((it) => [it.ref, it])),
    };
  }
}

/** All addresses there are, and who has them. */
function endsOf({ state }: RandomCluster): End[] {
  const own = state.nodes.find((it) => it.name === OWN_NODE)?.addresses ?? [];
  const ends = state.pods
    .filter((it) => !it.hostNetwork)
    .flatMap((pod) => pod.podIPs.map((address) => ({ address, pod, isOwnNode: false })));
  for (const address of state.nodes.flatMap((it) => it.addresses)) {
    // Traffic of a pod on the host's network is the node's.
    const pod = state.pods.find((it) => it.hostNetwork && it.podIPs.includes(address)) ?? null;
    ends.push({ address, pod: pod as never, isOwnNode: own.includes(address) });
  }
  return [...ends, ...WORLD_ADDRESSES.map((address) => ({ address, pod: null, isOwnNode: false }))];
}

function ruleName(entry: RuleEntry | undefined): string {
  if (entry === undefined) return 'none';
  if ('default' in entry) return entry.policies.map((it) => `${it.namespace}/${it.name}`).join(',');
  return `${entry.namespace}/${entry.name}/${entry.direction}/${entry.index}`;
}

function check(seed: number, cluster: RandomCluster, maps: NodeMaps): number {
  const { lookup, rules } = maps.apply(cluster);
  const { networkPolicies, namespaces } = cluster.state;
  const ends = endsOf(cluster);
  const local = new Set(cluster.attachments.map((it) => it.podUid));
  const traffic: Traffic[] = [{ protocol: 'ICMP', port: 0 }];
  for (const port of cluster.probes()) traffic.push({ protocol: 'TCP', port }, { protocol: 'UDP', port });
  traffic.push({ protocol: 'SCTP', port: 80 });
  let count = 0;
  for (const self of ends) {
    if (self.pod === null || !local.has(self.pod.uid)) continue;
    for (const peer of ends) {
      if (peer.address.includes(':') !== self.address.includes(':')) continue;
      for (const direction of ['ingress', 'egress'] as const) {
        const [source, destination] = direction === 'ingress' ? [peer, self] : [self, peer];
        for (const it of traffic) {
          count++;
          const expected = referenceRuling(direction, networkPolicies, namespaces, source, destination, it);
          const found = lookup.judge(direction, self.address, peer.address, PROTOCOL[it.protocol], it.port);
          const name = ruleName(rules.get(found.rule));
          const isNamed =
            expected.verdict === 'allowed'
              ? expected.by.length === 0
                ? found.rule === 0
                : expected.by.includes(name)
              : name === expected.by.join(',');
          if (found.verdict === VERDICT_OF[expected.verdict] && isNamed) continue;
          const pod = (end: End): string => JSON.stringify(end.pod && { ...end.pod, annotations: undefined });
          expect.fail(
            [
              `seed ${seed}: ${direction} ${source.address} -> ${destination.address} ${it.protocol} ${it.port}`,
              `expected ${expected.verdict} by ${expected.by.join(' or ')}, the maps say verdict ${found.verdict} by ${name}`,
              `source ${pod(source)}`,
              `destination ${pod(destination)}`,
              `namespaces ${JSON.stringify(namespaces)}`,
              ...networkPolicies
                .filter((policy) => policy.namespace === self.pod?.namespace)
                .map((policy) => `policy ${JSON.stringify(policy)}`),
            ].join('\n'),
          );
        }
      }
    }
  }
  return count;
}

test('the maps say what the Kubernetes documentation says', () => {
  const only = process.env.SEED;
  const seeds = only === undefined ? Array.from({ length: CLUSTERS }, (_, i) => i + 1) : [Number(only)];
  let checked = 0;
  for (const seed of seeds) {
    const cluster = new RandomCluster(seed);
    const maps = new NodeMaps();
    checked += check(seed, cluster, maps);
    for (let i = 0; i < CHANGES; i++) {
      cluster.mutate();
      checked += check(seed, cluster, maps);
    }
  }
  expect(checked).toBeGreaterThan(1000 * seeds.length);
}, 60_000);
