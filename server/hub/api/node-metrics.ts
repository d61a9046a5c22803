/** Metrics of nodes: what became of their records and messages, how full their maps are, what their policies decided. */
import type { HubState } from '../hub-state.ts';
import type { Sample } from '../metrics/bounded-samples.ts';
import type { AgentNode } from '../ingest/agent-node.ts';
import type { Define } from './metrics.ts';

/** Of the records of a node, by the name of the count and by what became of them. */
const RECORDS = ['produced', 'received', 'elsewhere', 'overwritten'] as const;
const CAUSES = ['ring', 'buffer', 'agent', 'transit'] as const;

export function nodeMetrics(state: HubState, counter: Define, gauge: Define): void {
  const { nodes, seriesTally, policyHits } = state;
  const perNode = (value: (node: AgentNode) => number) => (): Sample[] =>
    [...nodes.values()].map((node) => [{ node: node.name }, value(node)]);
  const perMap = (value: 'entries' | 'max_entries') => (): Sample[] =>
    [...nodes.values()].flatMap(({ name, counters }) =>
      (counters?.maps ?? []).map((map): Sample => [{ node: name, map: map.name }, map[value]]),
    );
  counter(
    'spyglass_hub_flows_total',
    'Flows received by node.',
    ['node'],
    perNode(({ flows }) => flows),
  );
  counter('spyglass_hub_records_total', 'Records by what became of them.', ['node', 'what'], () =>
    [...nodes.values()].flatMap(({ name, ledger: { total } }) =>
      RECORDS.map((what): Sample => [{ node: name, what }, total[what]]),
    ),
  );
  counter(
    'spyglass_hub_lost_records_total',
    'Records that no hub received, by where they were lost.',
    ['node', 'cause'],
    () =>
      [...nodes.values()].flatMap(({ name, lost }) =>
        CAUSES.map((cause): Sample => [{ node: name, cause }, lost[cause]]),
      ),
  );
  counter('spyglass_l7_lost_total', 'What agents could not read or send of messages.', ['node', 'cause'], () =>
    [...seriesTally.losses].flatMap(([node, causes]) =>
      Object.entries(causes).map(([cause, count]): Sample => [{ node, cause }, count]),
    ),
  );
  counter(
    'spyglass_policy_hits_total',
    'Connections that a rule allowed, and packets that a default denied, as far as records tell.',
    ['namespace', 'policy', 'direction', 'rule'],
    () =>
      [...policyHits].map(([{ namespace, name, direction, rule }, { hits }]): Sample => [
        { namespace, policy: name, direction, rule },
        hits,
      ]),
  );
  gauge('spyglass_map_entries', 'Entries of an eBPF map.', ['node', 'map'], perMap('entries'));
  gauge('spyglass_map_max_entries', 'Entries an eBPF map has room for.', ['node', 'map'], perMap('max_entries'));
  gauge(
    'spyglass_hub_agent_connected',
    'Whether the agent of a node is connected.',
    ['node'],
    perNode(({ connected }) => Number(connected)),
  );
  gauge(
    'spyglass_hub_lag_seconds',
    'Age of the newest record when it was received.',
    ['node'],
    perNode(({ lagMs }) => lagMs / 1000),
  );
}
