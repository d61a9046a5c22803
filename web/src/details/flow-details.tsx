/** Details of one flow: why it went as it did, which stages it passed, both ends, counters, the record itself. */
import { memo, type ReactNode } from 'react';
import type { HubbleFlow } from '../../../server/wire/hubble.ts';
import type { FlowFilter, FlowRow } from '../../../server/wire/live.ts';
import { curlCommand, observeCommand } from '../filter/commands.ts';
import { CopyButton } from '../marks/copy-button.tsx';
import { Icon } from '../marks/icon.tsx';
import { VerdictMark } from '../marks/verdict-mark.tsx';
import {
  address,
  addressOf,
  type End,
  endName,
  plainLabels,
  portOf,
  protocolOf,
  serverEnd,
  shortEnd,
} from '../words/ends.ts';
import { bytes, DASH, duration, exact } from '../words/numbers.ts';
import { POLICY_SIDES, policyLinks, policyWords } from '../words/policy.ts';
import { whyDropped, whyForwarded } from '../words/reasons.ts';
import { clockMs, clockUs } from '../words/times.ts';
import { flagWords, VERDICT_WORD, verdictOf } from '../words/what.ts';
import { MessagePair } from './message-pair.tsx';
import { Panel, Section } from './panel.tsx';
import { stepsOf } from './stages.ts';

interface FlowDetailsProps {
  row: FlowRow;
  /** Flows on the page: the other half of a message may be among them. */
  rows: readonly FlowRow[];
  onMove: (by: 1 | -1) => void;
  onFilter: (filter: FlowFilter) => void;
  onMap: () => void;
  onDatapath: () => void;
  /** Opens a policy, see PageState.policy. */
  onPolicy: (policy: string) => void;
  onClose: () => void;
}

export const FlowDetails = memo(function FlowDetails({
  row,
  rows,
  onMove,
  onFilter,
  onMap,
  onDatapath,
  onPolicy,
  onClose,
}: FlowDetailsProps): ReactNode {
  const { flow } = row;
  const verdict = verdictOf(flow);
  const isDropped = verdict === 'dropped';
  const why = isDropped ? whyDropped(flow) : whyForwarded(flow);
  const spyglass = flow.extensions?.value.spyglass;
  const steps = stepsOf(flow);
  const flags = flagWords(flow.l4?.TCP?.flags);
  const filter = flowFilter(flow);
  const json = JSON.stringify(flow, null, 2);
  const port = portOf(flow, 'destination');
  return (
    <Panel
      label="Flow details"
      tone={isDropped ? 'bad' : ''}
      title={
        <>
          <VerdictMark verdict={verdict} />
          {isDropped && spyglass?.drop
            ? `${VERDICT_WORD[verdict]} at ${steps.find(({ state }) => state === 'end')?.name ?? 'an unknown stage'}`
            : VERDICT_WORD[verdict]}
        </>
      }
      subtitle={
        <>
          <b className="m">{shortEnd(flow, 'source')}</b> to{' '}
          <b className="m">
            {shortEnd(flow, 'destination')}
            {port !== undefined && `:${port}`}
          </b>{' '}
          {[protocolOf(flow).toLowerCase(), flags, clockUs(flow.time)].filter(Boolean).join(', ')}
        </>
      }
      tools={
        <>
          <button
            type="button"
            className="icon"
            title="Previous (k)"
            aria-label="Previous flow"
            onClick={() => onMove(-1)}
          >
            <Icon name="up" />
          </button>
          <button type="button" className="icon" title="Next (j)" aria-label="Next flow" onClick={() => onMove(1)}>
            <Icon name="down" />
          </button>
        </>
      }
      onClose={onClose}
      foot={
        <>
          <CopyButton label="hubble" text={observeCommand(filter)} />
          <CopyButton label="curl" text={curlCommand(filter, location.origin)} />
          <CopyButton label="JSON" text={json} />
          <span className="gap" />
          <button type="button" className="btn" onClick={onMap}>
            On the map
          </button>
        </>
      }
    >
      <Section
        title="Why"
        note={flow.drop_reason === undefined ? (flow.is_reply === true ? 'reply' : '') : `reason ${flow.drop_reason}`}
      >
        <p>{why.cause}</p>
        {why.advice !== null && <p className="soft">{why.advice}</p>}
        <p className="fix">
          <button type="button" className="btn" title="Filter to this (x)" onClick={() => onFilter(filter)}>
            Filter to these ends
          </button>
        </p>
      </Section>
      {flow.l7 !== undefined && <MessagePair flow={flow} rows={rows} />}
      <Policy flow={flow} onPolicy={onPolicy} />
      {steps.length > 0 && (
        <Section title="Path" note={pathNote(flow)}>
          <ol className="path">
            {steps.map((step) => (
              <li key={step.name} className={step.state}>
                <b>{step.name}</b>
                <span title={step.found}>{step.found}</span>
              </li>
            ))}
          </ol>
          <p className="fix">
            <button type="button" className="btn" onClick={onDatapath}>
              In the stage graph
            </button>
          </p>
        </Section>
      )}
      <Section title="Both ends" note={flow.node_name}>
        <Ends flow={flow} />
      </Section>
      {spyglass !== undefined && flow.l7 === undefined && (
        <Section title="Counters" note={`connection ${spyglass.connection_id}`}>
          <dl className="kv four">
            <Pair name="Packets" value={exact(spyglass.packets)} />
            <Pair name="Returned" value={exact(spyglass.reply_packets)} />
            <Pair name="Bytes" value={bytes(spyglass.bytes)} />
            <Pair name="Returned" value={bytes(spyglass.reply_bytes)} />
            <Pair name="Handshake" value={spyglass.rtt_ns > 0 ? duration(spyglass.rtt_ns) : DASH} />
            <Pair name="Event" value={spyglass.event.toLowerCase()} />
            {spyglass.drop !== null && spyglass.drop.suppressed > 0 && (
              <Pair name="Not shown" value={`${exact(spyglass.drop.suppressed)} more`} />
            )}
          </dl>
        </Section>
      )}
      <section className="sec">
        <details>
          <summary>Record as JSON</summary>
          <pre>{json}</pre>
        </details>
      </section>
    </Panel>
  );
});

/** Both ends, the server's port and the protocol: what the edge of this flow carries. */
export function flowFilter(flow: HubbleFlow): FlowFilter {
  const server = serverEnd(flow);
  const port = portOf(flow, server);
  const protocol = protocolOf(flow);
  return {
    ...endFilter(flow, 'source'),
    ...endFilter(flow, 'destination'),
    ...(port !== undefined && { [server === 'source' ? 'from-port' : 'to-port']: [String(port)] }),
    ...(protocol !== '' && { protocol: [protocol.toLowerCase()] }),
  };
}

function endFilter(flow: HubbleFlow, end: End): FlowFilter {
  const side = end === 'source' ? 'from' : 'to';
  const { namespace = '', pod_name: pod } = flow[end];
  if (pod !== undefined) return { [`${side}-pod`]: [`${namespace}/${pod}`] };
  const service = end === 'source' ? flow.source_service : flow.destination_service;
  if (service !== undefined) return { [`${side}-service`]: [`${service.namespace}/${service.name}`] };
  const ip = flow.IP?.[end];
  return ip === undefined || ip === '' ? {} : { [`${side}-ip`]: [ip] };
}

function pathNote(flow: HubbleFlow): string {
  const spyglass = flow.extensions?.value.spyglass;
  if (spyglass?.drop)
    return `stopped in ${spyglass.drop.stage.toLowerCase().replaceAll('_', ' ')}, line ${spyglass.drop.line}`;
  return spyglass?.path.includes('SERVICE') === true ? 'first packet' : 'cached';
}

/** Where a policy isolates one of the ends: what allowed it or did not, in each direction. */
function Policy({ flow, onPolicy }: { flow: HubbleFlow; onPolicy: (policy: string) => void }): ReactNode {
  const words = POLICY_SIDES.map((side) => ({ side, found: policyWords(flow, side) }));
  if (words.every(({ found }) => found === null)) return null;
  return (
    <Section title="Policy" note="">
      <dl className="kv policies">
        {words.map(({ side, found }) => (
          <Pair key={side} name={side === 'egress' ? 'Egress' : 'Ingress'} value={found ?? 'no policy'} />
        ))}
      </dl>
      <p className="fix wrap">
        {policyLinks(flow).map(({ name, link }) => (
          <button key={link} type="button" className="btn" onClick={() => onPolicy(link)}>
            {name}
          </button>
        ))}
      </p>
    </Section>
  );
}

function Pair({ name, value }: { name: string; value: string }): ReactNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Ends({ flow }: { flow: HubbleFlow }): ReactNode {
  const original = flow.extensions?.value.spyglass.original ?? null;
  const server = serverEnd(flow);
  const isDropped = verdictOf(flow) === 'dropped';
  const row = (title: string, of: (end: End) => ReactNode): ReactNode => (
    <>
      <i>{title}</i>
      <span>{of('source')}</span>
      <span>{of('destination')}</span>
    </>
  );
  const podName = (end: End): string => {
    const { name, rest } = endName(flow, end);
    return name + rest;
  };
  return (
    <div className="ends">
      <b />
      <b>Source</b>
      <b>Destination</b>
      {row('Name', podName)}
      {row('Namespace', (end) => flow[end].namespace ?? DASH)}
      {row('Address', (end) => addressOf(flow, end))}
      {original !== null && row('Called as', (end) => (end === server ? address(original.ip, original.port) : DASH))}
      {row('Labels', (end) => plainLabels(flow[end].labels).join(', ') || DASH)}
      {row('Identity', (end) => flow[end].identity ?? DASH)}
      {row('Seen', (end) =>
        end === 'destination' && isDropped ? <span className="bad">never arrived</span> : clockMs(flow.time),
      )}
    </div>
  );
}
