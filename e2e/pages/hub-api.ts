/** The hub's HTTP API: what the UI shows is compared with what it says. */
import { type APIRequestContext, type APIResponse, expect } from '@playwright/test';
import type { Datapath } from '../../server/wire/datapath.ts';
import type { GetFlowsResponse } from '../../server/wire/hubble.ts';
import type { L7Row, L7Table } from '../../server/wire/l7-table.ts';
import type { FlowFilter } from '../../server/wire/live.ts';
import type { PolicyList } from '../../server/wire/policies.ts';
import type { MapEdge, ServiceMap } from '../../server/wire/service-map.ts';
import type { HubStatus } from '../../server/wire/status.ts';

export class HubApi {
  readonly #request: APIRequestContext;

  constructor(request: APIRequestContext) {
    this.#request = request;
  }

  async status(): Promise<HubStatus> {
    return (await (await this.#get('/api/v1/status')).json()) as HubStatus;
  }

  async serviceMap(): Promise<ServiceMap> {
    return (await (await this.#get('/api/v1/service-map')).json()) as ServiceMap;
  }

  async datapath(): Promise<Datapath> {
    return (await (await this.#get('/api/v1/datapath')).json()) as Datapath;
  }

  async policies(): Promise<PolicyList> {
    return (await (await this.#get('/api/v1/policies')).json()) as PolicyList;
  }

  /** Routes between workloads, over the last `seconds`. */
  async routes(seconds: number): Promise<L7Row[]> {
    const table = (await (await this.#get(`/api/v1/l7?since=${seconds}s`)).json()) as L7Table;
    return table.rows;
  }

  /** What each service answered in the last minute, whoever asked and whatever for. */
  async services(): Promise<L7Row[]> {
    const table = (await (await this.#get('/api/v1/l7?since=60s&per=target')).json()) as L7Table;
    return table.rows;
  }

  /** What passes between two workloads, given as `namespace/name`; fails if nothing does. */
  async edge(source: string, target: string): Promise<MapEdge> {
    const map = await this.serviceMap();
    const nameOf = (id: string): string => {
      const node = map.nodes.find((known) => known.id === id);
      return node === undefined ? id : `${node.namespace}/${node.name}`;
    };
    const edge = map.edges.find(
      (known) => nameOf(known.source) === source && nameOf(known.target) === target && known.packets > 0,
    );
    if (edge === undefined) throw new Error(`The hub knows no traffic from ${source} to ${target}.`);
    return edge;
  }

  /** The newest flows of the filter, oldest first; `since` and `until` are RFC 3339. */
  async flows(
    filter: FlowFilter,
    range: { last: number } | { since: string; until: string },
  ): Promise<GetFlowsResponse[]> {
    const query = new URLSearchParams({ format: 'json' });
    for (const [name, value] of Object.entries(range)) query.set(name, String(value));
    for (const [name, values] of Object.entries(filter)) for (const value of values) query.append(name, value);
    return (await (await this.#get(`/api/v1/flows?${query.toString()}`)).json()) as GetFlowsResponse[];
  }

  async #get(path: string): Promise<APIResponse> {
    const response = await this.#request.get(path);
    expect(response.status(), `${path}: ${response.statusText()}`).toBe(200);
    return response;
  }
}
