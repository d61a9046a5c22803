/** A request of HTTP that waits for its answer. */
import type { L7ProtocolName } from '../../wire/l7.ts';

export interface PendingRequest {
  /** When its first byte was seen, ns. */
  timeNs: number;
  /** What it is counted under. */
  protocol: L7ProtocolName;
  method: string;
  route: string;
  /** Redacted; '' if it sends no event. */
  url: string;
  hasEvent: boolean;
}

const REQUEST_BYTES = 64;

/** What a request is counted as; routes are shared with the table of routes. */
export function pendingBytes(request: PendingRequest): number {
  return REQUEST_BYTES + request.method.length + request.url.length;
}
