/** nghttpx before a server of the same pod: HTTP/1 on 8084, which it changes to HTTP/2 for clients that ask (RFC 7540, 3.2). */
import type { World } from '../world.ts';
import { PeerServer } from './peer-server.ts';

export class Nghttpx extends PeerServer {
  /** `upstreamPort`: of the server that answers. */
  static async start(world: World, pod: string, upstreamPort: number): Promise<Nghttpx> {
    const server = new Nghttpx(world, pod);
    const log = [`--accesslog-file=${server.path('access.log')}`, '--accesslog-format=$request $status'];
    const ends = ['--frontend=*,8084;no-tls', `--backend=127.0.0.1,${upstreamPort}`];
    const alone = [
      '--conf=/dev/null',
      '--workers=1',
      '--single-process',
      `--errorlog-file=${server.path('error.log')}`,
    ];
    await server.start(['nghttpx', ...alone, ...ends, ...log], 8084);
    return server;
  }

  /** `GET /path HTTP/2 200` of each request so far. */
  accesses(): string[] {
    return this.read('access.log').trimEnd().split('\n').filter(Boolean);
  }
}
