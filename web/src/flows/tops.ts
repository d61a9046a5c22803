/** The most frequent values among the flows on the page. */
import type { HubbleFlow } from '../../../server/wire/hubble.ts';
import type { FlowFilter, FlowRow } from '../../../server/wire/live.ts';
import { DROP_REASON_WORDS } from '../../../server/wire/lists.gen.ts';
import { routeFilter } from '../filter/route-filter.ts';
import { endName, portOf, serverEnd, shortEnd } from '../words/ends.ts';
import { VERDICT_WORD, verdictOf } from '../words/what.ts';

export interface TopValue {
  text: string;
  count: number;
  filter: FlowFilter;
  isBad: boolean;
}

export interface Top {
  title: string;
  values: readonly TopValue[];
}

const MOST = 3;

type Value = Omit<TopValue, 'count'>;

const TOPS: readonly { title: string; of: (flow: HubbleFlow) => Value | null }[] = [
  {
    title: 'Verdict',
    of: (flow) => {
      const verdict = verdictOf(flow);
      return {
        text: VERDICT_WORD[verdict],
        filter: { verdict: [String(flow.verdict).toLowerCase()] },
        isBad: verdict === 'dropped',
      };
    },
  },
  {
    title: 'Drop reason',
    of: ({ drop_reason: reason, drop_reason_desc: name }) =>
      reason === undefined || name === undefined
        ? null
        : {
            text: DROP_REASON_WORDS[reason] ?? String(name),
            filter: { 'drop-reason': [String(name).toLowerCase()] },
            isBad: true,
          },
  },
  { title: 'Source', of: (flow) => endValue(flow, 'source') },
  { title: 'Destination', of: (flow) => endValue(flow, 'destination') },
  {
    title: 'Route',
    of: ({ extensions }) => {
      const l7 = extensions?.value.spyglass.l7;
      if (l7 === undefined) return null;
      return { text: l7.route, filter: routeFilter(l7.protocol, l7.route), isBad: false };
    },
  },
  {
    title: 'Port',
    of: (flow) => {
      const port = portOf(flow, serverEnd(flow));
      return port === undefined ? null : { text: String(port), filter: { port: [String(port)] }, isBad: false };
    },
  },
];

export function topsOf(rows: readonly FlowRow[]): Top[] {
  return TOPS.map(({ title, of }) => {
    const found = new Map<string, TopValue>();
    for (const { flow } of rows) {
      const value = of(flow);
      if (value === null) continue;
      const known = found.get(value.text);
      if (known === undefined) found.set(value.text, { ...value, count: 1 });
      else known.count += 1;
    }
    return { title, values: [...found.values()].toSorted((a, b) => b.count - a.count).slice(0, MOST) };
  });
}

function endValue(flow: HubbleFlow, end: 'source' | 'destination'): Value {
  const { namespace, name } = endName(flow, end);
  const side = end === 'source' ? 'from' : 'to';
  const { pod_name: pod, workloads } = flow[end];
  const service = end === 'source' ? flow.source_service : flow.destination_service;
  const [workload] = workloads ?? [];
  let filter: FlowFilter = { [`${side}-ip`]: [name] };
  if (workload !== undefined)
    filter = { [`${side}-namespace`]: [namespace], [`${side}-workload`]: [`${workload.kind}/${workload.name}`] };
  else if (pod !== undefined) filter = { [`${side}-pod`]: [`${namespace}/${pod}`] };
  else if (service !== undefined) filter = { [`${side}-service`]: [`${service.namespace}/${service.name}`] };
  else if (namespace === '' && !/[\d:]/.test(name.slice(0, 1))) filter = { [`${side}-identity`]: ['host'] };
  return { text: shortEnd(flow, end), filter, isBad: false };
}
