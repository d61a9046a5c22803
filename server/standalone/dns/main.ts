/** `spyglass-dns ZONE-FILE`: the cluster's DNS server, run as the process of the kube-dns pod. */
import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { sentence } from '../../base/failure.ts';
import { watchFolder } from '../../cluster/watch-folder.ts';
import { answer } from './answer.ts';
import { serveDns } from './server.ts';
import type { Zone } from './zone.ts';

const PORT = 53;

const [file = '/run/spyglass/dns/zone.json'] = process.argv.slice(2);
try {
  let zone = readZone();
  watchFolder(
    dirname(file),
    5,
    (name) => name === basename(file),
    () => {
      zone = readZone();
    },
  );
  await serveDns(PORT, (query, udp) => answer(query, zone, udp));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));
} catch (error) {
  process.stderr.write(`spyglass-dns: cannot serve ${file} on port ${PORT}: ${sentence(error)}\n`);
  process.exitCode = 1;
}

function readZone(): Zone {
  return JSON.parse(readFileSync(file, 'utf8')) as Zone;
}
