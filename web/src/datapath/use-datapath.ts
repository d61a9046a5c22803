/** The stage graph as long as the page shows it. */
import { useEffect, useState } from 'react';
import type { Datapath } from '../../../server/wire/datapath.ts';
import { LiveSocket, liveUrl } from '../live/live-socket.ts';

/** The newest numbers, null until they have come; while `isHeld` they stay as they are. `node`: one node, null for all. */
export function useDatapath(windowS: number, node: string | null, isHeld: boolean): Datapath | null {
  const [datapath, setDatapath] = useState<Datapath | null>(null);
  useEffect(() => {
    if (isHeld) return undefined;
    const socket = new LiveSocket(liveUrl(location), (message) => {
      if (message.type === 'datapath') setDatapath(message.datapath);
    });
    socket.subscribe({ datapath: { window_s: windowS, ...(node !== null && { node }) } });
    socket.connect();
    return () => socket.close();
  }, [windowS, node, isHeld]);
  return datapath;
}
