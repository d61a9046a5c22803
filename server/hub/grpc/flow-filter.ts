/**
 * flow.FlowFilter -> tests of records. Fields that the API's filter language has as well are read and tested by it;
 * the others are in flow-filter-fields.ts.
 */
import type { Names } from '../../flows/dictionary.ts';
import { FIELDS } from '../../flows/filter-fields.ts';
import { type Ask, askOf, type Condition, type Untold } from '../../flows/filter-test.ts';
import { FlowFilter, MAX_FILTER_VALUES } from '../../flows/filter.ts';
import type { RecordFilter } from '../store/flow-search.ts';
import { invalid } from './call-error.ts';
import { OWN_FIELDS, type RecordTest } from './flow-filter-fields.ts';
import type { FilterMessage } from './protocol.ts';

/** Most filters one request may have, in both of its lists. */
const MAX_FILTERS = 100;
const EVENT_L7 = 129;

/** Fields of the message, and the parameters that mean the same. */
const SHARED: Readonly<Record<string, string>> = {
  source_ip: 'from-ip',
  source_pod: 'from-pod',
  source_fqdn: 'from-fqdn',
  source_label: 'from-label',
  source_service: 'from-service',
  source_port: 'from-port',
  source_identity: 'from-identity',
  destination_ip: 'to-ip',
  destination_pod: 'to-pod',
  destination_fqdn: 'to-fqdn',
  destination_label: 'to-label',
  destination_service: 'to-service',
  destination_port: 'to-port',
  destination_identity: 'to-identity',
  reply: 'reply',
  http_status_code: 'http-status',
  http_method: 'http-method',
  http_path: 'http-path',
  http_url: 'http-url',
  dns_query: 'dns-query',
  trace_id: 'trace-id',
  node_name: 'node-name',
};
/** Of names like `namespace/name` only the first two parts count. */
const QUALIFIED: ReadonlySet<string> = new Set([
  'source_pod',
  'destination_pod',
  'source_service',
  'destination_service',
]);
const NEVER_EMPTY: ReadonlySet<string> = new Set([...QUALIFIED, 'node_name', 'source_fqdn', 'destination_fqdn']);

/**
 * The test of a request: some filter of the whitelist matches, if there are any, and none of the blacklist does.
 * Throws a CallError or FilterError that names the faulty field.
 */
export function requestFilter(whitelist: readonly FilterMessage[], blacklist: readonly FilterMessage[]): RecordFilter {
  const all = [...whitelist, ...blacklist];
  if (all.length > MAX_FILTERS) throw invalid(`The request has more than ${MAX_FILTERS} filters; use fewer.`);
  let values = 0;
  for (const filter of all)
    for (const value of Object.values(filter)) values += Array.isArray(value) ? value.length : 0;
  if (values > MAX_FILTER_VALUES) {
    throw invalid(`The filters have more than ${MAX_FILTER_VALUES} values; use fewer or broader ones.`);
  }
  const allowed = whitelist.map((it) => readFilter(it));
  const denied = blacklist.map((it) => readFilter(it));
  const compiled = new WeakMap<Names, { revision: number; test: RecordTest }>();
  return {
    messageNames: [...allowed, ...denied].flatMap((it) => it.messageNames),
    selection: {
      allowed: allowed.flatMap((it) => it.selection.allowed),
      denied: denied.flatMap((it) => it.selection.allowed),
    },
    predicate: (names) => {
      const known = compiled.get(names);
      if (known?.revision === names.revision) return known.test;
      const test = combined(
        allowed.map((it) => it.predicate(names)),
        denied.map((it) => it.predicate(names)),
      );
      compiled.set(names, { revision: names.revision, test });
      return test;
    },
  };
}

function combined(allowed: readonly RecordTest[], denied: readonly RecordTest[]): RecordTest {
  if (allowed.length === 0 && denied.length === 0) return () => true;
  return (record, sequence) =>
    (allowed.length === 0 || allowed.some((test) => test(record, sequence))) &&
    !denied.some((test) => test(record, sequence));
}

/** One filter: all of its fields must match, of each any value. */
function readFilter(message: FilterMessage): RecordFilter {
  refuseExpressions(message);
  refuseContradiction(message);
  const conditions: Condition[] = [];
  const own: ((names: Names) => RecordTest)[] = [];
  const asks: (Ask | Untold)[] = [];
  for (const [field, value] of Object.entries(message)) {
    if (!Array.isArray(value) || value.length === 0) continue;
    const values: readonly unknown[] = value;
    const parameter = SHARED[field];
    if (parameter !== undefined) conditions.push(shared(field, parameter, values));
    else {
      const made = OWN_FIELDS[field]?.(field, values);
      if (made === undefined) throw invalid(`The filter "${field}" is not supported; leave it out.`);
      if ('record' in made) {
        own.push(made.record);
        asks.push(field === 'uuid' ? { parameter: 'uuid', values: values.map(String), exclude: false } : null);
      } else conditions.push({ name: field, exclude: false, ...made });
    }
  }
  const filter = new FlowFilter(conditions, '');
  return {
    messageNames: filter.messageNames,
    selection: { allowed: [[...conditions.map(askOf), ...asks]], denied: [] },
    predicate: (names) => {
      const test = filter.predicate(names);
      const tests = own.map((it) => it(names));
      // The cheap ones first.
      return (record, sequence) => tests.every((it) => it(record, sequence)) && test(record);
    },
  };
}

function shared(field: string, parameter: string, values: readonly unknown[]): Condition {
  const read = FIELDS[parameter];
  if (read === undefined) throw new Error(`there is no parameter ${parameter}`);
  const texts = values.map((value) => {
    const text = String(value);
    if (text === '' && NEVER_EMPTY.has(field)) throw invalid(`The filter "${field}" has an empty value.`);
    return QUALIFIED.has(field) ? text.split('/').slice(0, 2).join('/') : text;
  });
  return { name: field, exclude: false, asks: { parameter, values: texts }, ...read(field, texts) };
}

function refuseExpressions(message: FilterMessage): void {
  const experimental = message['experimental'] as { cel_expression?: string[] } | null | undefined;
  if (experimental?.cel_expression === undefined || experimental.cel_expression.length === 0) return;
  throw invalid('The filter "experimental.cel_expression" is not supported; use the other filters.');
}

/** As in Hubble: what asks of HTTP, but not of messages, can only be a mistake. */
function refuseContradiction(message: FilterMessage): void {
  const types = (message['event_type'] ?? []) as { type?: number }[];
  if (types.length === 0 || types.some((it) => it.type === EVENT_L7)) return;
  const asks = Object.entries(message).find(
    ([field, value]) => field.startsWith('http_') && Array.isArray(value) && value.length > 0,
  );
  if (asks === undefined) return;
  const words = asks[0].replace('_code', '').replace('_', ' ');
  throw invalid(`filtering by ${words} requires the event type filter to only match 'l7' events`);
}
