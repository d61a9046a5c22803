/** The agent's report of L7 metrics, in messages that hubs take. */
import type { DnsName, L7Report, L7Series } from '../../wire/l7.ts';

/** Bytes of one message, as estimated below: well under MAX_AGENT_MESSAGE. */
const PART_BYTES = 1024 * 1024;
/** Keys and numbers of a series, of a name, and one count with its bucket or code. */
const SERIES_BYTES = 400;
const NAME_BYTES = 40;
const COUNT_BYTES = 16;

/** The report in parts, at least one. Every part carries the losses, which are cumulative. */
export function reportParts(report: L7Report): L7Report[] {
  const { time_ns, losses } = report;
  const parts: L7Report[] = [];
  let part: L7Report = { time_ns, series: [], names: [], losses };
  let bytes = 0;
  const makeRoom = (size: number): void => {
    if (bytes > 0 && bytes + size > PART_BYTES) {
      parts.push(part);
      part = { time_ns, series: [], names: [], losses };
      bytes = 0;
    }
    bytes += size;
  };
  for (const series of report.series) {
    makeRoom(seriesBytes(series));
    part.series.push(series);
  }
  for (const name of report.names) {
    makeRoom(nameBytes(name));
    part.names.push(name);
  }
  parts.push(part);
  return parts;
}

function seriesBytes({ route, peer, codes, latency }: L7Series): number {
  // A character takes up to three bytes in UTF-8.
  return (
    SERIES_BYTES + 3 * (route.length + peer.length) + COUNT_BYTES * latency.length + 4 * COUNT_BYTES * codes.length
  );
}

function nameBytes({ address, name }: DnsName): number {
  return NAME_BYTES + 3 * (address.length + name.length);
}
