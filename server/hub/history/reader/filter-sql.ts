/**
 * What a filter selects -> a condition on the columns of `flows`. It holds for every flow that the filter selects, and
 * for few others; the filter's own test then decides, by the same code as for flows in memory.
 */
import { AddressRange } from '../../../wire/address.ts';
import { DIRECTION, DROP_REASON, IDENTITY, RECORD_TYPE, VERDICT } from '../../../wire/lists.gen.ts';
import type { End } from '../../../flows/facts.ts';
import { PROTOCOL } from '../../../flows/facts.ts';
import { nodeExpression } from '../../../flows/filter-fields.ts';
import { protocolsOf } from '../../../flows/filter-protocol.ts';
import type { Ask, Selection, Untold } from '../../../flows/filter-test.ts';
import { flowPlace } from '../../../flows/flow-uuid.ts';
import { all, any, type SqlValues } from './sql-text.ts';

/** A condition; `exact` if it holds for nothing else than what was asked for, so that its opposite may be asked, too. */
interface Narrowed {
  sql: string;
  exact: boolean;
}

type OfFlow = (values: readonly string[], sql: SqlValues) => Narrowed | null;
type OfEnd = (values: readonly string[], sql: SqlValues, end: End) => Narrowed | null;

const FLAG_REPLY = 1;
const FLAG_REPLY_KNOWN = 2;

/** A condition for the WHERE of a statement whose values `sql` collects. */
export function filterSql({ allowed, denied }: Selection, sql: SqlValues): string {
  const parts: string[] = [];
  // One list without conditions allows everything.
  if (allowed.length > 0 && allowed.every((asks) => asks.length > 0)) {
    parts.push(any(allowed.map((asks) => conjunction(asks, sql).sql)));
  }
  for (const asks of denied) {
    const narrowed = conjunction(asks, sql);
    if (narrowed.exact) parts.push(`NOT (${narrowed.sql})`);
  }
  return all(parts);
}

/** All asks together. What asks of either end holds for one end together. */
function conjunction(asks: readonly (Ask | Untold)[], sql: SqlValues): Narrowed {
  const parts: string[] = [];
  const atEnd = { source: [] as string[], destination: [] as string[] };
  let exact = true;
  for (const ask of asks) {
    if (ask === null) {
      exact = false;
      continue;
    }
    const ends = endsOf(ask);
    const narrowed = ends.map((end) => narrow(ask, end, sql));
    if (narrowed.some((it) => it === null || !it.exact)) exact = false;
    for (const [i, it] of narrowed.entries()) {
      const end = ends[i];
      if (it === null) continue;
      if (ask.exclude) {
        if (it.exact) parts.push(`NOT (${it.sql})`);
      } else if (ends.length === 2 && end !== undefined && end !== null) atEnd[end].push(it.sql);
      else parts.push(it.sql);
    }
  }
  if (atEnd.source.length > 0) parts.push(any([all(atEnd.source), all(atEnd.destination)]));
  return { sql: all(parts), exact };
}

/** The ends that an ask is about; null for one about the flow as a whole. */
function endsOf({ parameter }: Ask): readonly (End | null)[] {
  if (Object.hasOwn(OF_FLOW, parameter)) return [null];
  if (parameter.startsWith('from-')) return ['source'];
  if (parameter.startsWith('to-')) return ['destination'];
  return Object.hasOwn(OF_END, parameter) ? ['source', 'destination'] : [null];
}

function narrow({ parameter, values }: Ask, end: End | null, sql: SqlValues): Narrowed | null {
  if (end === null) return OF_FLOW[parameter]?.(values, sql) ?? null;
  return OF_END[parameter.replace(/^(from|to)-/, '')]?.(values, sql, end) ?? null;
}

const OF_END: Readonly<Record<string, OfEnd>> = {
  namespace: (values, sql, end) => superset(`${end}_namespace IN ${sql.bind('Array(String)', values)}`),
  pod: (values, sql, end) =>
    superset(any(values.map((value) => qualified(value, `${end}_namespace`, `${end}_pod`, sql)))),
  workload: (values, sql, end) =>
    superset(
      any(
        values.map((value) => {
          const bound = sql.bind('String', value.includes('/') ? value : `/${value}`);
          if (!value.includes('/') || value.startsWith('/')) return `endsWith(${end}_workload, ${bound})`;
          return value.endsWith('/') ? `startsWith(${end}_workload, ${bound})` : `${end}_workload = ${bound}`;
        }),
      ),
    ),
  // Which end the service is at depends on the direction of the packet.
  service: (values, sql) =>
    superset(
      any(
        values.map((value) => {
          const [first = '', second] = value.split('/');
          if (second !== undefined && first === '') return `position(service, ${sql.bind('String', `/${second}`)}) > 0`;
          return `startsWith(service, ${sql.bind('String', second === undefined ? `default/${first}` : value)})`;
        }),
      ),
    ),
  ip: (values, sql, end) => {
    const ranges = values.flatMap((value) => AddressRange.parse(value) ?? []);
    const within = ranges.map(({ bounds: { first, last } }) => {
      const [low, high] = [first, last].map((it) => `toIPv6(${sql.bind('String', groups(it))})`);
      return first === last ? `${end} = ${low}` : `${end} BETWEEN ${low} AND ${high}`;
    });
    // A wide range of IPv6 addresses holds the mapped ones of IPv4, which the filter leaves out.
    const exact = ranges.every(({ bounds }) => bounds.first >= MAPPED_FIRST || bounds.last < MAPPED_FIRST);
    return { sql: any(within), exact };
  },
  port: (values, sql, end) => ({
    sql: `${end}_port IN ${sql.bind('Array(UInt16)', values.map(Number))} AND protocol IN (${PROTOCOL.TCP}, ${PROTOCOL.UDP}, ${PROTOCOL.SCTP})`,
    exact: true,
  }),
  identity: (values, sql, end) => {
    const numbers = values.map((value) =>
      /^\d+$/.test(value) ? Number(value) : listed(IDENTITY, value.replace(/^reserved:/, '')),
    );
    return { sql: `${end}_identity IN ${sql.bind('Array(UInt32)', numbers)}`, exact: true };
  },
};

const MAPPED_FIRST = `${'0'.repeat(20)}ffff${'0'.repeat(8)}`;

const OF_FLOW: Readonly<Record<string, OfFlow>> = {
  protocol: (values, sql) => {
    const { transports, applications } = protocolsOf(values);
    const parts = [`protocol IN ${sql.bind('Array(UInt8)', [...transports])}`];
    if (applications.size > 0) parts.push(`l7_protocol IN ${sql.bind('Array(String)', [...applications])}`);
    return { sql: any(parts), exact: applications.size === 0 };
  },
  verdict: (values, sql) => among('verdict', values, VERDICT, sql),
  'drop-reason': (values, sql) => {
    const { sql: reasons } = among('drop_reason', values, DROP_REASON, sql);
    return { sql: `verdict = ${VERDICT.DROPPED} AND ${reasons}`, exact: true };
  },
  'traffic-direction': (values, sql) => among('direction', values, DIRECTION, sql),
  reply: (values) => ({ sql: any(values.map((value) => (value === 'true' ? REPLY : NO_REPLY))), exact: true }),
  type: (values) => {
    const types = values.map((value) => TYPES[value.toLowerCase().split(':')[0] ?? ''] ?? null);
    return types.includes(null) ? null : superset(any(types.filter((it) => it !== null)));
  },
  'node-name': (values, sql) => {
    const expressions = values.map((value) => nodeExpression(value) ?? '');
    return { sql: any(expressions.map((it) => `match(node, ${sql.bind('String', it)})`)), exact: true };
  },
  uuid: (values, sql) => {
    const places = values.flatMap((value) => flowPlace(value) ?? []);
    const parts = places.map(
      (it) => `session = ${sql.bind('UInt64', it.session)} AND sequence = ${sql.bind('UInt64', it.sequence)}`,
    );
    return { sql: any(parts), exact: true };
  },
  ...Object.fromEntries(
    ['http-status', 'http-method', 'http-path', 'http-url', 'http-header', 'dns-query', 'trace-id'].map((name) => [
      name,
      () => superset(`type = ${RECORD_TYPE.L7}`),
    ]),
  ),
};

/** As in the predicate, a drop that is not known to be a reply counts as none. */
const REPLY = `bitAnd(flags, ${FLAG_REPLY | FLAG_REPLY_KNOWN}) = ${FLAG_REPLY | FLAG_REPLY_KNOWN}`;
const NO_REPLY = `bitAnd(flags, ${FLAG_REPLY | FLAG_REPLY_KNOWN}) = ${FLAG_REPLY_KNOWN} OR (bitAnd(flags, ${FLAG_REPLY_KNOWN}) = 0 AND verdict = ${VERDICT.DROPPED})`;

const DROP_TYPE = `type = ${RECORD_TYPE.DROP}`;
const L7_TYPE = `type = ${RECORD_TYPE.L7}`;
const TRACE_TYPE = `type NOT IN (${RECORD_TYPE.DROP}, ${RECORD_TYPE.L7})`;
/** Verdicts of policies come with drops and with new connections. */
const TYPES: Readonly<Record<string, string>> = {
  drop: DROP_TYPE,
  '1': DROP_TYPE,
  trace: TRACE_TYPE,
  '4': TRACE_TYPE,
  'policy-verdict': `type IN (${RECORD_TYPE.DROP}, ${RECORD_TYPE.NEW})`,
  '5': `type IN (${RECORD_TYPE.DROP}, ${RECORD_TYPE.NEW})`,
  l7: L7_TYPE,
  '129': L7_TYPE,
};

function superset(sql: string): Narrowed {
  return { sql, exact: false };
}

function among(
  column: string,
  values: readonly string[],
  list: Readonly<Record<string, number>>,
  sql: SqlValues,
): Narrowed {
  const numbers = values.map((value) => listed(list, value));
  return { sql: `${column} IN ${sql.bind('Array(UInt8)', numbers)}`, exact: true };
}

function listed(list: Readonly<Record<string, number>>, value: string): number {
  const number = list[value.toUpperCase().replaceAll('-', '_')];
  if (number === undefined) throw new Error(`"${value}" is in no list; the filter should have refused it`);
  return number;
}

/** 32 digits as an address is written. */
function groups(digits: string): string {
  return digits.replaceAll(/(....)(?!$)/g, '$1:');
}

/** `ns/prefix`, `prefix` (of namespace default), `/prefix`. */
function qualified(value: string, namespace: string, name: string, sql: SqlValues): string {
  const [first = '', second] = value.split('/');
  const prefix = `startsWith(${name}, ${sql.bind('String', second ?? first)})`;
  if (second !== undefined && first === '') return `${namespace} != '' AND ${prefix}`;
  return `${namespace} = ${sql.bind('String', second === undefined ? 'default' : first)} AND ${prefix}`;
}
