/** Tables of routes as long as a component shows them. */
import { useEffect, useState } from 'react';
import type { L7RowsPer, L7Table } from '../../../server/wire/l7-table.ts';
import type { FlowFilter } from '../../../server/wire/live.ts';
import type { MapGroup } from '../../../server/wire/service-map.ts';
import { LiveSocket, liveUrl } from './live-socket.ts';
import { filterQuery, rangePath, usePast } from './past.ts';
import { usePolled } from './use-polled.ts';

/** The newest table of what `filter` selects, null until it has come; while `isHeld` it stays as it is. */
export function useRoutes(
  group: MapGroup,
  windowS: number,
  filter: FlowFilter,
  { per = 'pair-route', isHeld = false }: { per?: L7RowsPer; isHeld?: boolean } = {},
): L7Table | null {
  const [table, setTable] = useState<L7Table | null>(null);
  const past = usePast();
  const once = usePolled<L7Table>(
    past === null ? null : rangePath('l7', past, [['group', group], ['per', per], ...filterQuery(filter)]),
    true,
  );
  const isLive = past === null;
  // The filter is made anew with each map; what it says changes only with the edge.
  const filterText = JSON.stringify(filter);
  useEffect(() => {
    if (isHeld || !isLive) return undefined;
    const socket = new LiveSocket(liveUrl(location), (message) => {
      if (message.type === 'l7') setTable(message.table);
    });
    socket.subscribe({ l7: { group, window_s: windowS, per, filter: JSON.parse(filterText) as FlowFilter } });
    socket.connect();
    return () => socket.close();
  }, [group, windowS, per, isHeld, isLive, filterText]);
  return isLive ? table : once.data;
}
