/** What a backend that goes costs the other ones' connections: Maglev's tables against the ideal, and against hash % N. */
import { tableSize } from '../../server/datapath/maglev.ts';
import { keepResults } from '../lib/results.ts';
import { backendNames, disruption } from './disruption.ts';

const COUNTS = [2, 3, 4, 5, 10, 20, 40, 41, 100, 250];
const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;

const raw = COUNTS.map((count) => {
  const size = tableSize(count);
  const after = tableSize(count - 1);
  const { ideal, measured, worst } = disruption(backendNames(count), size, after);
  // Of a plain remainder, what stays is where h % N and h % (N - 1) name the same backend.
  return { backends: count, size, after, ideal, measured, worst, plain: 1 - 1 / count };
});

await keepResults('maglev', {
  title: 'Connections that get another backend when one of N goes',
  method: [
    'The tables that the agent writes are computed for N backends and, for each of them in turn, for the N - 1 others. A share is that of all hash values whose backend differs; at least those of the backend that goes must move (ideal). Existing connections do not move at all: their backend is kept in the flow cache. The shares matter for connections whose entry is gone, and between nodes. Where the table changes its size with the number of backends, nearly all move.',
  ],
  tables: [
    {
      caption: 'One of N backends goes',
      columns: ['N', 'table size', 'size after', 'ideal', 'measured (mean)', 'measured (worst)', 'hash % N'],
      rows: raw.map((it) => [
        String(it.backends),
        String(it.size),
        String(it.after),
        percent(it.ideal),
        percent(it.measured),
        percent(it.worst),
        percent(it.plain),
      ]),
    },
  ],
  raw,
});
