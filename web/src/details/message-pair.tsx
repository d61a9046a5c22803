/** A request with its answer, as far as they were kept. */
import type { ReactNode } from 'react';
import type { HubbleFlow } from '../../../server/wire/hubble.ts';
import { messageOf, PROTOCOL_WORD } from '../words/message.ts';
import { counted, DASH, duration } from '../words/numbers.ts';
import { clockUs } from '../words/times.ts';
import { Section } from './panel.tsx';

interface MessagePairProps {
  flow: HubbleFlow;
  /** The other half, null if it is not on the page. */
  pair: HubbleFlow | null;
}

export function MessagePair({ flow, pair }: MessagePairProps): ReactNode {
  const isRequest = flow.l7?.type === 'REQUEST';
  const [request, response] = isRequest ? [flow, pair] : [pair, flow];
  const own = flow.extensions?.value.spyglass.l7;
  const message = messageOf(response ?? flow);
  if (own === undefined || message === null) return null;
  return (
    <Section title="Request and answer" note={PROTOCOL_WORD[own.protocol]}>
      <dl className="kv policies">
        <Line name="Asked" value={message.asked} />
        <Line name="Route" value={own.route} />
        <Line
          name="Answer"
          value={response === null ? 'not on this page' : (message.outcome ?? DASH)}
          isError={message.isError}
        />
        <Line name="Took" value={message.latency === null ? DASH : duration(message.latency)} />
        <Line name="Sent" value={request === null ? DASH : clockUs(request.time)} />
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
