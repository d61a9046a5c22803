/** A hub's files of tokens: one reader of everything, one of `shop`, one of a namespace without pods; an agent. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { AccessOptions } from '../access.ts';
import { agentsOfFile, readersOfFile } from '../accounts.ts';
import { newToken, TokenFile, tokenLine } from '../token-file.ts';

export class TokenReaders implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'spyglass-tokens-'));
  readonly readersFile = join(this.folder, 'readers');
  readonly agentsFile = join(this.folder, 'agents');
  readonly tokens = { all: newToken(), shop: newToken(), empty: newToken() };
  readonly agentToken = newToken();

  constructor() {
    this.write(['all', 'shop', 'empty']);
    this.writeAgents(['node-a']);
  }

  /** The file with one agent, which may speak for these nodes; none at all if there are none. */
  writeAgents(nodes: readonly string[]): void {
    const line = nodes.length === 0 ? '' : tokenLine('agent-a', this.agentToken, nodes);
    writeFileSync(this.agentsFile, `${line}\n`);
  }

  /** The file with only these readers. */
  write(names: readonly (keyof TokenReaders['tokens'])[]): void {
    const scopes = { all: null, shop: ['shop'], empty: ['empty'] };
    const lines = names.map((name) => tokenLine(name, this.tokens[name], scopes[name]));
    writeFileSync(this.readersFile, `# readers\n\n${lines.join('\n')}\n`);
  }

  options(log: Logger): AccessOptions {
    return {
      mode: 'token',
      readers: readersOfFile(new TokenFile(this.readersFile, log)),
      agents: agentsOfFile(new TokenFile(this.agentsFile, log)),
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function bearer(token: string): { Authorization: string } {
  return { Authorization: `Bearer ${token}` };
}
