/** The stage graph as long as the page shows it. */
import { useEffect, useState } from 'react';
import type { Datapath } from '../../../server/wire/datapath.ts';
import { LiveSocket, liveUrl } from '../live/live-socket.ts';

/** The newest numbers, null until they have come, or why there will be none: one sentence. While `isHeld` they stay as they are. `node`: one node, null for all. */
export function useDatapath(windowS: number, node: string | null, isHeld: boolean): Datapath | string | null {
  const [datapath, setDatapath] = useState<Datapath | string | null>(null);
  useEffect(() => {
    if (isHeld) return undefined;
    const socket = new LiveSocket(liveUrl(location), (message) => {
      if (message.type === 'datapath') setDatapath(message.datapath);
      else if (message.type === 'error') setDatapath(message.detail);
    });
    socket.subscribe({ datapath: { window_s: windowS, ...(node !== null && { node }) } });
    socket.connect();
    return () => socket.close();
  }, [windowS, node, isHeld]);
  return datapath;
}
