/** Renders flows in one of the formats of the export, gathering text into chunks. */
import type { Response } from 'express';
import type { GetFlowsResponse, HubbleFlow } from '../../wire/hubble.ts';
import { type CsvFormat, csvFormat } from '../../flows/flow-csv.ts';
import { formatTime, nowNs } from '../../flows/timestamp.ts';
import type { Mask } from '../field-mask.ts';
import type { FlowPage } from '../flow-reader.ts';
import { writeTo } from '../http/slow-reader.ts';
import type { FlowRequest } from './flows-request.ts';

/** Text gathered before it is written, characters. */
const CHUNK = 64 * 1024;

export class FlowWriter {
  readonly #response: Response;
  readonly #format: FlowRequest['format'];
  readonly #mask: Mask | null;
  readonly #csv: CsvFormat;
  readonly #signal: AbortSignal;
  #text = '';
  #separator = '';

  constructor(response: Response, { format, mask }: FlowRequest, signal: AbortSignal) {
    this.#response = response;
    this.#format = format;
    this.#mask = mask;
    this.#csv = csvFormat((path) => mask === null || mask.touches(path));
    this.#signal = signal;
  }

  begin(): void {
    if (this.#format === 'csv') this.#text += this.#csv.header;
    if (this.#format === 'json') this.#text += '[';
  }

  /** Resolves when there is room for more. */
  async page({ flows, lost }: FlowPage): Promise<void> {
    for (const flow of flows) this.#flow(flow);
    if (lost > 0) this.#lost(lost);
    if (this.#text.length >= CHUNK) await this.flush();
  }

  async finish(): Promise<void> {
    if (this.#format === 'json') this.#text += ']\n';
    await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    await writeTo(this.#response, text, this.#signal);
  }

  #flow(flow: HubbleFlow): void {
    if (this.#format === 'csv') {
      this.#text += this.#csv.row(flow);
      return;
    }
    // Around the flow stand its node and time, whatever the mask leaves of it: who reads on needs them.
    const kept = this.#mask === null ? flow : (this.#mask.keep(flow) as HubbleFlow);
    this.#json({ flow: kept, node_name: flow.node_name, time: flow.time });
  }

  /** Flows that were overwritten before they could be written. CSV has no row for that. */
  #lost(count: number): void {
    if (this.#format === 'csv') return;
    const lost = { source: 'HUBBLE_RING_BUFFER', num_events_lost: String(count) };
    this.#json({ lost_events: lost, node_name: '', time: formatTime(nowNs()) });
  }

  #json(line: GetFlowsResponse): void {
    if (this.#format === 'ndjson') {
      this.#text += `${JSON.stringify(line)}\n`;
      return;
    }
    this.#text += `${this.#separator}${JSON.stringify(line)}`;
    this.#separator = ',\n';
  }
}
