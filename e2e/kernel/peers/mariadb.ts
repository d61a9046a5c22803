/** MariaDB on 3306, whose slow log has every statement with its duration. */
import type { World } from '../world.ts';
import { PeerServer } from './peer-server.ts';

export class Mariadb extends PeerServer {
  static async start(world: World, pod: string): Promise<Mariadb> {
    const server = new Mariadb(world, pod);
    const data = server.path('data');
    const install = `--no-defaults --datadir=${data} --auth-root-authentication-method=normal --skip-test-db`;
    server.run(['mariadb-install-db', ...install.split(' '), '--innodb-flush-log-at-trx-commit=0']);
    const place = `--no-defaults --datadir=${data} --socket=${server.path('socket')} --port=3306 --bind-address=*`;
    const log = `--slow-query-log --long-query-time=0 --slow-query-log-file=${server.path('slow.log')}`;
    const settings = `${place} ${log} --skip-name-resolve --innodb-flush-log-at-trx-commit=0`.split(' ');
    await server.start(['mariadbd', ...settings], 3306);
    const socket = `--socket=${server.path('socket')}`;
    const user = "CREATE USER shop@'%'; GRANT ALL ON *.* TO shop@'%'; CREATE DATABASE shop;";
    server.run(['mariadb', '--no-defaults', socket, '--user=root'], user);
    return server;
  }

  /** Statements that its clients over TCP sent, with how long each took. */
  logged(): { statement: string; ms: number }[] {
    return this.read('slow.log')
      .split(/^# User@Host: /m)
      .filter((it) => it.startsWith('shop'))
      .map((it) => {
        const seconds = /# Query_time: ([\d.]+)/.exec(it)?.[1];
        const statement = it
          .split('\n')
          .slice(1)
          .filter((line) => !/^(#|use `?\w+`?;$|SET timestamp=)/.test(line))
          .join('\n')
          .replace(/;\s*$/, '');
        return { statement, ms: Number(seconds) * 1000 };
      });
  }
}
