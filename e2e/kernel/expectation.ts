/**
 * What a policy case expects of the reachability matrix, written by hand in lines such as
 *
 *     - * -> x-a,y tcp/80,udp IPv4
 *     + z-b -> x-a
 *
 * `-` cuts, `+` restores, a later line wins, and what no line names is reached. An end is a pod (x-a), a namespace (x, its
 * pods), the same pod of each namespace (*-a), `pods`, another place (host, world, ...), or `*` for all of these. Without
 * ports or family a line is about all. Two things hold in every case and are not written (Kubernetes, "Network
 * Policies"): a pod reaches itself, and a pod and its node reach each other.
 */
import { FAMILIES, type Probe, PROTOCOLS } from './matrix.ts';

interface Line {
  isAllowed: boolean;
  from: ReadonlySet<string>;
  to: ReadonlySet<string>;
  ports: readonly string[];
  families: readonly string[];
}

const LINE = /^([+-]) (\S+) -> (\S+)(?: ([a-z0-9/,]+))?(?: (IPv[46]))?$/;
const PORT = new RegExp(`^(?:(${PROTOCOLS.join('|')})(?:/\\d+)?|\\d+)$`);

/** The ends of the matrix: pods as `namespace-name`, and the places that are none. */
export interface Ends {
  pods: readonly string[];
  places: readonly string[];
}

/**
 * The function that says whether a case expects a probe to be answered. @throws Error for a line with a slip of the pen,
 * which would otherwise expect nothing.
 */
export function expectation(text: string, ends: Ends): (probe: Probe) => boolean {
  const lines = text
    .split('\n')
    .map((it) => it.trim())
    .filter((it) => it !== '')
    .map((it) => readLine(it, ends));
  return (probe) => {
    const isFree = probe.from === probe.to || probe.from === 'host' || probe.to === 'host';
    const last = lines.findLast((it) => isAbout(it, probe));
    return isFree || last === undefined || last.isAllowed;
  };
}

function readLine(text: string, ends: Ends): Line {
  const [, sign, from = '', to = '', ports = '', family] = LINE.exec(text) ?? [];
  if (sign === undefined) throw new Error(`"${text}" must be like "- FROM -> TO [PORTS] [FAMILY]"`);
  const portList = ports === '' ? [] : ports.split(',');
  const wrong = portList.find((it) => !PORT.test(it));
  if (wrong !== undefined) throw new Error(`"${text}": ${wrong} must be like 80, tcp or udp/53`);
  return {
    isAllowed: sign === '+',
    from: endsOf(from, ends),
    to: endsOf(to, ends),
    ports: portList,
    families: family === undefined ? FAMILIES : [family],
  };
}

function endsOf(list: string, { pods, places }: Ends): Set<string> {
  return new Set(
    list.split(',').flatMap((name) => {
      if (name === '*') return [...pods, ...places];
      if (name === 'pods') return pods;
      const found = [
        ...pods.filter(
          (pod) => pod === name || pod.startsWith(`${name}-`) || `*${pod.slice(pod.indexOf('-'))}` === name,
        ),
        ...places.filter((it) => it === name),
      ];
      if (found.length === 0) throw new Error(`an expectation names ${name}, which is no end of the matrix`);
      return found;
    }),
  );
}

function isAbout({ from, to, ports, families }: Line, probe: Probe): boolean {
  const names = [String(probe.port), probe.protocol, `${probe.protocol}/${probe.port}`];
  return (
    from.has(probe.from) &&
    to.has(probe.to) &&
    families.includes(probe.family) &&
    (ports.length === 0 || ports.some((it) => names.includes(it)))
  );
}
