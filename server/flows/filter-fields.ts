/** The parameters of the filter language, one entry each: how values are read, and what they test. */
import type { EndpointEntry } from '../wire/agent.ts';
import { DIRECTION, DROP_REASON, IDENTITY, VERDICT } from '../wire/lists.gen.ts';
import { AddressRange } from '../wire/address.ts';
import type { Names } from './dictionary.ts';
import { type FlowFacts, hasPorts } from './facts.ts';
import { parseEventType } from './event-type.ts';
import { L7_FIELDS } from './filter-l7.ts';
import { bad, type EndTest, type Field, flow, type Test } from './filter-test.ts';
import { protocolTest } from './filter-protocol.ts';
import { fqdnTest } from './filter-fqdn.ts';
import { labelTest } from './filter-label.ts';

export const FIELDS: Readonly<Record<string, Field>> = {
  ...ends('namespace', parseNamespaces),
  ...ends('pod', parsePods),
  ...ends('service', parseServices),
  ...ends('workload', parseWorkloads),
  ...ends('ip', parseIps),
  ...ends('port', parsePorts),
  ...ends('identity', parseIdentities),
  ...ends('fqdn', fqdnTest),
  ...ends('label', labelTest),
  protocol: protocolTest,
  verdict: (name, values) => numbers(listed(name, values, VERDICT), (facts) => facts.verdict),
  'drop-reason': (name, values) => {
    const reasons = listed(name, values, DROP_REASON);
    return flow((facts) => facts.verdict === VERDICT.DROPPED && reasons.has(facts.dropReason));
  },
  'traffic-direction': (name, values) => {
    const { INGRESS, EGRESS } = DIRECTION;
    return numbers(listed(name, values, { INGRESS, EGRESS }), (facts) => facts.direction);
  },
  type: (name, values) => {
    const types = values.map((value) => parseEventType(value) ?? bad(name, value, EVENT_TYPES));
    return flow((facts) => types.some((type) => type.matches(facts)));
  },
  reply: (name, values) => {
    const wanted = new Set(
      values.map((value) =>
        value === 'true' || value === 'false' ? value === 'true' : bad(name, value, 'true, false'),
      ),
    );
    return flow((facts) => {
      // A drop is not known to be a reply; as in Hubble it counts as none.
      const reply = facts.isReply ?? (facts.verdict === VERDICT.DROPPED ? false : undefined);
      return reply !== undefined && wanted.has(reply);
    });
  },
  'node-name': (name, values) => {
    const patterns = values.map((value) => nodePattern(name, value));
    return {
      of: 'flow',
      compile: (names) => {
        const matches = patterns.some((matchesNode) => matchesNode(names.node));
        return () => matches;
      },
    };
  },
  ...L7_FIELDS,
};

const EVENT_TYPES =
  'drop, trace, trace:POINT (to-endpoint, from-endpoint, to-stack, …), policy-verdict, l7, capture, trace-sock';

/** NAME, from-NAME and to-NAME. */
function ends(
  name: string,
  parse: (name: string, values: readonly string[]) => (names: Names) => EndTest,
): Record<string, Field> {
  return {
    [name]: (written, values) => ({ of: 'either', compile: parse(written, values) }),
    [`from-${name}`]: (written, values) => ({ of: 'source', compile: parse(written, values) }),
    [`to-${name}`]: (written, values) => ({ of: 'destination', compile: parse(written, values) }),
  };
}

function numbers(wanted: ReadonlySet<number>, of: (facts: FlowFacts) => number): Test {
  return flow((facts) => wanted.has(of(facts)));
}

function listed(name: string, values: readonly string[], list: Readonly<Record<string, number>>): Set<number> {
  return new Set(
    values.map((value) => {
      const key = value.toUpperCase().replaceAll('-', '_');
      return (Object.hasOwn(list, key) ? list[key] : undefined) ?? bad(name, value, Object.keys(list).join(', '));
    }),
  );
}

/** Tests an end against the refs of the endpoints that `selects` picks. */
function endpointTest(names: Names, selects: (entry: EndpointEntry) => boolean): EndTest {
  const refs = new Set<number>();
  for (const entry of names.endpoints.values()) if (selects(entry)) refs.add(entry.ref);
  return (facts, end) => refs.has(facts.endpoint(end));
}

function parseNamespaces(_name: string, values: readonly string[]): (names: Names) => EndTest {
  const wanted = new Set(values);
  return (names) => endpointTest(names, (entry) => wanted.has(entry.namespace));
}

/** `ns/prefix`: exact namespace, prefix of the name; `prefix`: namespace default; `/prefix`: any namespace. */
function parseQualified(written: string, value: string): (namespace: string, name: string) => boolean {
  const [first = '', second, more] = value.split('/');
  if (more !== undefined) bad(written, value, 'NAME, NAMESPACE/NAME, NAMESPACE/ and /NAME');
  const namespace = second === undefined ? 'default' : first;
  const prefix = second ?? first;
  return (ns, name) => (ns !== '' || name !== '') && (namespace === '' || ns === namespace) && name.startsWith(prefix);
}

function parsePods(name: string, values: readonly string[]): (names: Names) => EndTest {
  const tests = values.map((value) => parseQualified(name, value));
  // Nodes have a name, too, but are not pods.
  return (names) =>
    endpointTest(names, (entry) => entry.namespace !== '' && tests.some((test) => test(entry.namespace, entry.name)));
}

/** The server side of a connection belongs to the service that the client addressed. */
function parseServices(name: string, values: readonly string[]): (names: Names) => EndTest {
  const tests = values.map((value) => parseQualified(name, value));
  return (names) => {
    const ids = new Set<number>();
    for (const entry of names.services.values()) {
      if (tests.some((test) => test(entry.namespace, entry.name))) ids.add(entry.id);
    }
    return (facts, end) =>
      facts.serviceId !== 0 && ids.has(facts.serviceId) && (end === 'source') === (facts.isReply === true);
  };
}

/** `name`, `Kind/name` or `Kind/`, exact. */
function parseWorkloads(name: string, values: readonly string[]): (names: Names) => EndTest {
  const wanted = values.map((value) => {
    const parts = value.split('/');
    if (parts.length > 2 || value === '/') return bad(name, value, 'NAME, KIND/NAME and KIND/');
    return parts.length === 1 ? { kind: '', name: value } : { kind: parts[0] ?? '', name: parts[1] ?? '' };
  });
  return (names) =>
    endpointTest(names, ({ workload }) => {
      if (workload === null) return false;
      return wanted.some(
        (want) =>
          (want.name === '' || want.name === workload.name) && (want.kind === '' || want.kind === workload.kind),
      );
    });
}

function parseIps(name: string, values: readonly string[]): (names: Names) => EndTest {
  const ranges = values.map(
    (value) => AddressRange.parse(value) ?? bad(name, value, 'an IPv4 or IPv6 address, or a prefix such as 10.0.0.0/8'),
  );
  return () => (facts, end) => {
    for (const range of ranges) if (facts.isIn(end, range)) return true;
    return false;
  };
}

function parsePorts(name: string, values: readonly string[]): (names: Names) => EndTest {
  const wanted = new Set(
    values.map((value) =>
      /^\d{1,5}$/.test(value) && Number(value) <= 65_535 ? Number(value) : bad(name, value, 'numbers from 0 to 65535'),
    ),
  );
  return () => (facts, end) => wanted.has(facts.port(end)) && hasPorts(facts.protocol);
}

function parseIdentities(name: string, values: readonly string[]): (names: Names) => EndTest {
  const wanted = new Set(
    values.map((value) => {
      if (/^\d{1,10}$/.test(value) && Number(value) <= 0xffff_ffff) return Number(value);
      const [identity] = listed(name, [value.replace(/^reserved:/, '')], IDENTITY);
      return identity ?? 0;
    }),
  );
  return () => (facts, end) => wanted.has(facts.identity(end));
}

function nodePattern(name: string, value: string): (node: string) => boolean {
  const expression = nodeExpression(value);
  if (expression === null) {
    return bad(name, value, 'node names, with up to four * for any characters, such as worker-*');
  }
  const pattern = new RegExp(expression);
  return (node) => pattern.test(node);
}

/** Matches no name. */
const NO_NODE = '$.';

/**
 * An expression for `node`, `cluster/node`, `cluster/`, `/node`, where `*` stands for any run of letters, digits, `-`
 * and `.`. RE2 and JavaScript read it alike. Null for what is no such pattern.
 */
export function nodeExpression(value: string): string | null {
  const text = value.toLowerCase().replace(/\.$/, '').replaceAll(/\*+/g, '*');
  const parts = text.split('/');
  // Each star multiplies what a pattern may cost to test, so their number is bounded.
  if (parts.length > 2 || text === '/' || !/^[a-z0-9_.*/-]+$/.test(text) || text.split('*').length > 5) return null;
  const [cluster = '', node = ''] = parts.length === 1 ? ['', text] : parts;
  // There is one cluster, and it is called "default".
  if (cluster !== '' && !new RegExp(wildcard(cluster)).test('default')) return NO_NODE;
  return node === '' ? '' : wildcard(node);
}

function wildcard(pattern: string): string {
  return `^${pattern.replaceAll('.', String.raw`\.`).replaceAll('*', '[a-z0-9.-]*')}$`;
}
