/** Which policies matter, which are dead, what a policy decided line by line, and whom it denied. */
import { type ReactNode, useMemo } from 'react';
import type { FlowFilter } from '../../../server/wire/live.ts';
import type { PolicyList, PolicyProblem } from '../../../server/wire/policies.ts';
import { Panel } from '../details/panel.tsx';
import { rangePath, usePast } from '../live/past.ts';
import { usePolled } from '../live/use-polled.ts';
import { counted, DASH, exact } from '../words/numbers.ts';
import { clockOf } from '../words/times.ts';
import { type PolicySummary, worstFirst } from './policy-order.ts';
import { PolicyPanel } from './policy-panel.tsx';
import './policies.css';

interface PoliciesPageProps {
  /** `namespace/name`, or with the part to mark: `namespace/name#ingress/0`. */
  selected: string | null;
  onSelect: (selected: string | null) => void;
  isHeld: boolean;
  /** Opens the flows that a filter selects. */
  onFlows: (filter: FlowFilter) => void;
}

export function PoliciesPage({ selected, onSelect, isHeld, onFlows }: PoliciesPageProps): ReactNode {
  const past = usePast();
  const { data, problem } = usePolled<PolicyList>(rangePath('policies', past), isHeld || past !== null);
  const rows = useMemo(() => worstFirst(data?.policies ?? []), [data]);
  const [name = null, part = null] = selected?.split('#') ?? [];
  return (
    <div className={name === null ? 'left policies' : 'left policies with-panel'}>
      <div className="policies-main">
        <div className="bar" role="toolbar" aria-label="Policies">
          <h2>Policies</h2>
          {data !== null && (
            <span>
              {counted(data.policies.length, 'policy', 'policies')},{' '}
              {exact(rows.filter((it) => it.policy.unused).length)} unused, hits counted{' '}
              {data.until === null
                ? `since ${clockOf(data.since)}`
                : `${clockOf(data.since)} to ${clockOf(data.until)}`}
            </span>
          )}
          <span className="gap" />
          {problem !== null && <span className="note">Not up to date: {problem}</span>}
        </div>
        <div className="policies-list" tabIndex={0} role="region" aria-label="List of policies">
          {data?.problems.map((it) => (
            <Refused key={`${it.namespace}/${it.name}/${it.message}`} problem={it} />
          ))}
          {data === null && problem === null && <div className="map-wait" role="status" aria-label="Loading" />}
          {data !== null && rows.length === 0 && (
            <p className="none">No policy selects any pod: everything is allowed, in both directions.</p>
          )}
          {rows.length > 0 && <Table rows={rows} selected={name} onSelect={onSelect} />}
        </div>
      </div>
      {name !== null && data !== null && !isKnown(data, name) && (
        <Panel label="Policy" title={name} subtitle="" onClose={() => onSelect(null)} foot={null}>
          <p className="wait">There is no policy {name} now: it was deleted, or its nodes have no agent.</p>
        </Panel>
      )}
      {name !== null && data !== null && isKnown(data, name) && (
        <PolicyPanel name={name} part={part} isHeld={isHeld} onFlows={onFlows} onClose={() => onSelect(null)} />
      )}
    </div>
  );
}

function isKnown({ policies, problems }: PolicyList, name: string): boolean {
  return [...policies, ...problems].some((it) => `${it.namespace}/${it.name}` === name);
}

interface TableProps {
  rows: readonly PolicySummary[];
  selected: string | null;
  onSelect: (selected: string) => void;
}

function Table({ rows, selected, onSelect }: TableProps): ReactNode {
  const most = Math.max(...rows.map(({ allowed }) => allowed), 1);
  const mostDenied = Math.max(...rows.map(({ denied }) => denied), 1);
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Policy</th>
          <th scope="col">Isolates</th>
          <th scope="col" className="num">
            Pods
          </th>
          <th scope="col" className="num">
            Allowed
          </th>
          <th scope="col" aria-label="Share of what all policies allowed" />
          <th scope="col" className="num">
            Denied
          </th>
          <th scope="col" aria-label="Share of what all policies denied" />
          <th scope="col">Last hit</th>
          <th scope="col">To look at</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => {
          const { policy, allowed, denied, lastHit } = row;
          const id = `${policy.namespace}/${policy.name}`;
          const isAudit = policy.mode === 'audit';
          return (
            <tr key={id} aria-selected={id === selected} onClick={() => onSelect(id)}>
              <td>
                <button type="button" className="link" onClick={() => onSelect(id)}>
                  <span className="mute">{policy.namespace}/</span>
                  <b>{policy.name}</b>
                </button>
                {isAudit && <span className="tag audit">audit</span>}
              </td>
              <td className="soft">{policy.policy_types.join(', ').toLowerCase()}</td>
              <td className={policy.pods === 0 ? 'num warn' : 'num'}>{exact(policy.pods)}</td>
              <td className="num">{policy.rules.length === 0 ? DASH : exact(allowed)}</td>
              <td className="share">
                <i style={{ width: `${(allowed / most) * 100}%` }} />
              </td>
              <td className={denied === 0 ? 'num' : isAudit ? 'num warn' : 'num bad'}>{exact(denied)}</td>
              <td className={isAudit ? 'share audit' : 'share drop'}>
                <i style={{ width: `${(denied / mostDenied) * 100}%` }} />
              </td>
              <td>{lastHit === null ? DASH : clockOf(lastHit)}</td>
              <td className="soft">{lookAt(row)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** What somebody should know about it, in a few words; empty if there is nothing. */
function lookAt({ policy, unusedRules }: PolicySummary): string {
  const found = [...policy.warnings];
  if (policy.pods === 0) found.push('selects no pod');
  else if (policy.unused) found.push('nothing of it was ever used');
  else if (unusedRules > 0) found.push(`${counted(unusedRules, 'rule')} never hit`);
  return found.join('; ');
}

function Refused({ problem }: { problem: PolicyProblem }): ReactNode {
  const name = problem.name === '' ? 'Manifests' : `${problem.namespace}/${problem.name}`;
  return (
    <p className="refused" role="alert">
      <b>{name} refused</b> {problem.message} What was enforced before stays enforced.
    </p>
  );
}
