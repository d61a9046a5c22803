/** What the service map needs and what it tells: the contract between the map and the rest of the page. */
import type { MapEdge, MapNode, ServiceMap } from '../../../server/wire/service-map.ts';

export type ColourMode = 'verdict' | 'latency';

export type MapSelection = { kind: 'edge'; edge: MapEdge } | { kind: 'node'; node: MapNode } | null;

export interface ServiceMapViewProps {
  /** The newest map; a new object each second. Null until the first one has come. */
  map: ServiceMap | null;
  colour: ColourMode;
  /** Ids of the selected edge or node, null for none. */
  selectedId: string | null;
  onSelect: (selection: MapSelection) => void;
  /** Ids of nodes whose edges are folded. */
  folded: readonly string[];
  onFold: (nodeId: string, folded: boolean) => void;
  /** Changes when the user asked to lay out anew (`t`, or the button). */
  tidyRequest: number;
  /** Changes when the theme changed, so that canvas colours are read again. */
  themeKey: string;
}
