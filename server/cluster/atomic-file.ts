/** Files that are always whole: written beside, then renamed over. */
import { renameSync, writeFileSync } from 'node:fs';

/** Replaces `path` at once. Readers see the former or the new content, never a part. */
export function writeFileAtomic(path: string, content: string, mode = 0o644): void {
  const beside = `${path}.new`;
  writeFileSync(beside, content, { mode });
  renameSync(beside, path);
}
