/** What gRPC makes of HTTP/2 (PROTOCOL-HTTP2.md and http-grpc-status-mapping.md of the grpc project). */
import type { GrpcMessage } from '../../wire/l7.ts';
import { MAX_L7_TEXT } from '../../wire/l7.ts';
import { safeText } from './redact.ts';

const CANCELLED = 1;
const STATUS_UNKNOWN = 2;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

/** Service and method of `/package.Service/Method`; empty where the path is not known. */
export function grpcCall(path: string): GrpcMessage {
  const slash = path.lastIndexOf('/');
  if (slash < 1) return { service: '', method: '' };
  const service = path.slice(path.startsWith('/') ? 1 : 0, slash);
  return { service: safeText(service), method: safeText(path.slice(slash + 1, slash + 1 + MAX_L7_TEXT)) };
}

/** The status of an answer that has none of its own, by its HTTP status. */
export function grpcStatusOfHttp(code: number): number {
  switch (code) {
    case 400:
      return INTERNAL;
    case 401:
      return UNAUTHENTICATED;
    case 403:
      return PERMISSION_DENIED;
    case 404:
      return UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
      return UNAVAILABLE;
    default:
      return STATUS_UNKNOWN;
  }
}

/** The status of a call whose stream was reset with that error code (RFC 9113, 7). */
export function grpcStatusOfReset(errorCode: number): number {
  switch (errorCode) {
    case 0x7: // REFUSED_STREAM
      return UNAVAILABLE;
    case 0x8: // CANCEL
      return CANCELLED;
    case 0xb: // ENHANCE_YOUR_CALM
      return RESOURCE_EXHAUSTED;
    case 0xc: // INADEQUATE_SECURITY
      return PERMISSION_DENIED;
    default:
      return INTERNAL;
  }
}
