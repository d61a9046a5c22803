/** redis-server on 6379, and what it has counted itself (INFO commandstats, errorstats). */
import type { World } from '../world.ts';
import { PeerServer } from './peer-server.ts';

export class Redis extends PeerServer {
  static async start(world: World, pod: string): Promise<Redis> {
    const server = new Redis(world, pod);
    const settings = ['--bind', '0.0.0.0', '::', '--protected-mode', 'no', '--save', '', '--dir', server.folder];
    await server.start(['redis-server', ...settings], 6379);
    return server;
  }

  /** Calls by command, in lower case, subcommands as `config|get`; and errors by their first word. */
  counted(): { calls: Record<string, number>; errors: Record<string, number> } {
    const info = this.run(['redis-cli', 'info', 'everything']);
    const all = (pattern: RegExp): Record<string, number> =>
      Object.fromEntries(Array.from(info.matchAll(pattern), ([, name = '', count]) => [name, Number(count)]));
    return { calls: all(/^cmdstat_([^:]+):calls=(\d+)/gm), errors: all(/^errorstat_([^:]+):count=(\d+)/gm) };
  }
}
