/** One policy: its YAML with what each line decided, the pods it selects, whom it denied. */
import { type ReactNode, useEffect, useRef } from 'react';
import type { FlowFilter } from '../../../server/wire/live.ts';
import type { PolicyDetail } from '../../../server/wire/policies.ts';
import type { MapEdge, ServiceMap } from '../../../server/wire/service-map.ts';
import { Panel, Section } from '../details/panel.tsx';
import { filterQuery, rangePath, usePast, windowWords } from '../live/past.ts';
import { usePolled } from '../live/use-polled.ts';
import { CopyButton } from '../marks/copy-button.tsx';
import { counted, exact } from '../words/numbers.ts';
import { clockOf } from '../words/times.ts';
import { type PolicyLine, policyLines } from './policy-lines.ts';

type Policy = NonNullable<PolicyDetail['policy']>;

interface PolicyPanelProps {
  /** `namespace/name`. */
  name: string;
  /** See PolicyLine. */
  part: string | null;
  isHeld: boolean;
  onFlows: (filter: FlowFilter) => void;
  onClose: () => void;
}

/** Filters take so many values; more pods than this are asked for by their namespace. */
const MAX_PODS = 50;
const MAX_PEERS = 20;

export function PolicyPanel({ name, part, isHeld, onFlows, onClose }: PolicyPanelProps): ReactNode {
  const path = name.split('/').map(encodeURIComponent).join('/');
  const past = usePast();
  const { data, problem } = usePolled<PolicyDetail>(rangePath(`policies/${path}`, past), isHeld || past !== null);
  const policy = data?.policy ?? null;
  if (data === null || policy === null) {
    const message = problem ?? data?.problems.map((it) => it.message).join(' ') ?? 'Loading.';
    return (
      <Panel label="Policy" title={name} subtitle="" onClose={onClose} foot={null}>
        <p className="wait">{message}</p>
      </Panel>
    );
  }
  const lines = policyLines(policy, clockOf(data.since), clockOf);
  return (
    <Panel
      label="Policy"
      title={<span className="name">{policy.name}</span>}
      subtitle={
        <>
          NetworkPolicy in <b className="m">{policy.namespace}</b>, {policy.policy_types.join(' and ').toLowerCase()},{' '}
          {policy.mode === 'audit' ? 'on trial (audit): it denies nothing' : 'enforced'}
        </>
      }
      onClose={onClose}
      foot={<CopyButton label="YAML" text={lines.map(({ text }) => text).join('\n')} />}
    >
      {policy.warnings.map((warning) => (
        <p key={warning} className="refused">
          {warning}
        </p>
      ))}
      {data.problems.map((it) => (
        <p key={it.message} className="refused">
          <b>Newest version refused</b> {it.message} The one below stays enforced.
        </p>
      ))}
      <Section title="Spec" note="as it is enforced">
        <Yaml lines={lines} part={part} />
      </Section>
      <Denied policy={policy} direction="ingress" isHeld={isHeld} onFlows={onFlows} />
      <Denied policy={policy} direction="egress" isHeld={isHeld} onFlows={onFlows} />
      <Section title="Selects" note={counted(policy.pods, 'pod')}>
        <ul className="pods">
          {policy.selected.map((pod) => (
            <li key={`${pod.node}/${pod.name}`}>
              {pod.name} <span className="mute">{pod.node}</span>
            </li>
          ))}
        </ul>
      </Section>
    </Panel>
  );
}

function Yaml({ lines, part }: { lines: readonly PolicyLine[]; part: string | null }): ReactNode {
  const marked = useRef<HTMLLIElement>(null);
  useEffect(() => {
    // Newer browsers return a promise, which is no clean-up.
    marked.current?.scrollIntoView({ block: 'nearest' });
  }, [part]);
  const first = lines.findIndex((line) => line.part !== null && line.part === part);
  return (
    <ol className="yaml" aria-label="Policy as YAML">
      {lines.map((line, index) => {
        const isMarked = part !== null && line.part === part;
        const tone = isMarked ? (part.includes('/') ? 'allowed' : 'denied') : '';
        return (
          // Lines repeat, and their order is all that tells them apart.
          // oxlint-disable-next-line react/no-array-index-key
          <li key={index} className={tone} ref={index === first ? marked : null} aria-current={isMarked || undefined}>
            <code>{line.text}</code>
            {line.note !== null && <span className={line.note.tone}>{line.note.text}</span>}
          </li>
        );
      })}
    </ol>
  );
}

interface DeniedProps {
  policy: Policy;
  direction: 'ingress' | 'egress';
  isHeld: boolean;
  onFlows: (filter: FlowFilter) => void;
}

/** Who was denied at the pods it selects, in this direction: from the kernel's counters. */
function Denied({ policy, direction, isHeld, onFlows }: DeniedProps): ReactNode {
  const isolates = policy.default[direction] !== null && policy.selected.length > 0;
  const filter = deniedFilter(policy, direction);
  const past = usePast();
  const time: [string, string][] = past === null ? [['since', '15m']] : [];
  const { data } = usePolled<ServiceMap>(
    isolates ? rangePath('service-map', past, [...time, ...filterQuery(filter)]) : null,
    isHeld || past !== null,
  );
  if (!isolates) return null;
  const nameOf = (id: string): string => {
    const node = data?.nodes.find((it) => it.id === id);
    if (node === undefined) return id;
    return node.namespace === '' ? node.name : `${node.namespace}/${node.name}`;
  };
  const packets = (edge: MapEdge): number => Object.values(edge.verdicts).reduce((sum, it) => sum + it, 0);
  const edges = (data?.edges ?? []).toSorted((a, b) => packets(b) - packets(a));
  const word = policy.mode === 'audit' ? 'Would be denied' : 'Denied';
  return (
    <Section title={`${word}, ${direction}`} note={`its pods, ${windowWords(900, past)}, packets`}>
      {edges.length === 0 ? (
        <p className="soft">{data === null ? 'Loading' : 'Nobody.'}</p>
      ) : (
        <ul className="denied-list">
          {edges.slice(0, MAX_PEERS).map((edge) => (
            <li key={edge.id}>
              <span>
                {nameOf(edge.source)} to {nameOf(edge.target)}:{edge.port}
              </span>
              <b className={policy.mode === 'audit' ? 'warn' : 'bad'}>{exact(packets(edge))}</b>
            </li>
          ))}
        </ul>
      )}
      {edges.length > 0 && (
        <p className="fix">
          <button type="button" className="btn" onClick={() => onFlows(filter)}>
            Flows
          </button>
        </p>
      )}
    </Section>
  );
}

function deniedFilter(policy: Policy, direction: 'ingress' | 'egress'): FlowFilter {
  const end = direction === 'ingress' ? 'to' : 'from';
  const pods = policy.selected.map(({ namespace, name }) => `${namespace}/${name}`);
  return {
    ...(policy.mode === 'audit' ? { verdict: ['AUDIT'] } : { verdict: ['DROPPED'], 'drop-reason': ['POLICY_DENIED'] }),
    ...(pods.length > MAX_PODS ? { [`${end}-namespace`]: [policy.namespace] } : { [`${end}-pod`]: pods }),
  };
}
