/** Sums of a node's records by what became of them. */
import type { L7Losses } from '../../wire/l7-table.ts';
import type { LossLedger, RecordBalance } from '../../wire/status.ts';
import { zeroLosses } from '../l7/l7-totals.ts';
import type { Summing } from '../window-ring.ts';

/** The counts of which everything else is a sum or a difference. */
export interface Balance {
  produced: number;
  received: number;
  elsewhere: number;
  waiting: number;
  ring: number;
  buffer: number;
  agent: number;
  transit: number;
  overwritten: number;
  /** Seconds in which the node was not followed. */
  blind: number;
}

const COUNTS = [
  'produced',
  'received',
  'elsewhere',
  'waiting',
  'ring',
  'buffer',
  'agent',
  'transit',
  'overwritten',
  'blind',
] as const satisfies (keyof Balance)[];

export function zeroBalance(): Balance {
  return Object.fromEntries(COUNTS.map((count) => [count, 0])) as unknown as Balance;
}

export function addBalance(to: Balance, by: Balance): void {
  for (const count of COUNTS) to[count] += by[count];
}

/** What `now` has more than `before`. */
export function difference(now: Balance, before: Balance): Balance {
  const by = zeroBalance();
  for (const count of COUNTS) by[count] = now[count] - before[count];
  return by;
}

export const BALANCE_SUMS: Summing<Balance> = { zero: zeroBalance, add: addBalance, weight: () => 1 };

export function lossOf({ ring, buffer, agent, transit }: Balance): LossLedger {
  return { records: ring + buffer + agent + transit, ring, buffer, agent, transit };
}

/** As the API gives it. */
export function recordBalance(balance: Balance, exact: boolean, messages: L7Losses = zeroLosses()): RecordBalance {
  const { produced, received, elsewhere, waiting, overwritten } = balance;
  const lost = lossOf(balance);
  return {
    produced,
    received,
    elsewhere,
    waiting,
    lost,
    unexplained: produced - received - elsewhere - lost.records - waiting,
    overwritten,
    messages,
    exact,
  };
}
