/** The query parameters of the API, each described once, with an example that is accepted. */
import { L7_ROWS_PER } from '../../wire/l7-table.ts';
import { FILTER_NAMES } from '../../flows/filter.ts';

export interface Described {
  description: string;
  /** JSON Schema. */
  schema: object;
  example: string;
}

const text = { type: 'string' };
const count = { type: 'integer', minimum: 0 };
const boolean = { type: 'string', enum: ['true', 'false'] };
const time = 'RFC 3339, such as `2026-03-04T10:15:30Z`, a date, or so long ago, such as `5m` or `1h30m`';

/** Of single paths; names that several paths have mean the same. */
export const PARAMETERS: Readonly<Record<string, Described>> = {
  format: {
    description: '`ndjson`: one object a line; `json`: an array; `csv`: a table with a head.',
    schema: { type: 'string', enum: ['ndjson', 'json', 'csv'], default: 'ndjson' },
    example: 'json',
  },
  first: { description: 'The oldest so many flows. Not with `last` or `follow`.', schema: count, example: '5' },
  last: { description: 'The newest so many flows. Not with `first`.', schema: count, example: '5' },
  since: { description: `Nothing before this time: ${time}.`, schema: text, example: '5m' },
  until: { description: `Nothing after this time: ${time}. Not with \`follow\`.`, schema: text, example: '1s' },
  buckets: { description: 'At most so many, of equal length.', schema: count, example: '30' },
  follow: {
    description: 'Goes on with new flows as they come. Not with `format=json`.',
    schema: { ...boolean, default: 'false' },
    example: 'false',
  },
  cursor: {
    description: 'The `uuid` of a flow that was read before: goes on behind it, or with `last`, before it.',
    schema: text,
    example: '01234567-89ab-8cde-8f00-000000000000',
  },
  fields: {
    description: 'Only these fields of flows, as paths with commas between them; all others are left out.',
    schema: text,
    example: 'time,source.pod_name,verdict',
  },
  per: {
    description: 'What a row stands for.',
    schema: { type: 'string', enum: L7_ROWS_PER, default: 'pair-route' },
    example: 'target',
  },
  group: {
    description: 'What one node of the map, or one end of a route, stands for.',
    schema: { type: 'string', enum: ['workload', 'service', 'pod', 'namespace'], default: 'workload' },
    example: 'pod',
  },
  node: { description: 'Name of one node; all if left out.', schema: text, example: 'node-a' },
};

/** Filters without their end; those about an end stand for either, `from-NAME` and `to-NAME` for one of them. */
const FILTERS: Readonly<Record<string, { description: string; example: string }>> = {
  namespace: { description: 'Namespace.', example: 'shop' },
  pod: { description: 'Pod as `[NAMESPACE/]PREFIX` of its name.', example: 'shop/web' },
  service: { description: 'Service as `[NAMESPACE/]NAME`.', example: 'shop/cart' },
  workload: { description: 'Workload as `[NAMESPACE/]NAME`.', example: 'shop/web' },
  ip: { description: 'Address, or block of addresses.', example: '10.0.0.0/8' },
  port: { description: 'Port.', example: '8080' },
  identity: { description: 'Number of an identity, or its reserved name.', example: 'world' },
  fqdn: { description: 'DNS name, `*` for any part of it.', example: '*.example.com' },
  label: { description: 'Label selector. Repeated only, as selectors have commas.', example: 'app=web' },
  protocol: { description: 'Protocol: of layer 4, or of applications.', example: 'tcp' },
  verdict: { description: 'Verdict.', example: 'DROPPED' },
  'drop-reason': { description: 'Reason of a drop.', example: 'POLICY_DENIED' },
  'traffic-direction': { description: 'Direction, seen from the pod.', example: 'EGRESS' },
  type: { description: 'Type of event, `TYPE` or `TYPE:SUBTYPE`.', example: 'drop' },
  reply: { description: 'Whether it is a reply.', example: 'true' },
  'node-name': { description: 'Node, `*` for any part of its name.', example: 'node-*' },
  'http-status': { description: 'HTTP status, or `5+` for a class.', example: '5+' },
  'http-method': { description: 'HTTP method.', example: 'GET' },
  'http-path': { description: 'Regular expression (RE2) for the path. Repeated only.', example: '/orders/.*' },
  'http-url': { description: 'Regular expression (RE2) for the URL. Repeated only.', example: 'http://.*' },
  'http-header': { description: 'Header as `KEY:VALUE`. Repeated only.', example: 'x-shop:1' },
  'dns-query': {
    description: 'Regular expression (RE2) for the name asked for. Repeated only.',
    example: '.*\\.local',
  },
  'trace-id': { description: 'Trace ID (W3C trace context).', example: '4bf92f3577b34da6a3ce929d0e0e4736' },
};

const ENDS: Readonly<Record<string, string>> = { 'from-': 'Of the source. ', 'to-': 'Of the destination. ' };

/** The parameter of the filter language; `not.NAME` excludes. */
export function filterParameter(name: string): Described {
  const plain = name.replace(/^not\./, '');
  const end = Object.keys(ENDS).find((it) => plain.startsWith(it)) ?? '';
  const known = FILTERS[plain.slice(end.length)];
  if (known === undefined) throw new Error(`the filter ${name} has no description`);
  const excludes = name === plain ? '' : 'Leaves these out. ';
  return {
    description: `${excludes}${ENDS[end] ?? ''}${known.description}`,
    schema: { type: 'array', items: text },
    example: known.example,
  };
}

/** All names of the filter language, those that exclude included. */
export function withExcluding(names: readonly string[]): string[] {
  return names.flatMap((name) => [name, `not.${name}`]);
}

export const ALL_FILTER_PARAMETERS = withExcluding(FILTER_NAMES);
