/** PostgreSQL on 5432, which logs every statement with its duration as JSON. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { World } from '../world.ts';
import { PeerServer } from './peer-server.ts';

/** One line of its log that is about a statement. */
export interface Logged {
  /** `statement`, or of the extended protocol `parse`, `bind`, `execute`; `error`. */
  step: string;
  statement: string;
  /** Of an error: SQLSTATE, else ''. */
  code: string;
  ms: number;
}

export class Postgresql extends PeerServer {
  readonly bin: string;

  private constructor(world: World, pod: string) {
    super(world, pod);
    const root = '/usr/lib/postgresql';
    const [newest] = readdirSync(root).toSorted((a, b) => Number(b) - Number(a));
    if (newest === undefined) throw new Error(`there is no PostgreSQL in ${root}`);
    this.bin = join(root, newest, 'bin');
  }

  static async start(world: World, pod: string): Promise<Postgresql> {
    const server = new Postgresql(world, pod);
    const data = server.path('data');
    const hba = `echo 'host all all all trust' >> ${data}/pg_hba.conf`;
    server.run([join(server.bin, 'initdb'), '-D', data, '-U', 'shop', '-A', 'trust', '--no-sync', '--wal-segsize=1']);
    server.run(['sh', '-c', hba]);
    const settings = {
      listen_addresses: '*',
      unix_socket_directories: server.folder,
      dynamic_shared_memory_type: 'mmap',
      fsync: 'off',
      autovacuum: 'off',
      log_destination: 'jsonlog',
      logging_collector: 'on',
      log_directory: server.folder,
      log_filename: 'postgresql',
      log_min_duration_statement: '0',
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    await server.start([join(server.bin, 'postgres'), '-D', data, ...flags], 5432);
    return server;
  }

  logged(): Logged[] {
    return this.read('postgresql.json')
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map(
        (line) =>
          JSON.parse(line) as { message: string; statement?: string; state_code?: string; error_severity: string },
      )
      .flatMap((it): Logged[] => {
        if (it.error_severity === 'ERROR')
          return [{ step: 'error', statement: it.statement ?? '', code: it.state_code ?? '', ms: 0 }];
        const [, ms, step, statement] = /^duration: ([\d.]+) ms {2}(\w+)[^:]*: (.*)$/s.exec(it.message) ?? [];
        return step === undefined || statement === undefined ? [] : [{ step, statement, code: '', ms: Number(ms) }];
      });
  }
}
