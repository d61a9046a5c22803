/** A standalone node for the load: `spyglass up` on a folder with an nginx pod behind a Service, and a client pod. */
import type { ChildProcess } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAttachments, attachmentFolder } from '../../server/cni/attachments.ts';
import { ROOT, run, start, stop } from '../lib/run.ts';

export const SERVICE = '10.96.0.80';

const manifest = (mode: string): string => `
apiVersion: v1
kind: Pod
metadata: { name: server, labels: { app: server }, annotations: { spyglass.io/l7: "${mode}" } }
spec:
  containers:
    - name: nginx
      command: [nginx, -p, /tmp, -e, stderr, -c, /run/spyglass/app/nginx.conf]
      ports: [{ name: http, containerPort: 8080 }]
      readinessProbe: { tcpSocket: { port: http } }
---
apiVersion: v1
kind: Pod
metadata: { name: client, annotations: { spyglass.io/l7: "${mode}" } }
spec:
  containers:
    - { name: main, command: [sleep, infinity] }
---
apiVersion: v1
kind: Service
metadata: { name: server }
spec:
  clusterIP: ${SERVICE}
  selector: { app: server }
  ports: [{ port: 80, targetPort: http }]
`;

const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
const NGINX = `
daemon off;
worker_processes 1;
pid /tmp/nginx.pid;
events { worker_connections 1024; }
http {
  ${TEMPORARY.map((it) => `${it}_temp_path /tmp/${it};`).join(' ')}
  access_log off;
  keepalive_requests 1000000000;
  server { listen 8080; location / { return 200 'A page as short as answers of services often are.'; } }
}
`;

export interface StandaloneNode extends AsyncDisposable {
  /** Under /run/netns. */
  clientNetns: string;
  /** Process ids. */
  agent: number;
  hub: number;
  /** Of what runs in the server pod. */
  serverPids(): Promise<number[]>;
  /** Sums of the hub's counters so far. */
  counted(): Promise<{ requests: number; lost: number }>;
}

/** Starts a node of its own with both pods, whose messages are read by `mode` (`off`, `metadata`, `full`). */
export async function startNode(mode: string, port: number): Promise<StandaloneNode> {
  const name = `bench-${mode}`;
  const folder = await mkdtemp(join(tmpdir(), 'sgbench-'));
  // Pods run as nobody.
  await chmod(folder, 0o755);
  await writeFile(join(folder, 'pods.yaml'), manifest(mode));
  await writeFile(join(folder, 'nginx.conf'), NGINX);
  const up = ['dist/server/cli/main.js', 'up', folder, '--node', name, '--port', String(port), '--grpc-port', '0'];
  const child = await start(process.execPath, up, 'Ctrl-C stops');
  const pods = readAttachments(attachmentFolder(`/run/spyglass/${name}`));
  const netnsOf = (pod: string): string => pods.find((it) => it.name === pod)?.netns ?? `no pod ${pod}`;
  return {
    clientNetns: netnsOf('client'),
    async serverPids() {
      const pids = await run('ip', ['netns', 'pids', netnsOf('server')]);
      return pids.trim().split('\n').map(Number);
    },
    agent: await childOf(child, 'agent'),
    hub: await childOf(child, 'hub'),
    async counted() {
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return {
        requests: sum(metrics, /^spyglass_l7_requests_total\{.*protocol="http".*\} (\S+)$/gm),
        lost: sum(metrics, /^spyglass_l7_lost_total\{.*cause="ring".*\} (\S+)$/gm),
      };
    },
    async [Symbol.asyncDispose]() {
      await stop(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The process of a node's verb. */
async function childOf(up: ChildProcess, verb: string): Promise<number> {
  const pids = await readFile(`/proc/${up.pid}/task/${up.pid}/children`, 'utf8');
  for (const pid of pids.trim().split(' ')) {
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
    if (words.includes(join(ROOT, 'dist/server/cli/main.js')) && words.includes(verb)) return Number(pid);
  }
  throw new Error(`The node has no ${verb}.`);
}

function sum(metrics: string, line: RegExp): number {
  let total = 0;
  for (const [, value] of metrics.matchAll(line)) total += Number(value);
  return total;
}
