/**
 * Layout in a worker (elk's own), one request at a time. A request that a newer one has overtaken
 * resolves to null: its answer is for a picture nobody wants any more.
 */
import ELK, { type ELK as Elk } from 'elkjs/lib/elk-api.js';
import elkWorkerUrl from 'elkjs/lib/elk-worker.min.js?url';
import { MANY_NODES, type Places } from './graph/groups.ts';
import { elkGraph, readLayout } from './graph/layout.ts';
import type { Graph } from './graph/model.ts';
import { quickLayout } from './graph/quick-layout.ts';

export class LayoutClient {
  readonly #elk: Elk;
  #request = 0;

  constructor() {
    this.#elk = new ELK({ workerFactory: () => new Worker(elkWorkerUrl) });
  }

  /** @returns the layout, null if another request was made meanwhile. Rejects if elk cannot lay it out. */
  async layout(graph: Graph): Promise<Places | null> {
    const request = ++this.#request;
    if (graph.nodes.size > MANY_NODES) return quickLayout(graph);
    const answer = await this.#elk.layout(elkGraph(graph));
    return request === this.#request ? readLayout(graph, answer) : null;
  }

  close(): void {
    this.#request++;
    this.#elk.terminateWorker();
  }
}
