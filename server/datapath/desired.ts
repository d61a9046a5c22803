/**
 * Cluster state -> what the maps should hold, and the descriptions hubs need. Pure but for the numbers
 * drawn from the allocators. Generations are left 0 here: the reconciler sets them where it writes.
 */
import type { Attachment } from '../cluster/attachment.ts';
import type { ClusterState, Pod } from '../cluster/model.ts';
import { parseAddress } from '../wire/address.ts';
import {
  ADDRESS_SUBJECT,
  ENDPOINT,
  INTERFACE_OWNER,
  IPCACHE_KEY,
  IPCACHE_VALUE,
  SERVICE_SUBJECT,
} from '../kernel/layouts.gen.ts';
import { packStruct, uint32 } from '../wire/struct.ts';
import type { EndpointEntry, IdentityEntry, ServiceEntry } from '../wire/agent.ts';
import { IDENTITY } from '../wire/lists.gen.ts';
import { IdAllocator } from './id-allocator.ts';
import { FIRST_IDENTITY, identityLabels, reservedLabels } from './identity.ts';
import type { MapContents } from './map-writer.ts';
import { PoolTables } from './service-pools.ts';
import { type DesiredService, desiredServices, ServiceMemory } from './services.ts';

/** Ref of the node itself; pods count from 16. */
export const HOST_ENDPOINT = 1;

export interface Allocators {
  identities: IdAllocator;
  services: IdAllocator;
  pools: IdAllocator;
  backends: IdAllocator;
  tables: PoolTables;
  memory: ServiceMemory;
}

export function newAllocators(): Allocators {
  return {
    identities: new IdAllocator(FIRST_IDENTITY),
    // Their generations lie side by side in an array.
    services: new IdAllocator(1, ADDRESS_SUBJECT - SERVICE_SUBJECT - 1),
    pools: new IdAllocator(1),
    backends: new IdAllocator(1),
    tables: new PoolTables(),
    memory: new ServiceMemory(),
  };
}

export interface Desired {
  /** Value: struct endpoint with generation 0. */
  endpoints: MapContents;
  interfaces: MapContents;
  ipcache: MapContents;
  /** By service id. */
  services: Map<number, DesiredService>;
  dictionary: { endpoints: EndpointEntry[]; services: ServiceEntry[]; identities: IdentityEntry[] };
  /** Pods that are wired but have something wrong: one sentence each. */
  problems: string[];
}

/** What `nodeName` should forward, given the cluster and the pods wired on it. */
export function desiredState(
  state: ClusterState,
  attachments: readonly Attachment[],
  nodeName: string,
  ids: Allocators,
): Desired {
  const desired: Desired = {
    endpoints: new Map(),
    interfaces: new Map(),
    ipcache: new Map(),
    services: new Map(),
    dictionary: { endpoints: [], services: [], identities: [] },
    problems: [],
  };
  addNodes(state, nodeName, desired);
  addPods(state, attachments, ids, desired);
  const refs = refsByUid(state, attachments);
  const { byService, entries } = desiredServices({ state, nodeName, refs }, ids, desired.problems);
  desired.services = byService;
  desired.dictionary.services = entries;
  for (const identity of Object.values(IDENTITY)) {
    desired.dictionary.identities.push({ identity, labels: reservedLabels(identity) });
  }
  return desired;
}

function put(map: MapContents, key: Buffer, value: Buffer): void {
  map.set(key.toString('hex'), { key, value });
}

/** The 16 bytes of an address from the API; undefined (and a problem noted) if it is none. */
function addressBytes(text: string, owner: string, problems: string[]): Buffer | undefined {
  const bytes = parseAddress(text);
  if (bytes === null) problems.push(`${owner} has the address "${text}", which is none; it is left out`);
  return bytes === null ? undefined : Buffer.from(bytes);
}

function addNodes(state: ClusterState, nodeName: string, desired: Desired): void {
  for (const node of state.nodes) {
    const local = node.name === nodeName;
    const identity = local ? IDENTITY.HOST : IDENTITY.REMOTE_NODE;
    const endpoint = local ? HOST_ENDPOINT : 0;
    for (const text of node.addresses) {
      const address = addressBytes(text, `node ${node.name}`, desired.problems);
      if (address === undefined) continue;
      put(
        desired.ipcache,
        packStruct(IPCACHE_KEY, { prefix_length: 128, address }),
        packStruct(IPCACHE_VALUE, { identity, endpoint }),
      );
    }
    if (!local) continue;
    desired.dictionary.endpoints.push({
      ref: HOST_ENDPOINT,
      kind: 'host',
      namespace: '',
      name: node.name,
      addresses: node.addresses,
      identity,
      labels: reservedLabels(identity),
      workload: null,
      created: '',
    });
  }
}

function addPods(state: ClusterState, attachments: readonly Attachment[], ids: Allocators, desired: Desired): void {
  const namespaces = new Map(state.namespaces.map((it) => [it.name, it]));
  const wired = new Map(attachments.map((it) => [it.podUid, it]));
  const used = new Set<string>();
  for (const pod of state.pods) {
    if (pod.hostNetwork) continue;
    const labels = identityLabels(pod, namespaces.get(pod.namespace));
    const key = labels.join(',');
    used.add(key);
    const identity = ids.identities.get(key);
    const attachment = wired.get(pod.uid);
    if (attachment !== undefined) addLocalPod(pod, attachment, identity, labels, desired);
    else addRemotePod(pod, identity, desired);
    desired.dictionary.identities.push({ identity, labels });
  }
  ids.identities.retain(used);
}

function addLocalPod(pod: Pod, at: Attachment, identity: number, labels: string[], desired: Desired): void {
  const value = packStruct(ENDPOINT, {
    interface: at.hostIfindex,
    id: at.endpointId,
    identity,
    mac: macBytes(at.podMac),
    host_mac: macBytes(at.hostMac),
  });
  put(desired.interfaces, uint32(at.hostIfindex), packStruct(INTERFACE_OWNER, { endpoint: at.endpointId, identity }));
  for (const text of at.addresses) {
    const address = addressBytes(text, `pod ${pod.namespace}/${pod.name}`, desired.problems);
    if (address !== undefined) put(desired.endpoints, address, value);
  }
  desired.dictionary.endpoints.push({
    ref: at.endpointId,
    kind: 'pod',
    namespace: pod.namespace,
    name: pod.name,
    addresses: at.addresses,
    identity,
    labels,
    workload: pod.workload,
    created: pod.creationTimestamp,
  });
}

function addRemotePod(pod: Pod, identity: number, desired: Desired): void {
  for (const text of pod.podIPs) {
    const address = addressBytes(text, `pod ${pod.namespace}/${pod.name}`, desired.problems);
    if (address === undefined) continue;
    put(
      desired.ipcache,
      packStruct(IPCACHE_KEY, { prefix_length: 128, address }),
      packStruct(IPCACHE_VALUE, { identity }),
    );
  }
}

function refsByUid(state: ClusterState, attachments: readonly Attachment[]): ReadonlyMap<string, number> {
  const pods = new Set(state.pods.map((it) => it.uid));
  return new Map(attachments.filter((it) => pods.has(it.podUid)).map((it) => [it.podUid, it.endpointId]));
}

function macBytes(text: string): Uint8Array {
  return Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16));
}
