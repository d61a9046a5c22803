/** What `up` and its prober say to each other over the channel between them. */
import type { Probe } from '../../cluster/plan.ts';

/** To the prober: probe this address from now on, or (null) no longer. */
export interface ProbeOrder {
  id: string;
  target: { address: string; probe: Probe } | null;
}

/** From the prober, whenever it changes. What it has not spoken of is not ready. */
export interface ProbeVerdict {
  id: string;
  ready: boolean;
}
