import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LossBefore } from './loss-before.ts';

test('what was lost while no agent ran is told by the next one, what was told is not', () => {
  const folder = mkdtempSync(join(tmpdir(), 'spyglass-loss-'));
  try {
    const first = new LossBefore(folder, 'abc');
    expect(first.value).toBe(0);
    first.told(5);
    expect(new LossBefore(folder, 'abc').value).toBe(5);
    expect(new LossBefore(folder, 'def').value).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
