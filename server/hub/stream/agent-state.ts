/** What a hub knows of a connected agent, as the messages that would make another hub know it. */
import { pack } from 'msgpackr';
import { type Counters, KIND, type RecordCounts } from '../../wire/agent.ts';
import type { L7Report } from '../../wire/l7.ts';
import { dictionaryParts } from '../../flows/dictionary-parts.ts';
import { reportParts } from '../../flows/l7/report-parts.ts';
import type { AgentLink } from '../ingest/ingest.ts';

/**
 * Messages of the agent protocol, kind byte included, to be sent after its hello: the dictionary, and cumulative counters and
 * series, from which the next ones of the agent count on.
 */
export function agentState({ node, session }: AgentLink): Buffer[] {
  const messages = session.names
    .state()
    .flatMap(dictionaryParts)
    .map((part) => control(KIND.dictionary, part));
  if (node.counters !== null) {
    const counters: Counters = {
      ...node.counters,
      edges: node.tracker.current(),
      records: recordsBefore(node.counters.records, session.nextSequence),
    };
    messages.push(control(KIND.counters, counters));
  }
  const series = node.series.current();
  if (series !== null) {
    const report: L7Report = { ...series, names: session.names.dns.entries() };
    messages.push(...reportParts(report).map((part) => control(KIND.l7, part)));
  }
  return messages;
}

/** The counts as of now, where what has been received is none of what is to come: it was not handed to the reader. */
function recordsBefore(counts: RecordCounts, received: number): RecordCounts {
  const since = received - counts.skipped - counts.handed;
  return { ...counts, produced: counts.produced + since, skipped: received, handed: 0 };
}

export function control(kind: number, message: object): Buffer {
  return Buffer.concat([Buffer.of(kind), pack(message)]);
}
