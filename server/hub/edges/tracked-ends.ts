/** The ends of what agents count, an edge or a series of messages, as filters and the map see them. */
import type { EdgeCounters } from '../../wire/agent.ts';
import type { Names } from '../../flows/dictionary.ts';
import type { End } from '../../flows/facts.ts';

/** How edges and series name their ends. */
export type NamedEnds = Pick<
  EdgeCounters,
  | 'source_endpoint'
  | 'destination_endpoint'
  | 'source_identity'
  | 'destination_identity'
  | 'service_id'
  | 'port'
  | 'peer'
>;

export abstract class TrackedEnds {
  readonly names: Names;
  readonly serviceId: number;
  /** Port of the destination, 0 for ICMP. */
  readonly targetPort: number;
  /** Address of the end that is no endpoint; '' if there is none, or it is not told apart. */
  readonly peer: string;
  readonly #sourceEndpoint: number;
  readonly #destinationEndpoint: number;
  readonly #sourceIdentity: number;
  readonly #destinationIdentity: number;

  constructor(names: Names, ends: NamedEnds) {
    this.names = names;
    this.serviceId = ends.service_id;
    this.targetPort = ends.port;
    this.peer = ends.peer;
    this.#sourceEndpoint = ends.source_endpoint;
    this.#destinationEndpoint = ends.destination_endpoint;
    this.#sourceIdentity = ends.source_identity;
    this.#destinationIdentity = ends.destination_identity;
  }

  /** Whether this node only sees it arrive: the sender is a pod of another node. */
  get isArrivalOnly(): boolean {
    return this.names.endpoints.get(this.#sourceEndpoint)?.kind === 'remote';
  }

  endpoint(end: End): number {
    return end === 'source' ? this.#sourceEndpoint : this.#destinationEndpoint;
  }
  identity(end: End): number {
    return end === 'source' ? this.#sourceIdentity : this.#destinationIdentity;
  }
  port(end: End): number {
    return end === 'source' ? 0 : this.targetPort;
  }
  address(end: End): string {
    return this.endpoint(end) === 0 ? this.peer : '';
  }
  /** They are kept by endpoint, not by address: filters by address are not offered for them. */
  isIn(): boolean {
    return false;
  }

  /** As the agent names them. */
  protected namedEnds(): NamedEnds {
    return {
      source_endpoint: this.#sourceEndpoint,
      destination_endpoint: this.#destinationEndpoint,
      source_identity: this.#sourceIdentity,
      destination_identity: this.#destinationIdentity,
      service_id: this.serviceId,
      port: this.targetPort,
      peer: this.peer,
    };
  }

  protected hasEnds(names: Names, ends: NamedEnds): boolean {
    return (
      names === this.names &&
      ends.source_endpoint === this.#sourceEndpoint &&
      ends.destination_endpoint === this.#destinationEndpoint &&
      ends.source_identity === this.#sourceIdentity &&
      ends.destination_identity === this.#destinationIdentity &&
      ends.service_id === this.serviceId &&
      ends.port === this.targetPort &&
      ends.peer === this.peer
    );
  }
}
