/** What the parameters of the filter language are made of. */
import type { Names } from './dictionary.ts';
import type { End, FlowFacts } from './facts.ts';

/** A filter that cannot be used; the message is one sentence for its author. */
export class FilterError extends Error {
  override readonly name = 'FilterError';
}

export type FlowTest = (facts: FlowFacts) => boolean;
export type EndTest = (facts: FlowFacts, end: End) => boolean;

/**
 * What one parameter asks, of the flow as a whole or of one of its ends. `needsMessage`: it reads the application's
 * message, which costs a decoding, so all other tests come before it.
 */
export type Test =
  | { of: 'flow'; compile(names: Names): FlowTest; needsMessage?: true }
  | { of: End | 'either'; compile(names: Names): EndTest };

export type Condition = Test & {
  name: string;
  exclude: boolean;
  /** What the test asks, as a parameter without `not.` and its values; left out by tests that no parameter makes. */
  asks?: { parameter: string; values: readonly string[] };
};

/** A condition in words, for those who narrow a search before the test itself decides. */
export interface Ask {
  parameter: string;
  values: readonly string[];
  exclude: boolean;
}

/** What no parameter can say. */
export type Untold = null;

/**
 * What a filter selects, in words: all conditions of some list of `allowed` hold, and of no list of `denied`. An empty
 * `allowed` means everything.
 */
export interface Selection {
  allowed: readonly (readonly (Ask | Untold)[])[];
  denied: readonly (readonly (Ask | Untold)[])[];
}

export function askOf({ asks, exclude }: Condition): Ask | Untold {
  return asks === undefined ? null : { ...asks, exclude };
}

/** Reads all values of one parameter. `name` is the parameter as it was written, for errors. */
export type Field = (name: string, values: readonly string[]) => Test;

export function flow(test: FlowTest): Test {
  return { of: 'flow', compile: () => test };
}

export function bad(name: string, value: string, allowed: string): never {
  throw new FilterError(`The filter "${name}" has the value "${value.slice(0, 64)}"; allowed are ${allowed}.`);
}
