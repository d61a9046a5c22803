/** The cells of one flow. */
import { memo, type ReactNode } from 'react';
import type { FlowRow } from '../../../server/wire/live.ts';
import { VerdictMark } from '../marks/verdict-mark.tsx';
import { applicationOf, type End, endName, portOf, protocolOf, serverEnd } from '../words/ends.ts';
import { type Message, messageOf, PROTOCOL_WORD } from '../words/message.ts';
import { bytes, DASH, duration } from '../words/numbers.ts';
import { clockMs } from '../words/times.ts';
import { VERDICT_WORD, verdictOf, whatOf } from '../words/what.ts';

/** Drawn once a flow: the rows move as new ones come, what they say stays. */
export const FlowCells = memo(function FlowCells({ row }: { row: FlowRow }): ReactNode {
  const { flow } = row;
  const verdict = verdictOf(flow);
  const spyglass = flow.extensions?.value.spyglass;
  const size = spyglass === undefined ? 0 : spyglass.bytes + spyglass.reply_bytes;
  const message = messageOf(flow);
  const latency = message === null ? (spyglass?.rtt_ns ?? 0) : (message.latency ?? 0);
  const application = applicationOf(flow);
  const port = portOf(flow, serverEnd(flow));
  const what = whatOf(flow);
  return (
    <>
      <span role="cell" className="t">
        {clockMs(flow.time)}
      </span>
      <span role="cell" className="vd">
        <VerdictMark verdict={verdict} />
        {VERDICT_WORD[verdict]}
      </span>
      <EndCell row={row} end="source" />
      <EndCell row={row} end="destination" />
      <span role="cell" className="num">
        {port ?? <Missing />}
      </span>
      <span role="cell" className="mute">
        {application === undefined ? protocolOf(flow).toLowerCase() : PROTOCOL_WORD[application]}
      </span>
      <span role="cell" title={what}>
        {message === null ? what : <MessageCell message={message} />}
      </span>
      <span role="cell" className="num">
        {latency > 0 ? duration(latency) : <Missing />}
      </span>
      <span role="cell" className="num">
        {size > 0 ? bytes(size) : <Missing />}
      </span>
    </>
  );
});

function MessageCell({ message: { asked, outcome, isError } }: { message: Message }): ReactNode {
  return (
    <span className="message">
      <span className="asked">{asked}</span>
      {outcome !== null && (
        <>
          <span className="mute">→</span>
          <b className={isError ? 'error' : ''}>{outcome}</b>
        </>
      )}
    </span>
  );
}

function Missing(): ReactNode {
  return <span className="mute">{DASH}</span>;
}

/** Letters of a pod's hash that are never cut. */
const TAIL = 5;

function EndCell({ row, end }: { row: FlowRow; end: End }): ReactNode {
  const { namespace, name, rest } = endName(row.flow, end);
  return (
    <span role="cell" className="pod" title={`${namespace === '' ? '' : `${namespace}/`}${name}${rest}`}>
      {namespace !== '' && <span className="ns">{namespace}/</span>}
      <b>{name}</b>
      {rest !== '' && (
        <>
          {rest.length > TAIL && <span className="cut">{rest.slice(0, -TAIL)}</span>}
          <span>{rest.slice(-TAIL)}</span>
        </>
      )}
    </span>
  );
}
