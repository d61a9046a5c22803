/** A hub of a spec's own that asks for tokens, without agents: the demo's lets everybody in. Needs `npm run build`. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/server/cli/main.js', import.meta.url));

export class TokenHub implements AsyncDisposable {
  readonly url: string;
  /** Of a reader of everything, and of one of `shop`. */
  readonly tokens: { all: string; shop: string };
  readonly #folder: string;
  readonly #stop: () => Promise<void>;

  private constructor(url: string, tokens: TokenHub['tokens'], folder: string, stop: () => Promise<void>) {
    this.url = url;
    this.tokens = tokens;
    this.#folder = folder;
    this.#stop = stop;
  }

  static async start(): Promise<TokenHub> {
    const folder = mkdtempSync(join(tmpdir(), 'spyglass-login-'));
    const file = (name: string): string => join(folder, name);
    const token = (args: string[]): string =>
      execFileSync(process.execPath, [MAIN, 'token', ...args])
        .toString()
        .trim();
    const tokens = {
      all: token(['ada', '--file', file('readers')]),
      shop: token(['sam', '--file', file('readers'), '--only', 'shop']),
    };
    token(['node', '--file', file('agents')]);
    const auth = ['--auth', 'token', '--auth-token-file', file('readers'), '--agent-token-file', file('agents')];
    const hub = spawn(
      process.execPath,
      [MAIN, 'hub', '--listen', '127.0.0.1:0', '--grpc-listen', 'off', '--store', 'memory', ...auth],
      {
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    const ended = once(hub, 'close');
    const [line] = (await once(hub.stdout, 'data')) as [Buffer];
    const url = /http:\/\/\S+/.exec(line.toString())?.[0] ?? '';
    return new TokenHub(url, tokens, folder, async () => {
      hub.kill();
      await ended;
    });
  }

  /** Takes the token of a reader away. */
  revoke(name: string): void {
    const file = join(this.#folder, 'readers');
    const lines = readFileSync(file, 'utf8').split('\n');
    writeFileSync(file, lines.filter((line) => !line.startsWith(`${name}:`)).join('\n'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
