/**
 * What wiring a pod left behind, one JSON file per pod in the node's attachment directory
 * (`<uid>.json`, written by rename). CNI writes them, the agent watches them: they survive the agent.
 */
export interface Attachment {
  podUid: string;
  namespace: string;
  name: string;
  /** Number of the endpoint on this node, from 16 up, not reused while the node lives. Hubble's endpoint ID. */
  endpointId: number;
  /** Name under /run/netns of the pod's network namespace. */
  netns: string;
  /** Host side of the veth pair, in the node's namespace. */
  hostInterface: string;
  hostIfindex: number;
  /** Colon form. */
  hostMac: string;
  podMac: string;
  /** Both families, no prefix length. */
  addresses: string[];
}
