/** The routes of one edge as long as a component shows them. */
import { useEffect, useState } from 'react';
import type { L7Table } from '../../../server/wire/l7-table.ts';
import type { FlowFilter } from '../../../server/wire/live.ts';
import type { MapGroup } from '../../../server/wire/service-map.ts';
import { LiveSocket, liveUrl } from './live-socket.ts';

/** The newest table of what `filter` selects, null until it has come. */
export function useRoutes(group: MapGroup, windowS: number, filter: FlowFilter): L7Table | null {
  const [table, setTable] = useState<L7Table | null>(null);
  // The filter is made anew with each map; what it says changes only with the edge.
  const filterText = JSON.stringify(filter);
  useEffect(() => {
    const socket = new LiveSocket(liveUrl(location), (message) => {
      if (message.type === 'l7') setTable(message.table);
    });
    socket.subscribe({ l7: { group, window_s: windowS, filter: JSON.parse(filterText) as FlowFilter } });
    socket.connect();
    return () => socket.close();
  }, [group, windowS, filterText]);
  return table;
}
