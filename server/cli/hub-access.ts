/** The options of `spyglass hub` that say who may use it, and by which certificate it is known. */
import { InvalidArgumentError, Option } from 'commander';
import type { Logger } from 'pino';
import { EXIT_USAGE, Failure, sentence } from '../base/failure.ts';
import type { AccessOptions, AuthMode } from '../hub/access/access.ts';
import { agentsOfCluster, agentsOfFile, readersOfCluster, readersOfFile } from '../hub/access/accounts.ts';
import { clusterApis, Reviews } from '../hub/access/reviews.ts';
import { TokenFile } from '../hub/access/token-file.ts';
import type { HubState } from '../hub/hub-state.ts';
import { TlsFiles } from '../hub/tls-files.ts';

export interface AccessFlags {
  auth: AuthMode;
  authTokenFile?: string;
  agentTokenFile?: string;
  agentAccount: string;
  agentAudience: string;
  tlsCert?: string;
  tlsKey?: string;
  allowedHost: string[];
}

export function accessOptions(): Option[] {
  return [
    new Option('--auth <how>', 'who may read: whoever is on this machine, who has a token of a file, or of Kubernetes')
      .choices(['none', 'token', 'kubernetes'])
      .default('none'),
    new Option(
      '--auth-token-file <file>',
      'for --auth token: readers, made by "spyglass token"; followed while running',
    ),
    new Option('--agent-token-file <file>', 'agents, the same way'),
    new Option('--agent-account <namespace/name>', 'for --auth kubernetes: agents')
      .argParser(account)
      .default('spyglass/spyglass-agent'),
    new Option('--agent-audience <name>', 'for --auth kubernetes: what tokens of agents are made for').default(
      'spyglass-hub',
    ),
    new Option('--tls-cert <file>', 'certificate chain of pages, API and Hubble API, PEM; followed while running'),
    new Option('--tls-key <file>', 'its key, PEM'),
    new Option('--allowed-host <name>', 'name by which browsers reach the hub, may be repeated')
      .argParser(host)
      .default([], 'none'),
  ];
}

/** Throws a Failure for options that do not go together, and files that cannot be used. */
export async function readAccess(flags: AccessFlags, log: Logger): Promise<(state: HubState) => AccessOptions> {
  const { auth, authTokenFile, agentTokenFile, agentAccount, agentAudience } = flags;
  if (auth === 'token' && (authTokenFile === undefined || agentTokenFile === undefined)) {
    throw usage('--auth token takes --auth-token-file and --agent-token-file; "spyglass token" makes their lines.');
  }
  if (auth !== 'token' && authTokenFile !== undefined) throw usage('--auth-token-file is for --auth token.');
  if (auth === 'kubernetes') {
    if (agentTokenFile !== undefined) {
      throw usage('With --auth kubernetes agents show tokens of their service account; leave out --agent-token-file.');
    }
    const reviews = new Reviews(await apis());
    const agents = agentsOfCluster(reviews, agentAudience, agentAccount);
    return (state) => ({ mode: auth, readers: readersOfCluster(reviews, () => state.namespaces), agents });
  }
  const agents = agentTokenFile === undefined ? null : agentsOfFile(new TokenFile(agentTokenFile, log));
  const readers = authTokenFile === undefined ? null : readersOfFile(new TokenFile(authTokenFile, log));
  return () => ({ mode: auth, readers, agents });
}

export function readTls({ tlsCert, tlsKey }: AccessFlags, log: Logger): TlsFiles | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw usage('TLS takes both --tls-cert and --tls-key; give the other one, too.');
  }
  return new TlsFiles(tlsCert, tlsKey, log);
}

async function apis(): ReturnType<typeof clusterApis> {
  try {
    return await clusterApis();
  } catch (error) {
    throw new Failure(
      `There is no Kubernetes API server to ask (${sentence(error)}); run in a pod, or set KUBECONFIG.`,
      { cause: error },
    );
  }
}

function usage(message: string): Failure {
  return new Failure(message, { exitCode: EXIT_USAGE });
}

function account(text: string): string {
  if (!/^[a-z0-9][a-z0-9-]*\/[a-z0-9][a-z0-9.-]*$/.test(text))
    throw new InvalidArgumentError('It must be NAMESPACE/NAME.');
  return text;
}

function host(text: string, before: string[]): string[] {
  if (!/^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(text)) {
    throw new InvalidArgumentError('It must be a name such as spyglass.example.com, without scheme and port.');
  }
  return [...before, text];
}
