/**
 * Who is behind each address: entries of `endpoints` (pods of this node), `interfaces` and `ipcache` (all
 * others, and the blocks of policies), and what hubs are told about them. Generations are left 0 here.
 */
import { addressNumber, bytesOf } from '../cluster/address-block.ts';
import type { Attachment } from '../cluster/attachment.ts';
import { l7Mode } from '../cluster/l7-annotation.ts';
import type { ClusterState, Pod } from '../cluster/model.ts';
import {
  ENDPOINT,
  INTERFACE_OWNER,
  IPCACHE_KEY,
  IPCACHE_VALUE,
  ISOLATED_EGRESS,
  ISOLATED_INGRESS,
} from '../kernel/layouts.gen.ts';
import type { EndpointEntry } from '../wire/agent.ts';
import { IDENTITY } from '../wire/lists.gen.ts';
import { packStruct, uint32 } from '../wire/struct.ts';
import type { MapContents } from './map-writer.ts';
import { reservedLabels, type Workload } from './identity.ts';
import type { SubjectPolicy } from './policy-entry.ts';
import type { PolicyPlanner } from './policy-planner.ts';

/** Ref of the node itself; pods count from 16. */
export const HOST_ENDPOINT = 1;

export interface AddressPlan {
  endpoints: MapContents;
  interfaces: MapContents;
  ipcache: MapContents;
  entries: EndpointEntry[];
  problems: string[];
}

interface KeptEntry {
  identity: number;
  blocks: number;
  entries: { hex: string; key: Buffer; value: Buffer }[];
}

/** A pod of this node: wired, and known to the cluster or not yet. */
export interface LocalPod {
  at: Attachment;
  pod: Pod | undefined;
  workload: Workload | undefined;
}

export class AddressPlanner {
  readonly #policy: PolicyPlanner;
  /** ipcache entries of pods elsewhere, by pod object: sources make a new one when a pod changes. */
  readonly #kept = new WeakMap<Pod, KeptEntry>();

  constructor(policy: PolicyPlanner) {
    this.#policy = policy;
  }

  /** `policies`: contents of the policy map by subject. */
  plan(
    state: ClusterState,
    local: readonly LocalPod[],
    nodeName: string,
    policies: ReadonlyMap<number, SubjectPolicy>,
  ): AddressPlan {
    const plan: AddressPlan = {
      endpoints: new Map(),
      interfaces: new Map(),
      ipcache: new Map(),
      entries: [],
      problems: [],
    };
    this.#addBlocks(plan);
    this.#addNodes(state, nodeName, plan);
    this.#addApiServer(state, plan);
    const wired = new Set(local.map((it) => it.at.podUid));
    for (const pod of state.pods) if (!pod.hostNetwork && !wired.has(pod.uid)) this.#addOther(pod, nodeName, plan);
    for (const it of local) this.#addLocal(it, policies, plan);
    return plan;
  }

  #addBlocks(plan: AddressPlan): void {
    for (const { block, identity } of this.#policy.blocks.all) {
      const key = packStruct(IPCACHE_KEY, { prefix_length: block.bits, address: bytesOf(block.first) });
      put(plan.ipcache, key, packStruct(IPCACHE_VALUE, { identity, cidr: identity }));
    }
  }

  #addNodes(state: ClusterState, nodeName: string, plan: AddressPlan): void {
    for (const node of state.nodes) {
      const isLocal = node.name === nodeName;
      const identity = isLocal ? IDENTITY.HOST : IDENTITY.REMOTE_NODE;
      const endpoint = isLocal ? HOST_ENDPOINT : 0;
      for (const text of node.addresses) this.#putAddress(text, `node ${node.name}`, { identity, endpoint }, plan);
      if (!isLocal) continue;
      plan.entries.push({
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

  /** The API server's addresses are the endpoints of the Service `kubernetes` (Kubernetes, "Services"). */
  #addApiServer(state: ClusterState, plan: AddressPlan): void {
    for (const slice of state.endpointSlices) {
      if (slice.namespace !== 'default' || slice.serviceName !== 'kubernetes') continue;
      for (const text of slice.endpoints.flatMap((it) => it.addresses)) {
        const number = addressNumber(text);
        const known = number === null ? undefined : plan.ipcache.get(addressKey(number).toString('hex'));
        if (known?.value.readUInt32LE(IPCACHE_VALUE.fields.identity.offset) === IDENTITY.HOST) continue;
        this.#putAddress(text, 'the Service default/kubernetes', { identity: IDENTITY.KUBE_APISERVER }, plan);
      }
    }
  }

  #addOther(pod: Pod, nodeName: string, plan: AddressPlan): void {
    const workload = this.#policy.identities.of(pod);
    // A pod of this node that is not wired does not pass our programs: it is nobody policies could name.
    const identity = pod.nodeName === nodeName || workload === undefined ? IDENTITY.UNMANAGED : workload.identity;
    const { revision } = this.#policy.blocks;
    let kept = this.#kept.get(pod);
    if (kept === undefined || kept.identity !== identity || kept.blocks !== revision) {
      const made: AddressPlan['ipcache'] = new Map();
      for (const text of pod.podIPs) {
        this.#putAddress(text, `pod ${pod.namespace}/${pod.name}`, { identity }, { ...plan, ipcache: made });
      }
      kept = { identity, blocks: revision, entries: Array.from(made, ([hex, it]) => ({ hex, ...it })) };
      // What could not be read is said each time.
      if (made.size === pod.podIPs.length) this.#kept.set(pod, kept);
    }
    // The address of a pod that ends may have been given to another one.
    for (const it of kept.entries) if (!pod.terminating || !plan.ipcache.has(it.hex)) plan.ipcache.set(it.hex, it);
  }

  #addLocal({ at, pod, workload }: LocalPod, policies: ReadonlyMap<number, SubjectPolicy>, plan: AddressPlan): void {
    // Until the cluster says who a pod is, nothing may reach it and it may reach nothing.
    const identity = workload?.identity ?? IDENTITY.INIT;
    const isolated =
      workload === undefined ? ISOLATED_INGRESS | ISOLATED_EGRESS : (policies.get(workload.identity)?.isolated ?? 0);
    const l7 = l7Mode(pod?.annotations ?? {});
    if (l7.problem !== null) plan.problems.push(`pod ${at.namespace}/${at.name}: ${l7.problem}`);
    const fields = {
      interface: at.hostIfindex,
      id: at.endpointId,
      identity,
      isolated,
      l7_mode: l7.mode,
      mac: macBytes(at.podMac),
      host_mac: macBytes(at.hostMac),
    };
    const owner = packStruct(INTERFACE_OWNER, { endpoint: at.endpointId, identity });
    put(plan.interfaces, uint32(at.hostIfindex), owner);
    for (const text of at.addresses) {
      const address = readAddress(text, `pod ${at.namespace}/${at.name}`, plan.problems);
      if (address === null) continue;
      put(plan.endpoints, bytesOf(address), packStruct(ENDPOINT, { ...fields, cidr: this.#policy.blocks.of(address) }));
    }
    plan.entries.push({
      ref: at.endpointId,
      kind: 'pod',
      namespace: at.namespace,
      name: at.name,
      addresses: at.addresses,
      identity,
      labels: workload?.entry.labels ?? reservedLabels(identity),
      workload: pod?.workload ?? null,
      created: pod?.creationTimestamp ?? '',
    });
  }

  #putAddress(
    text: string,
    owner: string,
    value: { identity: number; endpoint?: number },
    plan: Pick<AddressPlan, 'ipcache' | 'problems'>,
  ): void {
    const address = readAddress(text, owner, plan.problems);
    if (address === null) return;
    put(
      plan.ipcache,
      addressKey(address),
      packStruct(IPCACHE_VALUE, { ...value, cidr: this.#policy.blocks.of(address) }),
    );
  }
}

function addressKey(address: bigint): Buffer {
  return packStruct(IPCACHE_KEY, { prefix_length: 128, address: bytesOf(address) });
}

function put(map: MapContents, key: Buffer, value: Buffer): void {
  map.set(key.toString('hex'), { key, value });
}

/** The number of an address from the API; null (and a problem noted) if it is none. */
function readAddress(text: string, owner: string, problems: string[]): bigint | null {
  const address = addressNumber(text);
  if (address === null) problems.push(`${owner} has the address "${text}", which is none; it is left out`);
  return address;
}

function macBytes(text: string): Uint8Array {
  return Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16));
}
