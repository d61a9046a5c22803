/** Where one direction of a connection is, by TCP's sequence numbers, which wrap. */
export class ByteOrder {
  #isKnown = false;
  /** Of the byte that the parser gets next. */
  #next = 0;
  /** Of the byte after the last packet: what lies between was left out, unless another capture of that packet comes. */
  #end = 0;
  /** Of the capture placed last: bytes that are missing before it, and bytes of it that came before. */
  missing = 0;
  seen = 0;

  /** A capture of `captured` bytes, of a packet that has `length` from there on. `isFirst`: nothing was before it. */
  place(sequence: number, captured: number, length: number, isFirst: boolean): void {
    const end = (sequence + length) | 0;
    this.seen = 0;
    if (this.#isKnown) {
      const ahead = (sequence - this.#next) | 0;
      this.missing = Math.max(0, ahead);
      this.seen = Math.min(captured, Math.max(0, -ahead));
      if (((end - this.#end) | 0) > 0) this.#end = end;
    } else {
      this.#isKnown = true;
      this.#end = end;
      // How much came before is not known, only that something did.
      this.missing = isFirst ? 0 : 1;
    }
    if (this.seen < captured) this.#next = (sequence + captured) | 0;
  }

  /** Bytes left out at the end of the last packet, which will not come any more. Told once. */
  takeRest(): number {
    const left = Math.max(0, (this.#end - this.#next) | 0);
    if (left > 0) this.#next = this.#end;
    return left;
  }
}
