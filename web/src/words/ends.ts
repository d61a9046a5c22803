/** Who stands at either end of a flow, as the page names it. */
import type { HubbleFlow } from '../../../server/wire/hubble.ts';
import type { L7ProtocolName } from '../../../server/wire/l7.ts';
import type { NodeKind } from '../../../server/wire/service-map.ts';

export type End = 'source' | 'destination';

export interface EndName {
  /** '' if it has none. */
  namespace: string;
  /** The part to read first: workload, service, node or address. */
  name: string;
  /** What follows it in the pod's name: `-7d9f4b-k2x8w`. */
  rest: string;
}

/** Whether the reader may not know who stands at this end. */
export function isHidden(flow: HubbleFlow, end: End): boolean {
  return flow.extensions?.value.spyglass.hidden === end;
}

/** `hidden` where that may not be known; else the pod; else the service that was addressed; else the node, the name DNS gave to the address, or the address. */
export function endName(flow: HubbleFlow, end: End): EndName {
  if (isHidden(flow, end)) return { namespace: '', name: 'hidden', rest: '' };
  const endpoint = flow[end];
  const namespace = endpoint.namespace ?? '';
  const pod = endpoint.pod_name;
  if (pod !== undefined) {
    const workload = endpoint.workloads?.[0]?.name ?? '';
    const isPrefix = workload !== '' && pod.startsWith(workload);
    return isPrefix
      ? { namespace, name: workload, rest: pod.slice(workload.length) }
      : { namespace, name: pod, rest: '' };
  }
  const service = serviceOf(flow, end);
  if (service !== undefined) return { namespace: service.namespace, name: service.name, rest: '' };
  if (endpoint.labels?.includes('reserved:host') === true) return { namespace: '', name: flow.node_name, rest: '' };
  const names = end === 'source' ? flow.source_names : flow.destination_names;
  return { namespace: '', name: names?.[0] ?? flow.IP?.[end] ?? 'unknown', rest: '' };
}

/** `shop/orders`, without the pod's hash. */
export function shortEnd(flow: HubbleFlow, end: End): string {
  const { namespace, name } = endName(flow, end);
  return namespace === '' ? name : `${namespace}/${name}`;
}

/** `shop/orders-5c6b84-9tqz4`. */
export function fullEnd(flow: HubbleFlow, end: End): string {
  return shortEnd(flow, end) + endName(flow, end).rest;
}

/** The service whose side this end is: the server's end of the connection. */
export function serviceOf(flow: HubbleFlow, end: End): { namespace: string; name: string } | undefined {
  return end === 'source' ? flow.source_service : flow.destination_service;
}

/** Port at an end; undefined for ICMP. */
export function portOf(flow: HubbleFlow, end: End): number | undefined {
  const ports = flow.l4?.TCP ?? flow.l4?.UDP;
  return end === 'source' ? ports?.source_port : ports?.destination_port;
}

/** The server's end of the connection: replies come from it. */
export function serverEnd(flow: HubbleFlow): End {
  return flow.is_reply === true ? 'source' : 'destination';
}

/** `10.42.0.19:41822`, `[fd42::1]:80`, '–' if unknown. */
export function addressOf(flow: HubbleFlow, end: End): string {
  return address(isHidden(flow, end) ? '–' : (flow.IP?.[end] ?? '–'), portOf(flow, end));
}

/** Address and port together, an IPv6 address in brackets. */
export function address(ip: string, port: number | undefined): string {
  if (port === undefined || port === 0) return ip;
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

const PROTOCOLS = ['TCP', 'UDP', 'ICMPv4', 'ICMPv6'] as const;

/** `TCP`; '' if the flow does not say. */
export function protocolOf(flow: HubbleFlow): string {
  return PROTOCOLS.find((name) => flow.l4?.[name] !== undefined) ?? '';
}

/** The application's protocol, of a message only. */
export function applicationOf(flow: HubbleFlow): L7ProtocolName | undefined {
  return flow.extensions?.value.spyglass.l7?.protocol;
}

/** Labels a person set, without prefix: `app=web`. */
export function plainLabels(labels: readonly string[] | undefined): string[] {
  return (labels ?? [])
    .map((label) => label.replace(/^k8s:/, ''))
    .filter(
      (label) =>
        !label.startsWith('io.cilium.') &&
        !label.startsWith('io.kubernetes.') &&
        !label.startsWith('pod-template-hash='),
    );
}

/** `deployment`, as words for a node's kind. */
export const KIND_WORDS: Readonly<Record<NodeKind, string>> = {
  Deployment: 'deployment',
  StatefulSet: 'stateful set',
  DaemonSet: 'daemon set',
  Pod: 'pod',
  Service: 'service',
  Namespace: 'namespace',
  Host: 'node',
  World: 'outside the cluster',
  Hidden: 'in namespaces that you may not see',
};
