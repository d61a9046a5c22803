/** What the details panel shows for the selection, and what it says when that is not on the map any more. */
import type { ReactNode } from 'react';
import type { FlowFilter, FlowRow } from '../../../server/wire/live.ts';
import type { MapEdge, MapGroup, ServiceMap } from '../../../server/wire/service-map.ts';
import { EdgePanel } from '../details/edge-panel.tsx';
import { FlowDetails } from '../details/flow-details.tsx';
import { NodePanel } from '../details/node-panel.tsx';
import { Panel } from '../details/panel.tsx';
import { usePast, windowWords } from '../live/past.ts';
import { edgeFilter } from '../filter/edge-filter.ts';

interface DetailsProps {
  flow: FlowRow | null;
  /** Rows among which the pair of a message is looked for. */
  rows: readonly FlowRow[];
  selected: string | null;
  map: ServiceMap | null;
  group: MapGroup;
  windowS: number;
  folded: readonly string[];
  onFold: (nodeId: string, isFolded: boolean) => void;
  onEdge: (edge: MapEdge) => void;
  onMove: (by: 1 | -1) => void;
  onFilter: (filter: FlowFilter) => void;
  onMap: () => void;
  onDatapath: () => void;
  onPolicy: (policy: string) => void;
  onClose: () => void;
}

export function Details(props: DetailsProps): ReactNode {
  const past = usePast();
  const { flow, rows, selected, map, group, windowS, folded, onFold, onEdge, onFilter, onClose } = props;
  if (flow !== null) {
    const { onMove, onMap, onDatapath, onPolicy } = props;
    return <FlowDetails row={flow} {...{ rows, onMove, onFilter, onMap, onDatapath, onPolicy, onClose }} />;
  }
  if (selected === null || map === null) return null;
  const edge = map.edges.find(({ id }) => id === selected);
  if (edge !== undefined) {
    const source = map.nodes.find(({ id }) => id === edge.source);
    const target = map.nodes.find(({ id }) => id === edge.target);
    return (
      <EdgePanel
        edge={edge}
        source={source}
        target={target}
        group={group}
        windowS={windowS}
        filter={edgeFilter(edge, source, target)}
        onFilter={onFilter}
        onClose={onClose}
      />
    );
  }
  const node = map.nodes.find(({ id }) => id === selected);
  if (node !== undefined) {
    return (
      <NodePanel
        node={node}
        map={map}
        isFolded={folded.includes(node.id)}
        onFold={onFold}
        onEdge={onEdge}
        onFilter={onFilter}
        onClose={onClose}
      />
    );
  }
  return (
    <Panel label="Details" title="Not in this range" subtitle={selected} onClose={onClose} foot={null}>
      <p className="wait">Nothing was sent there, {windowWords(windowS, past)}, or the filter or level hides it.</p>
    </Panel>
  );
}
