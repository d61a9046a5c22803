/** What could be typed next: names first, then values that the flows on the page have, with their counts. */
import type { EnumValue, HubbleFlow } from '../../../server/wire/hubble.ts';
import type { FlowRow } from '../../../server/wire/live.ts';
import { applicationOf, isHidden, portOf, protocolOf } from '../words/ends.ts';
import { pathOf } from '../words/message.ts';
import { FILTER_NAMES, KNOWN_VALUES, SHORT_FORMS, shownName } from './names.ts';

export interface Suggestion {
  /** The whole word that it stands for. */
  text: string;
  /** Flows on the page with it, null for a name. */
  count: number | null;
}

const MOST = 10;

/** For the last word of the input; empty if there is nothing to add. */
export function suggest(word: string, rows: readonly FlowRow[]): Suggestion[] {
  const [, not = '', written = '', value] = /^(-?)([^:]*)(?::(.*))?$/s.exec(word) ?? [];
  if (value === undefined) {
    const start = written.toLowerCase();
    const names = FILTER_NAMES.map(shownName).filter((name) => start !== '' && name.startsWith(start));
    return names.slice(0, MOST).map((name) => ({ text: `${not}${name}:`, count: null }));
  }
  const name = SHORT_FORMS[written] ?? written.replaceAll('.', '-');
  const done = value.includes(',') ? value.slice(0, value.lastIndexOf(',') + 1) : '';
  const start = value.slice(done.length).toLowerCase();
  const values = [...countValues(name, rows)].toSorted(([, a], [, b]) => b - a);
  const known = (KNOWN_VALUES[name] ?? []).filter((known) => values.every(([seen]) => seen !== known));
  return [...values, ...known.map((word) => [word, 0] as const)]
    .filter(([text]) => text.toLowerCase().startsWith(start) && text.toLowerCase() !== start)
    .slice(0, MOST)
    .map(([text, count]) => ({ text: `${not}${written}:${done}${text}`, count }));
}

/** Value of a filter name -> flows that have it. */
function countValues(name: string, rows: readonly FlowRow[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { flow } of rows)
    for (const value of new Set(valuesOf(name, flow))) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

function valuesOf(name: string, flow: HubbleFlow): string[] {
  const ends = name.startsWith('from-')
    ? (['source'] as const)
    : name.startsWith('to-')
      ? (['destination'] as const)
      : (['source', 'destination'] as const);
  const values = ends.map((end): string | undefined => {
    const { namespace, pod_name: pod, workloads, identity } = flow[end];
    const service = end === 'source' ? flow.source_service : flow.destination_service;
    switch (name.replace(/^(from|to)-/, '')) {
      case 'namespace':
        return namespace;
      case 'pod':
        return pod === undefined ? undefined : `${namespace ?? ''}/${pod}`;
      case 'workload':
        return workloads?.[0]?.name;
      case 'service':
        return service && `${service.namespace}/${service.name}`;
      case 'ip':
        return isHidden(flow, end) ? undefined : flow.IP?.[end];
      case 'port':
        return portOf(flow, end)?.toString();
      case 'identity':
        return identity?.toString();
      case 'protocol':
        return applicationOf(flow) ?? protocolOf(flow).toLowerCase();
      case 'verdict':
        return lowerName(flow.verdict);
      case 'drop-reason':
        return lowerName(flow.drop_reason_desc);
      case 'traffic-direction':
        return lowerName(flow.traffic_direction);
      case 'reply':
        return flow.is_reply?.toString();
      case 'node-name':
        return flow.node_name;
      case 'fqdn':
        return (end === 'source' ? flow.source_names : flow.destination_names)?.[0];
      case 'type':
        return flow.l7 === undefined ? undefined : 'l7';
      case 'http-status':
        return flow.l7?.http?.code?.toString();
      case 'http-method':
        return flow.l7?.http?.method;
      case 'http-path':
        return flow.l7?.http === undefined ? undefined : pathOf(flow.l7.http.url);
      case 'http-url':
        return flow.l7?.http?.url;
      case 'dns-query':
        return flow.l7?.dns?.query;
      case 'trace-id':
        return flow.trace_context?.parent.trace_id;
      default:
        return undefined;
    }
  });
  return values.filter((value): value is string => value !== undefined && value !== '');
}

/** Numbers that have no name cannot be asked for. */
function lowerName(value: EnumValue | undefined): string | undefined {
  return typeof value === 'string' ? value.toLowerCase() : undefined;
}
