/** Ends of calls that are not OK, with the gRPC status that the client sees. */
import { status } from '@grpc/grpc-js';
import { FilterError } from '../../flows/filter-test.ts';
import { isPassing, StoreError } from '../history/sql-engine.ts';

export class CallError extends Error {
  override readonly name = 'CallError';
  readonly code: status;

  /** `message` is one sentence for the caller. */
  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

export function invalid(message: string): CallError {
  return new CallError(status.INVALID_ARGUMENT, message);
}

/** What the client is told of anything that was thrown; null for a bug, whose words are nobody's business. */
export function statusOf(error: unknown): { code: status; details: string } | null {
  if (error instanceof CallError) return { code: error.code, details: error.message };
  if (error instanceof StoreError && isPassing(error)) return { code: status.UNAVAILABLE, details: error.message };
  if (error instanceof FilterError) return { code: status.INVALID_ARGUMENT, details: error.message };
  return null;
}
