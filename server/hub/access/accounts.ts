/** Who may come in with a token: people and programs that read, and agents. */
import type { V1UserInfo } from '@kubernetes/client-node';
import type { Reviews } from './reviews.ts';
import type { TokenEntry, TokenFile } from './token-file.ts';
import { Visibility } from './visibility.ts';

export interface Reader {
  /** For people: `whoami`, logs. */
  name: string;
  visibility: Visibility;
}

export interface AgentAccount {
  name: string;
  /** The nodes it may speak for, null for any. */
  nodes: readonly string[] | null;
}

/** Null if nobody bears the token. Rejects if that cannot be found out. */
export type FindReader = (token: string) => Promise<Reader | null>;
export type FindAgent = (token: string) => Promise<AgentAccount | null>;

export function readersOfFile(file: TokenFile): FindReader {
  // As long as the entry is the same, so is what is worked out for its reader.
  const readers = new WeakMap<TokenEntry, Reader>();
  return (token) => {
    const entry = file.find(token);
    if (entry === null) return Promise.resolve(null);
    let reader = readers.get(entry);
    if (reader === undefined) {
      reader = { name: entry.name, visibility: entry.scope === null ? Visibility.ALL : Visibility.of(entry.scope) };
      readers.set(entry, reader);
    }
    return Promise.resolve(reader);
  };
}

export function agentsOfFile(file: TokenFile): FindAgent {
  return (token) => {
    const entry = file.find(token);
    return Promise.resolve(entry === null ? null : { name: entry.name, nodes: entry.scope });
  };
}

/** Most namespaces that are asked about for one reader; further ones stay hidden. */
const MAX_NAMESPACES = 5000;
/** Namespaces asked about at once for one reader. */
const ASKED_AT_ONCE = 16;
/** Readers whose visibility is kept, so that what is worked out for it is, too. */
const MAX_VISIBILITIES = 1000;

/** `namespaces`: those that flows are known of now. */
export function readersOfCluster(reviews: Reviews, namespaces: () => Iterable<string>): FindReader {
  const visibilities = new Map<string, Visibility>();
  return async (token) => {
    const user = await reviews.user(token, null);
    if (user === null) return null;
    const name = user.username ?? '';
    if (await reviews.mayRead(user, null)) return { name, visibility: Visibility.ALL };
    const asked = [...namespaces()].slice(0, MAX_NAMESPACES);
    const granted = await inTurns(asked, (namespace) => reviews.mayRead(user, namespace));
    const fresh = Visibility.of(asked.filter((_, i) => granted[i]));
    const visibility = visibilities.get(fresh.key) ?? fresh;
    if (visibilities.size >= MAX_VISIBILITIES) visibilities.clear();
    visibilities.set(fresh.key, visibility);
    return { name, visibility };
  };
}

/** Asks about a few at a time, so that one reader of many namespaces leaves turns to others. */
async function inTurns<T>(asked: readonly string[], ask: (namespace: string) => Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  for (let at = 0; at < asked.length; at += ASKED_AT_ONCE) {
    answers.push(...(await Promise.all(asked.slice(at, at + ASKED_AT_ONCE).map(ask))));
  }
  return answers;
}

/** Where Kubernetes writes the node of the pod that a token is bound to. */
const NODE_CLAIM = 'authentication.kubernetes.io/node-name';

/** `account`: the service account of agents, `NAMESPACE/NAME`. */
export function agentsOfCluster(reviews: Reviews, audience: string, account: string): FindAgent {
  const username = `system:serviceaccount:${account.replace('/', ':')}`;
  return async (token) => {
    const user: V1UserInfo | null = await reviews.user(token, audience);
    if (user?.username !== username) return null;
    return { name: username, nodes: user.extra?.[NODE_CLAIM] ?? null };
  };
}
