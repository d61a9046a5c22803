/** Query parameters of the API: all are known by name, none is silently ignored. */
import type { Request } from 'express';
import { FilterError } from '../../flows/filter-test.ts';
import { FILTER_NAMES, type FlowFilter, isFilterName, parseFilter, unknownName } from '../../flows/filter.ts';
import { nowNs, parseTime } from '../../flows/timestamp.ts';
import { Problem } from './problem.ts';

/** Runs `read`, turning the errors of filters into a 400. */
function orBadRequest<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof FilterError) throw new Problem(400, error.message);
    throw error;
  }
}

export class Parameters {
  readonly #values = new Map<string, string>();
  readonly #filters: [string, string][] = [];

  /**
   * `own` are the route's parameters; `filters` those of the filter language it takes.
   * Throws a Problem for any other, and for one of `own` given twice.
   */
  constructor(request: Request, own: readonly string[], filters: readonly string[] = []) {
    const query = request.originalUrl.indexOf('?');
    const search = new URLSearchParams(query < 0 ? '' : request.originalUrl.slice(query + 1));
    const allowed = [...own, ...filters];
    for (const [name, value] of search) {
      if (own.includes(name)) {
        if (this.#values.has(name)) throw new Problem(400, `The parameter "${name}" is given twice; give it once.`);
        this.#values.set(name, value);
      } else if (isFilterName(name) && filters.includes(name.replace(/^not\./, ''))) {
        this.#filters.push([name, value]);
      } else if (isFilterName(name) && filters.length > 0) {
        throw new Problem(400, `The filter "${name}" is not possible here; allowed are ${filters.join(', ')}.`);
      } else if (allowed.length === 0) {
        throw new Problem(400, `The parameter "${name.slice(0, 64)}" is unknown; this path takes none.`);
      } else {
        throw new Problem(400, unknownName(name, allowed).message);
      }
    }
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  filter(): FlowFilter {
    return orBadRequest(() => parseFilter(this.#filters));
  }

  /** As it was written, null if it was not given. */
  text(name: string): string | null {
    return this.#values.get(name) ?? null;
  }

  oneOf<T extends string>(name: string, allowed: readonly T[], fallback: T): T {
    const value = this.#values.get(name);
    if (value === undefined) return fallback;
    const found = allowed.find((candidate) => candidate === value);
    if (found === undefined) throw bad(name, value, allowed.join(', '));
    return found;
  }

  integer(name: string, low: number, high: number): number | null {
    const value = this.#values.get(name);
    if (value === undefined) return null;
    const number = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
    if (!(number >= low && number <= high)) throw bad(name, value, `whole numbers from ${low} to ${high}`);
    return number;
  }

  /** Unix ns. */
  time(name: string): bigint | null {
    const value = this.#values.get(name);
    if (value === undefined) return null;
    // In a query string a bare + of a zone offset reads as a space.
    const time = parseTime(value.replace(' ', '+'), nowNs());
    if (time === null) throw bad(name, value, 'RFC 3339 times such as 2026-03-04T10:15:30Z, and durations such as 5m');
    return time;
  }
}

function bad(name: string, value: string, allowed: string): Problem {
  return new Problem(400, `The parameter "${name}" has the value "${value.slice(0, 64)}"; allowed are ${allowed}.`);
}

export const ALL_FILTERS = FILTER_NAMES;
