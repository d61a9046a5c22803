/** `GET /api/v1/loss`: what became of every record that the nodes produced, over a window or since the hub started. */
import type { Request, Response } from 'express';
import type { LossReport } from '../../wire/status.ts';
import { LOSS_SUMS, zeroLosses } from '../l7/l7-totals.ts';
import { addBalance, type Balance, recordBalance, zeroBalance } from '../loss/balance.ts';
import type { HubState } from '../hub-state.ts';
import { Parameters } from '../http/parameters.ts';
import { readWindow } from './service-map.ts';

export function lossRoute(state: HubState) {
  return (request: Request, response: Response): void => {
    const parameters = new Parameters(request, ['since', 'until']);
    const report =
      parameters.has('since') || parameters.has('until')
        ? lossWithin(state, readWindow(parameters))
        : lossSinceStart(state);
    response.set('Cache-Control', 'no-store').json(report);
  };
}

interface Found {
  node: string;
  balance: Balance;
  exact: boolean;
  messages: ReturnType<typeof zeroLosses>;
}

function lossSinceStart(state: HubState): LossReport {
  const found = [...state.nodes.values()].map((node): Found => ({
    node: node.name,
    balance: node.ledger.total,
    exact: node.connected && node.ledger.isFollowed,
    messages: state.seriesTally.losses.get(node.name) ?? zeroLosses(),
  }));
  return report(state, state.startedMs, Date.now(), true, found);
}

function lossWithin(state: HubState, { since, until }: { since: number; until: number }): LossReport {
  const now = Date.now() / 1000;
  const { rows, exact } = state.losses.window(since, until, now);
  const messages = state.l7.window(since, until, now).losses;
  const found = [...state.nodes.keys()].map((node): Found => {
    const balance = rows.get(node) ?? zeroBalance();
    const isBlind = balance.blind > 0 || !rows.has(node);
    return { node, balance, exact: !isBlind && exact, messages: messages.get(node) ?? zeroLosses() };
  });
  return report(state, since * 1000, until * 1000, exact, found);
}

function report(
  { history }: HubState,
  sinceMs: number,
  untilMs: number,
  isWatched: boolean,
  found: readonly Found[],
): LossReport {
  const total = zeroBalance();
  const messages = zeroLosses();
  for (const it of found) {
    addBalance(total, it.balance);
    LOSS_SUMS.add(messages, it.messages);
  }
  const exact = isWatched && found.every((it) => it.exact);
  return {
    window: { since: new Date(sinceMs).toISOString(), until: new Date(untilMs).toISOString(), exact },
    total: recordBalance(total, exact, messages),
    not_stored: history?.status().not_stored ?? null,
    nodes: found
      .toSorted((a, b) => (a.node < b.node ? -1 : 1))
      .map((it) => ({ node: it.node, ...recordBalance(it.balance, it.exact, it.messages) })),
  };
}
