/** What fills up: each map of the datapath; of several nodes the fullest, because that one breaks first. */
import type { ReactNode } from 'react';
import type { DatapathNode } from '../../../server/wire/datapath.ts';
import { MAP_FILL_WARNING } from '../../../server/wire/status.ts';
import { exact, percent } from '../words/numbers.ts';

const FULL = 0.95;

interface Fill {
  name: string;
  node: string;
  entries: number;
  max: number;
  share: number;
}

export function MapFill({ nodes }: { nodes: readonly DatapathNode[] }): ReactNode {
  const fills = fullest(nodes);
  return (
    <section>
      <div className="sec bare">
        <h3>
          Maps <span>{nodes.length > 1 ? 'the fullest of all nodes' : 'fill'}</span>
        </h3>
      </div>
      <div className="rows" tabIndex={0} role="region" aria-label="Maps">
        <table>
          <thead>
            <tr>
              <th scope="col">Map</th>
              {nodes.length > 1 && <th scope="col">Node</th>}
              <th scope="col" className="num">
                Entries
              </th>
              <th scope="col" className="num">
                Of
              </th>
              <th scope="col">Fill</th>
            </tr>
          </thead>
          <tbody>
            {fills.map((fill) => (
              <tr key={fill.name}>
                <td className="m">{fill.name}</td>
                {nodes.length > 1 && <td className="soft">{fill.node}</td>}
                <td className="num">{exact(fill.entries)}</td>
                <td className="num mute">{exact(fill.max)}</td>
                <td>
                  <Meter share={fill.share} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Meter({ share }: { share: number }): ReactNode {
  const tone = share >= FULL ? 'bad' : share >= MAP_FILL_WARNING ? 'warn' : 'soft';
  return (
    <>
      <span className={`fill ${tone}`} aria-hidden="true">
        <i style={{ width: `${Math.min(100, share * 100)}%` }} />
      </span>
      <span className={tone}>{percent(share)}</span>
    </>
  );
}

function fullest(nodes: readonly DatapathNode[]): Fill[] {
  const found = new Map<string, Fill>();
  for (const node of nodes) {
    for (const { name, entries, max_entries: max } of node.maps) {
      const share = max === 0 ? 0 : entries / max;
      const known = found.get(name);
      if (known === undefined || share > known.share) found.set(name, { name, node: node.name, entries, max, share });
    }
  }
  return [...found.values()].toSorted((a, b) => b.share - a.share || (a.name < b.name ? -1 : 1));
}
