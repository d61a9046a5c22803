/**
 * Asks a Kubernetes API server who bears a token (TokenReview) and what they may read (SubjectAccessReview on
 * `flows.spyglass.io`). Answers are kept for a bounded time; when no answer can be had, nobody is let in.
 */
import type { AuthenticationV1Api, AuthorizationV1Api, V1UserInfo } from '@kubernetes/client-node';
import { sentence } from '../../base/failure.ts';
import { ExpiringMap } from './expiring-map.ts';
import { hashOf } from './token-file.ts';

/** How long an answer counts: so long a revoked token, or a role that was taken away, is still good. */
export const REVIEW_LIFE_MS = 30_000;
/** An answer that refused counts for less, so that who was let in need not wait. */
const REFUSAL_LIFE_MS = 10_000;
const TIMEOUT_MS = 5000;
const MAX_USERS = 10_000;
const MAX_GRANTS = 100_000;
/** Questions at once; more wait. */
const MAX_ASKING = 16;
const MAX_WAITING = 2000;

/** The API server gave no answer. The message is for the log, and has nothing of the request. */
export class ReviewError extends Error {
  override readonly name = 'ReviewError';
}

export interface ReviewApis {
  authentication: Pick<AuthenticationV1Api, 'createTokenReview'>;
  authorization: Pick<AuthorizationV1Api, 'createSubjectAccessReview'>;
}

/** From KUBECONFIG, ~/.kube/config, or the pod's service account. Throws an Error that says what is wrong with them. */
export async function clusterApis(): Promise<ReviewApis> {
  // Takes a second to load, so only hubs that need it do.
  const { AuthenticationV1Api, AuthorizationV1Api, KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromDefault();
  // Where there is no configuration at all, the library takes whatever listens on port 8080.
  const server = config.getCurrentCluster()?.server ?? '';
  if (!server.startsWith('https://')) throw new Error(`tokens are not sent to "${server}", which is not https`);
  return {
    authentication: config.makeApiClient(AuthenticationV1Api),
    authorization: config.makeApiClient(AuthorizationV1Api),
  };
}

export class Reviews {
  readonly #apis: ReviewApis;
  readonly #users = new ExpiringMap<string, V1UserInfo | null>(REVIEW_LIFE_MS, MAX_USERS);
  readonly #grants = new ExpiringMap<string, boolean>(REVIEW_LIFE_MS, MAX_GRANTS);
  readonly #asked = new Map<string, Promise<unknown>>();
  readonly #waiting: (() => void)[] = [];
  #asking = 0;

  constructor(apis: ReviewApis) {
    this.#apis = apis;
  }

  /** Who bears the token, null if nobody. `audience`: that it must be made for; that of the API server if null. */
  async user(token: string, audience: string | null): Promise<V1UserInfo | null> {
    const key = `user ${audience ?? ''} ${hashOf(token).toString('hex')}`;
    const known = this.#users.get(key);
    if (known !== undefined) return known;
    return this.#once(key, async () => {
      const spec = { token, ...(audience !== null && { audiences: [audience] }) };
      const { status } = await this.#apis.authentication.createTokenReview({ body: { spec } });
      const isFor = audience === null || status?.audiences?.includes(audience) === true;
      const user = status?.authenticated === true && isFor ? (status.user ?? null) : null;
      this.#users.set(key, user, user === null ? REFUSAL_LIFE_MS : REVIEW_LIFE_MS);
      return user;
    });
  }

  /** Whether the user may list flows of a namespace; of all, if null. */
  async mayRead(user: V1UserInfo, namespace: string | null): Promise<boolean> {
    const key = `grant ${hashOf(JSON.stringify(user)).toString('hex')} ${namespace ?? '*'}`;
    const known = this.#grants.get(key);
    if (known !== undefined) return known;
    return this.#once(key, async () => {
      const { username, uid, groups, extra } = user;
      const spec = {
        resourceAttributes: {
          group: 'spyglass.io',
          resource: 'flows',
          verb: 'list',
          ...(namespace !== null && { namespace }),
        },
        ...(username !== undefined && { user: username }),
        ...(uid !== undefined && { uid }),
        ...(groups !== undefined && { groups }),
        ...(extra !== undefined && { extra }),
      };
      const { status } = await this.#apis.authorization.createSubjectAccessReview({ body: { spec } });
      const isAllowed = status?.allowed === true && status.denied !== true;
      this.#grants.set(key, isAllowed, isAllowed ? REVIEW_LIFE_MS : REFUSAL_LIFE_MS);
      return isAllowed;
    });
  }

  /** Those who ask the same at the same time share one answer. */
  #once<T>(key: string, ask: () => Promise<T>): Promise<T> {
    const asked = this.#asked.get(key) as Promise<T> | undefined;
    if (asked !== undefined) return asked;
    const answer = this.#inTurn(ask).finally(() => this.#asked.delete(key));
    this.#asked.set(key, answer);
    return answer;
  }

  /** The time to wait for a turn counts, too: whoever comes behind many gets an answer as soon as the first. */
  async #inTurn<T>(ask: () => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new ReviewError(`no answer in ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS);
    });
    try {
      await this.#turn(late);
      try {
        return await Promise.race([ask(), late]);
      } finally {
        this.#asking -= 1;
        this.#waiting.shift()?.();
      }
    } catch (error) {
      throw error instanceof ReviewError ? error : new ReviewError(reasonOf(error));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves when there is a turn, which then is taken; rejects when `late` does. */
  async #turn(late: Promise<never>): Promise<void> {
    if (this.#asking < MAX_ASKING) {
      this.#asking += 1;
      return;
    }
    if (this.#waiting.length >= MAX_WAITING) throw new ReviewError('too many reviews are waiting');
    let begin = (): void => undefined;
    const turn = new Promise<void>((resolve) => {
      begin = () => {
        this.#asking += 1;
        resolve();
      };
      this.#waiting.push(begin);
    });
    try {
      await Promise.race([turn, late]);
    } catch (error) {
      const place = this.#waiting.indexOf(begin);
      if (place >= 0) this.#waiting.splice(place, 1);
      throw error;
    }
  }
}

/** Errors of the client carry the answer's body and headers; of these only the status is told. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'number') return `it answered ${error.code}`;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return sentence(cause).slice(0, 200);
}
