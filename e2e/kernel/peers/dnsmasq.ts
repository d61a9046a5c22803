/** dnsmasq on port 53 with records of all kinds, which logs every query. */
import type { World } from '../world.ts';
import { PeerServer } from './peer-server.ts';

const RECORDS = [
  '--address=/shop.example/10.9.8.7',
  '--address=/shop.example/2001:db8::7',
  '--cname=www.shop.test,real.shop.test',
  '--host-record=real.shop.test,10.9.8.6,2001:db8::6',
  '--srv-host=_http._tcp.shop.test,real.shop.test,80',
  '--ptr-record=6.8.9.10.in-addr.arpa,real.shop.test',
  '--txt-record=text.shop.test,some words',
];

export class Dnsmasq extends PeerServer {
  static async start(world: World, pod: string): Promise<Dnsmasq> {
    const server = new Dnsmasq(world, pod);
    const log = `--log-facility=${server.path('log')}`;
    const settings = ['--no-daemon', '--no-resolv', '--no-hosts', '--no-poll', '--local=/test/', '--local=/invalid/'];
    await server.start(['dnsmasq', '--conf-file=/dev/null', ...settings, ...RECORDS, '--log-queries=extra', log], 53);
    return server;
  }

  /** `TYPE NAME` of each query, in their order. */
  queries(): string[] {
    return Array.from(this.read('log').matchAll(/ query\[(\w+)\] (\S+) from /g), ([, type, name]) => `${type} ${name}`);
  }
}
