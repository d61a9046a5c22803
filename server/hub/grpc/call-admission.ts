/** Who calls the Hubble API: the token stands in the call's metadata, as in an HTTP header. */
import { type ServerUnaryCall, status } from '@grpc/grpc-js';
import type { Access, Admission } from '../access/access.ts';
import { credentialOf } from '../access/credentials.ts';
import { Visibility } from '../access/visibility.ts';
import { Problem } from '../http/problem.ts';
import { CallError } from './call-error.ts';

const CODES: Readonly<Record<number, status>> = {
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  429: status.RESOURCE_EXHAUSTED,
  503: status.UNAVAILABLE,
};

export interface Caller {
  readonly visibility: Visibility;
  /** Aborted, with why, when a stream may stay no longer. */
  readonly revoked: AbortSignal;
  /** To be called when a stream has ended. */
  forget(): void;
}

type Call = Pick<ServerUnaryCall<unknown, unknown>, 'metadata' | 'getPeer'>;

export const ANYBODY: Caller = {
  visibility: Visibility.ALL,
  revoked: new AbortController().signal,
  forget: () => undefined,
};
/** Health is for everybody, as probes send no token. */
const OPEN_METHODS: ReadonlySet<string> = new Set(['Check', 'Watch']);

/** Who is asked, and who hears of the peers that were let in. */
export interface Gate {
  access: Access;
  letIn: (peer: string) => void;
}

/** Rejects with a CallError for who may not call. */
export async function callerOf(gate: Gate, method: string, call: Call): Promise<Caller> {
  if (OPEN_METHODS.has(method)) return ANYBODY;
  const { reader } = await admit(gate, call);
  return { ...ANYBODY, visibility: reader.visibility };
}

/** The same for a stream, which is ended when its caller may stay no longer. */
export async function streamCallerOf(gate: Gate, method: string, call: Call): Promise<Caller> {
  if (OPEN_METHODS.has(method)) return ANYBODY;
  const admission = await admit(gate, call);
  const revoking = new AbortController();
  const forget = gate.access.watch(admission, (why) => revoking.abort(why));
  return { visibility: admission.reader.visibility, revoked: revoking.signal, forget };
}

async function admit({ access, letIn }: Gate, call: Call): Promise<Admission> {
  const [authorization] = call.metadata.get('authorization');
  try {
    const credential = credentialOf(authorization?.toString(), undefined);
    const admission = await access.admit(credential, call.getPeer().replace(/:\d+$/, ''));
    access.refuseStreams(admission);
    letIn(call.getPeer());
    return admission;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new CallError(CODES[error.status] ?? status.UNAUTHENTICATED, error.message);
  }
}
