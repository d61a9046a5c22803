import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newToken, TokenFile, tokenLine } from './token-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'spyglass-token-file-'));
const path = join(folder, 'tokens');
const [ada, sam] = [newToken(), newToken()];
let lines: string[];
const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) });

beforeEach(() => {
  lines = [];
  vi.useFakeTimers({ toFake: ['Date'] });
  writeFileSync(path, `${tokenLine('ada', ada, null)}\n# nobody\n\n${tokenLine('sam', sam, ['shop', 'web'])}\n`);
});
afterEach(() => vi.useRealTimers());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A second later, when the file is looked at again. */
function later(): void {
  vi.setSystemTime(Date.now() + 1001);
}

describe('a file of tokens', () => {
  it('knows names and what they are for', () => {
    const file = new TokenFile(path, log);
    expect(file.find(ada)).toMatchObject({ name: 'ada', scope: null });
    expect(file.find(sam)).toMatchObject({ name: 'sam', scope: ['shop', 'web'] });
    for (const wrong of ['', 'x', `${ada} `, ada.slice(0, -1), tokenLine('ada', ada, null)])
      expect(file.find(wrong)).toBeNull();
  });

  it('that was replaced counts a second later', () => {
    const file = new TokenFile(path, log);
    writeFileSync(`${path}.new`, tokenLine('sam', sam, null));
    renameSync(`${path}.new`, path);
    later();
    expect(file.find(ada)).toBeNull();
    expect(file.find(sam)?.scope).toBeNull();
  });

  it('with a line that is none goes on without it, and tells its number and not its text', () => {
    const file = new TokenFile(path, log);
    writeFileSync(path, `ada:${ada}\n${tokenLine('sam', sam, null)}\n${tokenLine('sam', ada, null)}\n`);
    later();
    expect(file.find(ada)).toBeNull();
    expect(file.find(sam)).not.toBeNull();
    expect(lines.join('')).toMatch(/line 1, 3 is not NAME:sha256-HEX/);
    expect(lines.join('')).not.toContain(ada);
  });

  it('that is gone lets nobody in until it is back', () => {
    const file = new TokenFile(path, log);
    renameSync(path, `${path}.away`);
    later();
    expect(file.find(ada)).toBeNull();
    expect(lines.join('')).toMatch(/no token is admitted: ENOENT/);
    renameSync(`${path}.away`, path);
    later();
    expect(file.find(ada)).not.toBeNull();
  });

  it.each(['ada', 'ada:x', 'ada:sha256-12', `ada b:sha256-${'0'.repeat(64)}`, `ada:sha256-${'0'.repeat(64)}:Shop`])(
    'is refused at the start for the line %j',
    (line) => {
      writeFileSync(path, line);
      expect(() => new TokenFile(path, log)).toThrow(/line 1 is not NAME:sha256-HEX/);
    },
  );

  it.each([
    ['', null],
    ['a:b', null],
    ['ada', ['Shop']],
    ['ada\nx', null],
  ])('has no line for the name %j and %j', (name, scope) => {
    expect(() => tokenLine(name, ada, scope)).toThrow(/A name has letters/);
  });
});
