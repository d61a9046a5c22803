/**
 * Cluster state -> what the maps should hold, and the descriptions hubs need. The result depends on the
 * arguments and on the numbers drawn from the allocators alone; what is remembered from call to call only
 * saves work. Generations are left 0 here: the reconciler sets them where it writes.
 */
import type { Attachment } from '../cluster/attachment.ts';
import type { ClusterState } from '../cluster/model.ts';
import { ADDRESS_SUBJECT, FIRST_CIDR_IDENTITY, SERVICE_SUBJECT } from '../kernel/layouts.gen.ts';
import type {
  EndpointEntry,
  IdentityEntry,
  PolicyEntry,
  PolicyProblemEntry,
  RuleEntry,
  ServiceEntry,
} from '../wire/agent.ts';
import { IDENTITY } from '../wire/lists.gen.ts';
import { AddressPlanner, type LocalPod } from './address-plan.ts';
import { IdAllocator } from './id-allocator.ts';
import { FIRST_IDENTITY, LAST_IDENTITY, reservedLabels } from './identity.ts';
import type { MapContents } from './map-writer.ts';
import type { SubjectPolicy } from './policy-entry.ts';
import { PolicyPlanner } from './policy-planner.ts';
import { PoolTables } from './service-pools.ts';
import { type DesiredService, desiredServices, ServiceMemory } from './services.ts';

export interface Allocators {
  identities: IdAllocator;
  cidrs: IdAllocator;
  rules: IdAllocator;
  services: IdAllocator;
  pools: IdAllocator;
  backends: IdAllocator;
  tables: PoolTables;
  memory: ServiceMemory;
  /** What was worked out with these numbers for earlier states. */
  policy: PolicyPlanner;
  addresses: AddressPlanner;
}

export function newAllocators(): Allocators {
  const ids = {
    identities: new IdAllocator(FIRST_IDENTITY, LAST_IDENTITY),
    cidrs: new IdAllocator(FIRST_CIDR_IDENTITY),
    rules: new IdAllocator(1),
    // Their generations lie side by side in an array.
    services: new IdAllocator(1, ADDRESS_SUBJECT - SERVICE_SUBJECT - 1),
    pools: new IdAllocator(1),
    backends: new IdAllocator(1),
    tables: new PoolTables(),
    memory: new ServiceMemory(),
  };
  const policy = new PolicyPlanner(ids);
  return { ...ids, policy, addresses: new AddressPlanner(policy) };
}

export interface Desired {
  /** Value: struct endpoint with generation 0. */
  endpoints: MapContents;
  interfaces: MapContents;
  ipcache: MapContents;
  /** By identity of the subject. */
  policy: ReadonlyMap<number, SubjectPolicy>;
  /** Every identity that is behind an address: policy entries that name another one are of no use. */
  peers: { has(identity: number): boolean };
  /** By service id. */
  services: Map<number, DesiredService>;
  dictionary: {
    endpoints: EndpointEntry[];
    services: ServiceEntry[];
    identities: IdentityEntry[];
    rules: RuleEntry[];
    policies: PolicyEntry[];
    policy_problems: PolicyProblemEntry[];
  };
  /** Pods that are wired but have something wrong: one sentence each. */
  problems: string[];
}

/** Refused policies that hubs are told of. */
const MAX_PROBLEMS = 1000;

const RESERVED: readonly IdentityEntry[] = Object.values(IDENTITY).map((identity) => ({
  identity,
  labels: reservedLabels(identity),
}));

/** What `nodeName` should forward, given the cluster and the pods wired on it. */
export function desiredState(
  state: ClusterState,
  attachments: readonly Attachment[],
  nodeName: string,
  ids: Allocators,
): Desired {
  ids.policy.update(state);
  const local = localPods(state, attachments, ids.policy);
  const policy = ids.policy.compile(local.flatMap(({ workload }) => workload ?? []));
  const addresses = ids.addresses.plan(state, local, nodeName, policy);
  const refs = refsByUid(state, attachments);
  const services = desiredServices({ state, nodeName, refs }, ids, addresses.problems);
  const { identities, blocks } = ids.policy;
  const blockIdentities = new Set(blocks.all.map((it) => it.identity));
  return {
    endpoints: addresses.endpoints,
    interfaces: addresses.interfaces,
    ipcache: addresses.ipcache,
    policy,
    peers: { has: (it) => it === 0 || identities.all.has(it) || blockIdentities.has(it) },
    services: services.byService,
    dictionary: {
      endpoints: addresses.entries,
      services: services.entries,
      identities: [
        ...RESERVED,
        ...Array.from(identities.all.values(), (it) => it.entry),
        ...blocks.all.map((it) => it.entry),
      ],
      ...ids.policy.report(refsByIdentity(local)),
      policy_problems: state.policyProblems.slice(0, MAX_PROBLEMS),
    },
    problems: addresses.problems,
  };
}

function localPods(state: ClusterState, attachments: readonly Attachment[], policy: PolicyPlanner): LocalPod[] {
  const wired = new Set(attachments.map((it) => it.podUid));
  const pods = new Map(state.pods.filter((it) => wired.has(it.uid)).map((it) => [it.uid, it]));
  return attachments.map((at) => {
    const pod = pods.get(at.podUid);
    return { at, pod, workload: pod === undefined ? undefined : policy.identities.of(pod) };
  });
}

function refsByIdentity(local: readonly LocalPod[]): Map<number, number[]> {
  const refs = new Map<number, number[]>();
  for (const { at, workload } of local) {
    if (workload === undefined) continue;
    refs.set(workload.identity, [...(refs.get(workload.identity) ?? []), at.endpointId]);
  }
  return refs;
}

function refsByUid(state: ClusterState, attachments: readonly Attachment[]): ReadonlyMap<string, number> {
  const pods = new Set(state.pods.map((it) => it.uid));
  return new Map(attachments.filter((it) => pods.has(it.podUid)).map((it) => [it.podUid, it.endpointId]));
}
