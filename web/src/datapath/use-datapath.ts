/** The stage graph as long as the page shows it. */
import { useEffect, useState } from 'react';
import type { Datapath } from '../../../server/wire/datapath.ts';
import { LiveSocket, liveUrl } from '../live/live-socket.ts';
import { rangePath, usePast } from '../live/past.ts';
import { usePolled } from '../live/use-polled.ts';

/**
 * The newest numbers, null until they have come, or why there will be none: one sentence. While `isHeld` they stay as they
 * are; of a range that is over they are asked for once. `node`: one node, null for all.
 */
export function useDatapath(windowS: number, node: string | null, isHeld: boolean): Datapath | string | null {
  const [datapath, setDatapath] = useState<Datapath | string | null>(null);
  const past = usePast();
  const isLive = past === null;
  const once = usePolled<Datapath>(
    isLive ? null : rangePath('datapath', past, node === null ? [] : [['node', node]]),
    true,
  );
  useEffect(() => {
    if (isHeld || !isLive) return undefined;
    const socket = new LiveSocket(liveUrl(location), (message) => {
      if (message.type === 'datapath') setDatapath(message.datapath);
      else if (message.type === 'error') setDatapath(message.detail);
    });
    socket.subscribe({ datapath: { window_s: windowS, ...(node !== null && { node }) } });
    socket.connect();
    return () => socket.close();
  }, [windowS, node, isHeld, isLive]);
  return isLive ? datapath : (once.data ?? once.problem);
}
