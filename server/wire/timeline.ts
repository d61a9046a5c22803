/** What `/api/v1/timeline` answers: how much happened when, for a control that picks a time. */
export interface TimelineTotals {
  /** RFC 3339; begin of the first bucket, end of the last. */
  window: { since: string; until: string };
  /** Length of a bucket, seconds. */
  bucket_s: number;
  /** In the order of time, without gaps. */
  buckets: TimelineBucket[];
  /** Time of the oldest flow that is kept, RFC 3339; null without any. */
  oldest: string | null;
}

export interface TimelineBucket {
  /** Records of flows. */
  flows: number;
  /** Dropped packets. */
  drops: number;
  /** Records of this time are missing. */
  lost: boolean;
}
