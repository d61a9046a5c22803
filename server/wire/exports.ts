/** Continuous exports of flows, as `/api/v1/exports` takes and shows them. */
import type { FlowFilter } from './live.ts';

/** A file in the hub's export folder, one JSON object a line, as Hubble's exporter writes them. */
export interface FileTarget {
  type: 'file';
  /** Of the file, without folder. */
  name: string;
  /** The file is put aside before it grows beyond this. */
  max_bytes: number;
  /** Files put aside that are kept. */
  backups: number;
  /** Whether those are compressed (gzip). */
  compress: boolean;
}

/** A collector that takes logs by OTLP over HTTP, JSON encoding. */
export interface OtlpTarget {
  type: 'otlp';
  /** One of those that the hub was started with, such as `https://collector:4318/v1/logs`. */
  endpoint: string;
}

export interface Export {
  id: string;
  /** RFC 3339; flows that arrive from then on are exported. */
  created: string;
  /** Query parameters of /api/v1/flows. */
  filter: FlowFilter;
  /** Paths of the fields that are exported, empty for all. */
  fields: string[];
  target: FileTarget | OtlpTarget;
  /** `retrying`: the target did not take the last flows, and `problem` says why. */
  state: 'running' | 'retrying';
  problem: string | null;
  /** Flows that the target took. */
  exported: number;
  lost: {
    /** Records that left memory before they could be looked at. */
    overwritten: number;
    /** Flows that the target refused for good. */
    refused: number;
  };
  /** Records in memory that are still to be looked at. */
  waiting: number;
}
