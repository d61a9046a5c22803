/** The one line that says what a flow was, and the word for its verdict. */
import type { HubbleFlow, TcpFlags } from '../../../server/wire/hubble.ts';
import { messageOf } from './message.ts';
import { counted } from './numbers.ts';

export type Verdict = 'forwarded' | 'dropped' | 'audit' | 'redirected' | 'unanswered' | 'error';

const VERDICTS: Readonly<Record<string, Verdict>> = {
  FORWARDED: 'forwarded',
  DROPPED: 'dropped',
  ERROR: 'error',
  AUDIT: 'audit',
  REDIRECTED: 'redirected',
};

export const VERDICT_WORD: Readonly<Record<Verdict, string>> = {
  forwarded: 'Forwarded',
  dropped: 'Dropped',
  audit: 'Audit',
  redirected: 'Redirected',
  unanswered: 'No answer',
  error: 'Error',
};

export function verdictOf(flow: HubbleFlow): Verdict {
  return VERDICTS[flow.verdict] ?? 'error';
}

const FLAG_ORDER = ['SYN', 'FIN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'] as const;

/** `SYN, ACK`; '' for what is not TCP. */
export function flagWords(flags: TcpFlags | undefined): string {
  return flags === undefined ? '' : FLAG_ORDER.filter((name) => flags[name] === true).join(', ');
}

/** `Service has no backend`, `New, SYN`, `Closed, 7 packets`, `GET /orders/17 → 503`, … */
export function whatOf(flow: HubbleFlow): string {
  const spyglass = flow.extensions?.value.spyglass;
  const message = messageOf(flow);
  if (message !== null) return message.outcome === null ? message.asked : `${message.asked} → ${message.outcome}`;
  if (spyglass?.drop) {
    const more = spyglass.drop.suppressed;
    return more > 0 ? `${spyglass.drop.words} ×${more + 1}` : spyglass.drop.words;
  }
  const flags = flagWords(flow.l4?.TCP?.flags);
  const side = flow.is_reply === true ? ', reply' : '';
  const packets = spyglass === undefined ? '' : counted(spyglass.packets + spyglass.reply_packets, 'packet');
  switch (spyglass?.event ?? '') {
    case 'NEW':
      return flags === '' ? `First packet${side}` : `New, ${flags}${side}`;
    case 'CLOSE':
      return `Closed, ${packets}${side}`;
    case 'REPORT':
      return `Open, ${packets}${side}`;
    default:
      return `${flags === '' ? flow.Summary : flags}${side}`;
  }
}
