/** Watches an edge as long as a component shows it. */
import { useEffect, useState } from 'react';
import type { FlowFilter } from '../../../server/wire/live.ts';
import type { MapGroup } from '../../../server/wire/service-map.ts';
import { type EdgePoint, EdgeWatch } from './edge-watch.ts';
import { liveUrl } from './live-socket.ts';

/** Points so far, oldest first; from anew if the component is made anew. */
export function useEdgeWatch(edgeId: string, group: MapGroup, filter: FlowFilter): readonly EdgePoint[] {
  const [points, setPoints] = useState<readonly EdgePoint[]>([]);
  // The filter is made anew with each map; what it says changes only with the edge.
  const filterText = JSON.stringify(filter);
  useEffect(() => {
    const watch = new EdgeWatch(liveUrl(location), edgeId, group, JSON.parse(filterText) as FlowFilter);
    const stop = watch.points.subscribe(() => setPoints(watch.points.get()));
    return () => {
      stop();
      watch.close();
    };
  }, [edgeId, group, filterText]);
  return points;
}
