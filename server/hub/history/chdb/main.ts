/**
 * The store process: the embedded engine behind ClickHouse's HTTP interface on a unix socket. A child of the hub, so
 * that neither its memory nor its crashes are the hub's. Ends with the channel to its parent. Argument: the folder.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { Failure, sentence } from '../../../base/failure.ts';
import { Chdb } from './chdb.ts';
import { engineConfig } from './config.ts';
import { lockFolder } from './folder-lock.ts';
import { Front } from './front.ts';
import { MAX_SOCKET_PATH, type StoreMessage, storeSocket } from './store-messages.ts';

/** What the interface's URL may hold: parameters of a query. */
const MAX_HEAD = 2 * 1024 * 1024;

const folder = process.argv[2] ?? '';
/** Nobody else is in the folder. */
let isOurs = false;
const tell = (message: StoreMessage): void => void process.send?.(message);

function open(): void {
  const socket = storeSocket(folder);
  if (Buffer.byteLength(socket) > MAX_SOCKET_PATH) {
    throw new Failure(`the path ${folder} is too long for a socket in it: use at most ${MAX_SOCKET_PATH - 7} bytes`);
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  lockFolder(folder);
  isOurs = true;
  const incoming = join(folder, 'incoming');
  // What a killed process left: nobody was told that it is stored.
  for (const path of [socket, incoming]) rmSync(path, { recursive: true, force: true });
  mkdirSync(incoming, { mode: 0o700 });
  const config = join(folder, 'engine.xml');
  // Written only if it changed: a disk that is full must not keep us from reading.
  if (!existsSync(config) || readFileSync(config, 'utf8') !== engineConfig()) {
    writeFileSync(config, engineConfig(), { mode: 0o600 });
  }
  const chdb = new Chdb(join(folder, 'data'), config);
  const front = new Front(chdb, incoming);
  const server = createServer(
    { maxHeaderSize: MAX_HEAD, requestTimeout: 60_000, keepAliveTimeout: 30_000 },
    front.handle,
  );
  server.once('error', fail);
  server.listen(socket, () => {
    chmodSync(socket, 0o600);
    tell({ ready: true });
  });
}

function fail(error: unknown): void {
  // What the system says is clear; of a bug the stack helps.
  const isForeseen = error instanceof Failure || (error instanceof Error && 'syscall' in error);
  const words = error instanceof Error && !isForeseen ? (error.stack ?? error.message) : error;
  tell({ problem: sentence(words) });
  process.exitCode = 1;
  process.disconnect?.();
}

process.on('disconnect', () => {
  if (isOurs) rmSync(storeSocket(folder), { force: true });
  // What is stored is safe from this by design, and the engine's own end waits for statements that run.
  process.kill(process.pid, 'SIGKILL');
});
// Signals to the hub's process group are the hub's: it stores what it still has, and ends us then.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
try {
  open();
} catch (error) {
  fail(error);
}
