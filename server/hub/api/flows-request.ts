/** The parameters of `GET /api/v1/flows`, checked. */
import type { Request } from 'express';
import { FilterError } from '../../flows/filter-test.ts';
import { type FlowPlace, flowPlace } from '../../flows/flow-uuid.ts';
import { fieldMask, type Mask } from '../field-mask.ts';
import { MAX_NEWEST } from '../flow-reader.ts';
import { ALL_FILTERS, Parameters } from '../http/parameters.ts';
import { Problem } from '../http/problem.ts';
import type { FlowQuery } from '../store/flow-search.ts';

const DEFAULT_LAST = 20;
export const FORMATS = ['ndjson', 'json', 'csv'] as const;

export interface FlowRequest {
  format: (typeof FORMATS)[number];
  query: FlowQuery;
  /** Flows to count from the newest on; null to begin with the oldest. */
  newest: number | null;
  /** Most flows of the past, Infinity for all that the query selects. */
  limit: number;
  /** A flow that was read before: go on behind it, or, from the newest on, before it. */
  cursor: FlowPlace | null;
  follow: boolean;
  /** Null for whole flows. */
  mask: Mask | null;
}

/** Throws a Problem that says what is wrong. */
export function readFlowsRequest(request: Request): FlowRequest {
  const own = ['format', 'first', 'last', 'since', 'until', 'cursor', 'fields', 'follow'];
  const parameters = new Parameters(request, own, ALL_FILTERS);
  const format = parameters.oneOf('format', FORMATS, 'ndjson');
  const follow = parameters.oneOf('follow', ['true', 'false'], 'false') === 'true';
  const first = parameters.integer('first', 0, Number.MAX_SAFE_INTEGER);
  const last = parameters.integer('last', 0, MAX_NEWEST);
  if (first !== null && last !== null) throw new Problem(400, 'Give "first" or "last", not both.');
  if (first !== null && follow) throw new Problem(400, '"first" cannot be used with "follow"; use "last".');
  if (format === 'json' && follow)
    throw new Problem(400, 'format=json cannot be followed, as the array would never end; use ndjson.');
  const since = parameters.time('since');
  const until = parameters.time('until');
  if (until !== null && follow) throw new Problem(400, '"until" cannot be used with "follow"; leave one of them out.');
  if (since !== null && until !== null && since > until)
    throw new Problem(400, '"since" lies after "until"; give a window that begins before it ends.');
  const cursor = readCursor(parameters.text('cursor'));
  if (cursor !== null && last !== null && follow)
    throw new Problem(400, '"last" asks for flows before "cursor", which cannot be followed; leave one of them out.');
  const isRange = first !== null || since !== null || until !== null || cursor !== null;
  const newest = last ?? (isRange ? null : follow ? 0 : DEFAULT_LAST);
  return {
    format,
    query: { filter: parameters.filter(), since, until },
    newest,
    limit: first ?? newest ?? Infinity,
    cursor,
    follow,
    mask: readMask(parameters.text('fields')),
  };
}

function readCursor(text: string | null): FlowPlace | null {
  if (text === null) return null;
  return (
    flowPlace(text) ??
    fail(`The parameter "cursor" has the value "${text.slice(0, 64)}"; give the "uuid" of a flow that was read before.`)
  );
}

function readMask(text: string | null): Mask | null {
  if (text === null) return null;
  try {
    return (
      fieldMask(
        text
          .split(',')
          .map((path) => path.trim())
          .filter((path) => path !== ''),
      ) ?? fail('The parameter "fields" is empty; give paths such as time,source.pod_name,verdict.')
    );
  } catch (error) {
    if (error instanceof FilterError) return fail(error.message);
    throw error;
  }
}

function fail(detail: string): never {
  throw new Problem(400, detail);
}
