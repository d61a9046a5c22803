/**
 * UUIDs of flows: shaped like random ones (version 4), but made of the hub's own random bits and the
 * flow's id, so that a flow keeps its UUID however often it is read and none needs a call into crypto.
 */

/** `seed` is 10 random bytes of this hub process. Returns flow id (below 2^48) -> UUID. */
export function flowUuids(seed: Uint8Array): (flowId: number) => string {
  const hex = Buffer.from(seed).toString('hex').padEnd(20, '0');
  const variant = '89ab'[Number.parseInt(hex.slice(15, 16), 16) & 3] ?? '8';
  const prefix = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(12, 15)}-${variant}${hex.slice(16, 19)}-`;
  return (flowId) => prefix + flowId.toString(16).padStart(12, '0');
}
