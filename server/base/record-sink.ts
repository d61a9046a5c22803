/** Where records drained from a ring buffer go. */
export interface RecordSink {
  /**
   * Takes one record: `words` is ring memory (valid during the call only), the record begins at word
   * `at` and is `bytes` long. Returns false if there is no room: the record stays in the ring.
   */
  take(words: Int32Array, at: number, bytes: number): boolean;
}
