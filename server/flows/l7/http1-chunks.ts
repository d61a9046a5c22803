/** The chunks of a body (RFC 9112, 7.1): only where it ends is of interest. */

const LF = 10;
const CR = 13;

const STATE = { size: 0, extension: 1, data: 2, dataEnd: 3, trailerStart: 4, trailer: 5, done: 6, broken: 7 } as const;

/** Hexadecimal digits of a chunk's size; more are no size. */
const MAX_DIGITS = 12;

export class ChunkedBody {
  #state: (typeof STATE)[keyof typeof STATE] = STATE.done;
  #left = 0;
  #digits = 0;

  begin(): void {
    this.#state = STATE.size;
    this.#left = 0;
    this.#digits = 0;
  }

  get isDone(): boolean {
    return this.#state === STATE.done;
  }

  get isBroken(): boolean {
    return this.#state === STATE.broken;
  }

  /** `length` bytes were not seen. @returns false if more is missing than the data of one chunk. */
  skip(length: number): boolean {
    if (this.#state !== STATE.data || length > this.#left) return false;
    this.#left -= length;
    if (this.#left === 0) this.#state = STATE.dataEnd;
    return true;
  }

  /** Takes bytes from `from` on, up to the end of the body at most. @returns where to go on. */
  data(bytes: Buffer, from: number): number {
    let at = from;
    while (at < bytes.length && this.#state < STATE.done) {
      if (this.#state === STATE.data) {
        const take = Math.min(this.#left, bytes.length - at);
        this.#left -= take;
        at += take;
        if (this.#left === 0) this.#state = STATE.dataEnd;
      } else {
        this.#byte(bytes[at] as number);
        at++;
      }
    }
    return at;
  }

  #byte(byte: number): void {
    switch (this.#state) {
      case STATE.size: {
        const digit = hexDigit(byte);
        if (digit >= 0 && this.#digits < MAX_DIGITS) {
          this.#left = this.#left * 16 + digit;
          this.#digits++;
        } else if (digit >= 0 || this.#digits === 0) {
          this.#state = STATE.broken;
        } else {
          this.#state = STATE.extension;
          this.#byte(byte);
        }
        break;
      }
      case STATE.extension:
        if (byte === LF) {
          this.#digits = 0;
          this.#state = this.#left > 0 ? STATE.data : STATE.trailerStart;
        }
        break;
      case STATE.dataEnd:
        if (byte === LF) this.#state = STATE.size;
        else if (byte !== CR) this.#state = STATE.broken;
        break;
      case STATE.trailerStart:
        if (byte === LF) this.#state = STATE.done;
        else if (byte !== CR) this.#state = STATE.trailer;
        break;
      case STATE.trailer:
        if (byte === LF) this.#state = STATE.trailerStart;
        break;
      case STATE.data:
      case STATE.done:
      case STATE.broken:
        break;
    }
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 0x20;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}
