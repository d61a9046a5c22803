/** A relay on the loopback that keeps what passes: real bytes of real peers, for parsers to be fed with. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Bytes that came in one piece. */
export interface Piece {
  fromClient: boolean;
  bytes: Buffer;
}

export interface Tap extends AsyncDisposable {
  port: number;
  /** What passed on each connection, in the order of the connections. */
  streams: Piece[][];
}

/** Relays connections to `port`. */
export async function tap(port: number): Promise<Tap> {
  const streams: Piece[][] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const pieces: Piece[] = [];
    streams.push(pieces);
    const target = connect(port, '127.0.0.1');
    const join = (from: Socket, to: Socket, fromClient: boolean): void => {
      sockets.add(from);
      from.on('data', (bytes) => {
        pieces.push({ fromClient, bytes });
        to.write(bytes);
      });
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => sockets.delete(from));
    };
    join(client, target, true);
    join(target, client, false);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    streams,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Listens on a free port of the loopback. @returns the port. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
