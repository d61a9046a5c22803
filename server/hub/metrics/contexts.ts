/** What metrics say of the ends of a flow, by the words of Hubble's context options. */
import type { EndpointEntry } from '../../wire/agent.ts';
import { DIRECTION, DIRECTION_WORDS } from '../../wire/lists.gen.ts';
import type { Names } from '../../flows/dictionary.ts';
import type { End } from '../../flows/facts.ts';
import { labelsOf } from '../../flows/filter-label.ts';
import type { RecordCursor } from '../../flows/record.ts';

export const CONTEXTS = [
  'identity',
  'namespace',
  'pod',
  'pod-name',
  'pod-short',
  'dns',
  'ip',
  'reserved-identity',
  'workload',
  'workload-name',
  'app',
] as const;
export type ContextValue = (typeof CONTEXTS)[number];

const OF_END = ['ip', 'pod', 'namespace', 'workload', 'workload_kind', 'app'] as const;
export const CONTEXT_LABELS = [
  ...OF_END.map((it) => `source_${it}` as const),
  ...OF_END.map((it) => `destination_${it}` as const),
  'traffic_direction',
] as const;
export type ContextLabel = (typeof CONTEXT_LABELS)[number];

/** Contexts whose values name one pod. Its name alone may be that of others in other namespaces. */
const OF_ONE_POD: ReadonlySet<string> = new Set(['pod', 'ip']);
const APP_KEYS: readonly string[] = ['app.kubernetes.io/name', 'k8s-app', 'app'].map((key) => `k8s:${key}=`);
const KUBE_APISERVER = 'reserved:kube-apiserver';

/** One end of a record. */
export class EndFacts {
  readonly entry: EndpointEntry | undefined;
  readonly #record: RecordCursor;
  readonly #end: End;
  readonly #names: Names;

  /** Valid as long as the cursor stays where it is. */
  constructor(record: RecordCursor, end: End, names: Names) {
    this.#record = record;
    this.#end = end;
    this.#names = names;
    this.entry = names.endpoints.get(record.endpoint(end));
  }

  /** `namespace/name`, null for what is no pod. */
  get pod(): string | null {
    return this.entry === undefined || this.entry.namespace === ''
      ? null
      : `${this.entry.namespace}/${this.entry.name}`;
  }

  /** '' if it has none. */
  value(context: ContextValue): string {
    const { entry } = this;
    switch (context) {
      case 'identity':
        return this.#labels.join(',');
      case 'namespace':
        return entry?.namespace ?? '';
      case 'pod':
        return this.pod ?? '';
      case 'pod-name':
        return this.pod === null ? '' : (entry?.name ?? '');
      case 'pod-short':
        return (this.pod ?? '').replace(/(-[a-z0-9]+){1,2}$/, '');
      case 'dns':
        return this.#names.dns.of(this.#record.address(this.#end)).join(',');
      case 'ip':
        return this.#record.address(this.#end);
      case 'reserved-identity': {
        const labels = this.#labels;
        if (labels.includes(KUBE_APISERVER)) return KUBE_APISERVER;
        return labels.find((it) => it.startsWith('reserved:')) ?? '';
      }
      case 'workload':
        return entry === undefined || entry.workload === null ? '' : `${entry.namespace}/${entry.workload.name}`;
      case 'workload-name':
        return entry?.workload?.name ?? '';
      case 'app': {
        const found = this.#labels.find((label) => APP_KEYS.some((key) => label.startsWith(key)));
        return found?.slice(found.indexOf('=') + 1) ?? '';
      }
    }
  }

  /** The first alternative that is not empty, and whether it names one pod. */
  first(contexts: readonly ContextValue[]): { text: string; isPod: boolean } {
    for (const context of contexts) {
      const text = this.value(context);
      if (text !== '') return { text, isPod: OF_ONE_POD.has(context) && this.pod !== null };
    }
    return { text: '', isPod: false };
  }

  /** What stands in a label of `labelsContext`, without the end's name before it. */
  label(name: string): { text: string; isPod: boolean } {
    switch (name) {
      case 'ip':
        return this.first(['ip']);
      case 'pod':
        return this.first(['pod-name']);
      case 'workload':
        return this.first(['workload-name']);
      case 'workload_kind':
        return { text: this.entry?.workload?.kind ?? '', isPod: false };
      default:
        return this.first([name === 'namespace' ? 'namespace' : 'app']);
    }
  }

  get #labels(): readonly string[] {
    return labelsOf(this.#record.endpoint(this.#end), this.#record.identity(this.#end), this.#names);
  }
}

/** `ingress`, `egress`, `unknown`. */
export function directionWord(direction: number): string {
  return DIRECTION_WORDS[direction] ?? DIRECTION_WORDS[DIRECTION.UNKNOWN] ?? '';
}
