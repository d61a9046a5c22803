/** UIDs of objects that come from manifests, which no API server has given one. */
import { createHash } from 'node:crypto';

/** A UUID that depends on nothing but `parts`. */
export function stableUid(...parts: string[]): string {
  const hex = createHash('sha256').update(parts.join('\0')).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
