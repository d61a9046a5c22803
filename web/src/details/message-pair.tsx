/** A request with its answer, as far as they were seen. */
import { type ReactNode, useMemo } from 'react';
import type { HubbleFlow } from '../../../server/wire/hubble.ts';
import type { FlowRow } from '../../../server/wire/live.ts';
import { messageOf, PROTOCOL_WORD } from '../words/message.ts';
import { counted, DASH, duration } from '../words/numbers.ts';
import { clockUs } from '../words/times.ts';
import { Section } from './panel.tsx';
import { usePair } from './use-pair.ts';

interface MessagePairProps {
  flow: HubbleFlow;
  /** Flows on the page. */
  rows: readonly FlowRow[];
}

export function MessagePair({ flow, rows }: MessagePairProps): ReactNode {
  const onPage = useMemo(() => rows.map((row) => row.flow), [rows]);
  const pair = usePair(flow, onPage);
  const other = pair.state === 'found' ? pair.flow : null;
  const isRequest = flow.l7?.type === 'REQUEST';
  const [request, response] = isRequest ? [flow, other] : [other, flow];
  const missing = pair.state === 'looking' ? 'looking for it' : 'not seen';
  const own = flow.extensions?.value.spyglass.l7;
  const message = messageOf(response ?? flow);
  if (own === undefined || message === null) return null;
  return (
    <Section title="Request and answer" note={PROTOCOL_WORD[own.protocol]}>
      <dl className="kv policies">
        <Line name="Asked" value={message.asked} />
        <Line name="Route" value={own.route} />
        <Line name="Answer" value={response === null ? missing : (message.outcome ?? DASH)} isError={message.isError} />
        <Line name="Took" value={message.latency === null ? DASH : duration(message.latency)} />
        <Line name="Sent" value={request === null ? missing : clockUs(request.time)} />
        <Line name="Answered" value={response === null ? DASH : clockUs(response.time)} />
        {flow.trace_context !== undefined && <Line name="Trace" value={flow.trace_context.parent.trace_id} />}
      </dl>
      {[request, response].map((half, i) => {
        const headers = half?.l7?.http?.headers ?? [];
        return headers.length === 0 ? null : (
          <details key={i === 0 ? 'request' : 'response'} className="headers">
            <summary>
              {counted(headers.length, 'header')} of the {i === 0 ? 'request' : 'answer'}
            </summary>
            <dl className="kv policies">
              {headers.map(({ key, value }, at) => (
                <Line key={`${at} ${key}`} name={key} value={value} />
              ))}
            </dl>
          </details>
        );
      })}
    </Section>
  );
}

function Line({ name, value, isError = false }: { name: string; value: string; isError?: boolean }): ReactNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd className={isError ? 'error' : ''}>{value}</dd>
    </div>
  );
}
