/** `spyglass status`: what a hub holds, which agents it hears, and what was lost. */
import { Command, Option } from 'commander';
import { type HistoryStatus, type HubStatus, MAP_FILL_WARNING, type NodeStatus } from '../wire/status.ts';
import { addHubOptions, askHub, type HubPlace } from './hub-client.ts';

interface Options extends HubPlace {
  output: 'text' | 'json';
}

export function statusCommand(): Command {
  return addHubOptions(new Command('status'))
    .description('say what a hub holds, which agents it hears, and what was lost')
    .addOption(new Option('-o, --output <format>', 'text, or JSON').choices(['text', 'json']).default('text'))
    .action(async ({ output, ...place }: Options) => {
      const status = (await (await askHub(place, '/api/v1/status')).json()) as HubStatus;
      const { nodes } = (await (await askHub(place, '/api/v1/nodes')).json()) as { nodes: NodeStatus[] };
      process.stdout.write(
        output === 'json' ? `${JSON.stringify({ ...status, nodes }, null, 2)}\n` : statusText(status, nodes),
      );
    });
}

/** Lines for people, newline included. */
export function statusText(status: HubStatus, nodes: readonly NodeStatus[]): string {
  const { lost, grpc, history } = status;
  const lines = [
    `Hub      ${status.version}, up ${status.uptime_s} s${status.mode === 'replay' ? ', REPLAY of a recording' : ''}`,
    `Agents   ${status.nodes.connected} of ${status.nodes.known} connected`,
    ...flowLines(status),
    `Lost     ${lost.records} records (${lost.ring} in kernels, ${lost.buffer} in agents, ${lost.agent} with agents that ended, ${lost.transit} on the way)`,
    grpc === null
      ? 'Hubble   off'
      : `Hubble   gRPC on ${grpc.address}${grpc.tls ? ' with TLS' : ''}, ${grpc.streams} streams of flows`,
    historyLine(history),
  ];
  if (history?.problem) lines.push(`  ! ${history.problem}`);
  if (nodes.length > 0) lines.push('');
  for (const node of nodes) {
    const state = node.connected ? 'connected' : 'LOST     ';
    lines.push(
      `${node.name}  ${state} since ${node.since}  ${node.pods} pods  ${node.flows_rate === null ? '–' : node.flows_rate.toFixed(1)} flows/s  ${node.lost.records} lost`,
    );
    if (node.problem !== null) lines.push(`  ! ${node.problem}`);
    for (const { name, entries, max_entries } of node.maps ?? []) {
      if (entries < max_entries * MAP_FILL_WARNING) continue;
      lines.push(`  ! map ${name} holds ${entries} of ${max_entries} entries`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function flowLines({ flows, drops_rate: drops }: HubStatus): string[] {
  if (flows === null || drops === null) return ['Flows    of some namespaces; totals are for readers of all'];
  const share = ((100 * flows.memory_bytes) / flows.memory_limit_bytes).toFixed(0);
  return [
    `Flows    ${flows.rate.toFixed(1)}/s, ${flows.stored} in memory of ${flows.exact ? '' : 'at least '}${flows.received} received (${share} % of the memory in use)`,
    `Drops    ${drops.toFixed(1)}/s`,
  ];
}

function historyLine(history: HistoryStatus | null): string {
  if (history === null) return 'History  off: flows are in memory only';
  const { kind, state, rows, bytes, backlog_bytes, oldest, not_stored } = history;
  const mib = (size: number): string => `${(size / 2 ** 20).toFixed(1)} MiB`;
  const held = rows === null || bytes === null ? '' : `, ${rows} flows in ${mib(bytes)}`;
  const since = oldest === null ? '' : ` since ${oldest}`;
  const gone = not_stored.backlog + not_stored.refused + not_stored.stopped;
  return `History  ${kind}, ${state}${held}${since}, ${mib(backlog_bytes)} waiting, ${gone} flows not stored`;
}
