/** Metrics of continuous exports. There are few exports, so each has series of its own; they go with it. */
import type { Export } from '../../wire/exports.ts';
import type { HubState } from '../hub-state.ts';
import type { Sample } from '../metrics/bounded-samples.ts';
import type { Define } from './metrics.ts';

export function exportMetrics(state: HubState, counter: Define, gauge: Define): void {
  const each = (samples: (it: Export) => Sample[]) => (): Sample[] => (state.exports?.list ?? []).flatMap(samples);
  counter(
    'spyglass_export_flows_total',
    'Flows that the target of an export took.',
    ['export'],
    each(({ id, exported }) => [[{ export: id }, exported]]),
  );
  counter(
    'spyglass_export_lost_total',
    'Overwritten: records that left memory before they could be looked at; refused: flows that the target did not take.',
    ['export', 'cause'],
    each(({ id, lost }) => Object.entries(lost).map(([cause, count]): Sample => [{ export: id, cause }, count])),
  );
  gauge(
    'spyglass_export_waiting_records',
    'Records in memory that an export is still to look at.',
    ['export'],
    each(({ id, waiting }) => [[{ export: id }, waiting]]),
  );
}
