/** Can the numbers be trusted: each record from the kernel to the hub, what was lost where, node by node. */
import type { ReactNode } from 'react';
import type { DatapathNode } from '../../../server/wire/datapath.ts';
import { exact } from '../words/numbers.ts';

interface EventLedgerProps {
  nodes: readonly DatapathNode[];
  onNode: (node: string) => void;
}

export function EventLedger({ nodes, onNode }: EventLedgerProps): ReactNode {
  const sum = (of: (node: DatapathNode) => number): number => nodes.reduce((all, node) => all + of(node), 0);
  const written = sum(({ events }) => events.written);
  const ring = sum(({ events }) => events.lost_ring);
  const drained = sum(({ events }) => events.drained);
  const buffer = sum(({ events }) => events.lost_buffer);
  const received = sum((node) => node.received);
  return (
    <section>
      <div className="sec bare">
        <h3>
          Events, from kernel to hub <span>since the agents started</span>
        </h3>
      </div>
      <div className="rows" tabIndex={0} role="region" aria-label="Events and nodes">
        <table>
          <thead>
            <tr>
              <th scope="col">Step</th>
              <th scope="col" className="num">
                In
              </th>
              <th scope="col" className="num">
                Lost
              </th>
              <th scope="col">Note</th>
            </tr>
          </thead>
          <tbody>
            <Step name="ring buffer" taken={written + ring} lost={ring} note="written by the programs" />
            <Step
              name="agent"
              taken={drained}
              lost={buffer}
              note={`${exact(Math.max(0, written - drained))} in the ring`}
            />
            <Step name="hub" taken={received} lost={0} note="messages included, since the hub started" />
          </tbody>
        </table>
        <table>
          <thead>
            <tr>
              <th scope="col">Node</th>
              <th scope="col">Agent</th>
              <th scope="col">State</th>
              <th scope="col" className="num">
                Behind
              </th>
            </tr>
          </thead>
          <tbody>
            {nodes.map((node) => (
              <tr key={node.name}>
                <td className="m">
                  <button type="button" className="link" onClick={() => onNode(node.name)}>
                    {node.name}
                  </button>
                </td>
                <td>{node.version}</td>
                <td className={node.connected && node.problem === null ? '' : 'warn'} title={node.problem ?? ''}>
                  {node.connected ? (node.problem ?? 'in step with the cluster') : 'not connected'}
                </td>
                <td className="num">{node.connected ? `${node.lag_s.toFixed(1)}\u00a0s` : '–'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Step({ name, taken, lost, note }: { name: string; taken: number; lost: number; note: string }): ReactNode {
  return (
    <tr>
      <td className="m">{name}</td>
      <td className="num">{exact(taken)}</td>
      <td className={lost > 0 ? 'num warn' : 'num'}>{exact(lost)}</td>
      <td className="soft">{note}</td>
    </tr>
  );
}
