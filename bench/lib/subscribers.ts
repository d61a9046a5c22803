/** Readers of the live stream, as browsers are: each with a filter of its own, counting what comes. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { LiveMessage, Subscribe } from '../../server/wire/live.ts';

export interface Subscribers extends AsyncDisposable {
  /** Of all subscribers since they began. */
  readonly rows: number;
  /** Matching flows the hub told of, shown or not. */
  readonly matched: number;
}

/** Connects `count` subscribers to the hub at `address`; each follows the flows of the namespace of its number. */
export async function subscribe(
  address: string,
  count: number,
  namespaceOf: (subscriber: number) => string,
): Promise<Subscribers> {
  const sums = { rows: 0, matched: 0 };
  const sockets = Array.from({ length: count }, (_, i) => {
    const socket = new WebSocket(`ws://${address}/api/v1/live`, { perMessageDeflate: false });
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as LiveMessage;
      if (message.type === 'error') throw new Error(`The hub refused a subscription: ${message.detail}`);
      if (message.type !== 'flows') return;
      sums.rows += message.rows.length;
      sums.matched += message.matched;
    });
    socket.on('open', () => {
      const wish: Subscribe = {
        type: 'subscribe',
        flows: { filter: { namespace: [namespaceOf(i)] }, max_rate: 200, last: 0 },
      };
      socket.send(JSON.stringify(wish));
    });
    return socket;
  });
  await Promise.all(sockets.map((socket) => once(socket, 'open')));
  return {
    get rows() {
      return sums.rows;
    },
    get matched() {
      return sums.matched;
    },
    async [Symbol.asyncDispose]() {
      const closed = sockets.map((socket) => once(socket, 'close'));
      for (const socket of sockets) socket.close();
      await Promise.all(closed);
    },
  };
}
