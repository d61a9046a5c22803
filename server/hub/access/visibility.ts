/**
 * Which namespaces a reader may see, and what that leaves of flows, names and counts. A flow is there if one of its
 * ends may be seen; its other end, if that may not, has no name, label, identity or address. Everything that answers
 * readers asks here: filters test what is left, so that nothing can be found by what is hidden.
 */
import type { HubbleFlow } from '../../wire/hubble.ts';
import type { Names } from '../../flows/dictionary.ts';
import { ENDS, type End } from '../../flows/facts.ts';
import { type FlowContext, toHubbleFlow } from '../../flows/hubble-flow.ts';
import type { RecordCursor } from '../../flows/record.ts';
import type { Counted } from '../edges/ends.ts';
import type { SeriesWindow } from '../l7/l7-sums.ts';
import type { Ask, Selection, Untold } from '../../flows/filter-test.ts';
import type { RecordFilter } from '../store/flow-search.ts';
import type { Window } from '../window-ring.ts';
import { OpaqueEnds, OpaqueSeries } from './opaque-ends.ts';
import { OpaqueRecord } from './opaque-record.ts';
import { type Standing, VisibleNames } from './visible-names.ts';

/** What is left of something with two ends; null if nothing is. */
type Left = { hidden: End | null; isServiceHidden: boolean } | null;

export class Visibility {
  /** Null for all. */
  readonly namespaces: ReadonlySet<string> | null;
  /** The same for readers who may see the same. */
  readonly key: string;
  readonly #views = new WeakMap<Names, View>();

  private constructor(namespaces: ReadonlySet<string> | null) {
    this.namespaces = namespaces;
    this.key = namespaces === null ? '*' : [...namespaces].toSorted().join(',');
  }

  /** Everything, also what is of no namespace. */
  static readonly ALL = new Visibility(null);

  /** What these namespaces have a part in. */
  static of(namespaces: Iterable<string>): Visibility {
    return new Visibility(new Set(namespaces));
  }

  get isAll(): boolean {
    return this.namespaces === null;
  }

  maySee(namespace: string): boolean {
    return this.namespaces === null || this.namespaces.has(namespace);
  }

  /** What the reader may know of an agent's names. */
  names(names: Names): Names {
    return this.isAll ? names : this.#view(names).names;
  }

  /** The filter, of what the reader may see only. */
  filter(filter: RecordFilter): RecordFilter {
    if (this.isAll) return filter;
    return {
      messageNames: filter.messageNames,
      selection: safely(filter.selection),
      predicate: (names) => {
        const view = this.#view(names);
        const test = filter.predicate(view.names);
        return (record, sequence) => {
          const shown = view.show(record);
          return shown !== null && test(shown, sequence);
        };
      },
    };
  }

  /** The flow under `record` as the reader may see it, null if it is none of theirs. */
  flow(record: RecordCursor, context: FlowContext): HubbleFlow | null {
    if (this.isAll) return toHubbleFlow(record, context);
    const view = this.#view(context.names);
    const shown = view.show(record);
    return shown === null ? null : toHubbleFlow(shown, { ...context, names: view.names });
  }

  /** Whether the reader may know of the flow under `record` at all. */
  shows(record: RecordCursor, names: Names): boolean {
    return this.isAll || this.#view(names).left(record) !== null;
  }

  edges<Totals>(window: Window<Counted, Totals>): Window<Counted, Totals> {
    if (this.isAll) return window;
    return { ...window, rows: this.#rows(window.rows, OpaqueEnds) };
  }

  series(window: SeriesWindow): SeriesWindow {
    if (this.isAll) return window;
    return { ...window, rows: this.#rows(window.rows, OpaqueSeries) };
  }

  #rows<Row extends Counted, Totals>(
    rows: Iterable<[Row, Totals]>,
    Opaque: new (whole: Row, names: Names, hidden: End | null, isServiceHidden: boolean) => Row | (Row & OpaqueEnds),
  ): Map<Row, Totals> {
    const shown = new Map<Row, Totals>();
    for (const [row, totals] of rows) {
      const view = this.#view(row.names);
      const left = view.left(row);
      if (left !== null) shown.set(new Opaque(row, view.names, left.hidden, left.isServiceHidden), totals);
    }
    return shown;
  }

  #view(names: Names): View {
    let view = this.#views.get(names);
    if (view?.names.revision !== names.revision) {
      view = new View(new VisibleNames(names, (namespace) => this.maySee(namespace)));
      this.#views.set(names, view);
    }
    return view;
  }
}

/**
 * What stored flows may be narrowed by, before the filter itself sees what is left of them: what holds for a flow as the
 * reader may see it, and would not for the whole flow, must not be asked. So nothing is excluded, and a hidden end has
 * identity 0.
 */
function safely({ allowed }: Selection): Selection {
  const isSafe = (ask: Ask | Untold): boolean =>
    ask !== null && !ask.exclude && !/^(from-|to-)?identity$/.test(ask.parameter);
  return { allowed: allowed.map((asks) => asks.map((ask) => (isSafe(ask) ? ask : null))), denied: [] };
}

/** What one reader may see of one agent, for one revision of its names. */
class View {
  readonly names: VisibleNames;
  #opaque: OpaqueRecord | null = null;

  constructor(names: VisibleNames) {
    this.names = names;
  }

  /** The record as the reader may see it, valid until the next; null if they may not. */
  show(record: RecordCursor): RecordCursor | null {
    const left = this.left(record);
    if (left === null) return null;
    if (left.hidden === null && !left.isServiceHidden) return record;
    if (this.#opaque?.layout !== record.layout) this.#opaque = new OpaqueRecord(record.layout);
    return this.#opaque.show(record, left.hidden, left.isServiceHidden);
  }

  left(facts: Ends): Left {
    const { serviceId } = facts;
    const service = serviceId === 0 ? 'none' : this.names.ofService(serviceId);
    const server = facts.isReply === true ? 'source' : 'destination';
    let hidden: End | null = null;
    let isVisible = false;
    for (const end of ENDS) {
      const standing = this.#standing(facts, end, end === server ? service : 'none');
      if (standing === 'visible') isVisible = true;
      else if (standing === 'hidden') hidden = end;
    }
    return isVisible ? { hidden, isServiceHidden: service === 'hidden' } : null;
  }

  /** `service` is that of the service behind which the end is. */
  #standing(facts: Ends, end: End, service: Standing): Standing {
    const endpoint = facts.endpoint(end);
    if (endpoint !== 0) return this.names.ofEndpoint(endpoint);
    return service === 'none' ? this.names.ofAddress(facts.address(end), facts.identity(end)) : service;
  }
}

type Ends = Pick<Counted, 'serviceId' | 'isReply' | 'endpoint' | 'address' | 'identity'>;
