/** Folder watching with the noise taken out: editors and renames fire several events for one change. */
import { watch } from 'node:fs';

/**
 * Calls `changed` once `quietMs` milliseconds have passed without another event for a file that `concerns` accepts.
 * A folder that vanishes while it is watched is no error. Returns the function that ends it.
 */
export function watchFolder(
  folder: string,
  quietMs: number,
  concerns: (file: string) => boolean,
  changed: () => void,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  const watcher = watch(folder, (_event, file) => {
    if (file !== null && !concerns(file)) return;
    clearTimeout(timer);
    timer = setTimeout(changed, quietMs);
  });
  watcher.on('error', () => watcher.close());
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}
