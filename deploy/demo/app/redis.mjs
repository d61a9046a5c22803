/** A Redis client of a page: one connection, commands in order, connected again when it breaks. */
import { connect } from 'node:net';

const TIMEOUT_MS = 2000;

export class Redis {
  #host;
  #port;
  #socket;
  #waiting = [];
  #buffer = '';

  /** @param {string} address such as `cache:6379` */
  constructor(address) {
    const [host, port] = address.split(':');
    this.#host = host;
    this.#port = Number(port);
  }

  /**
   * Sends one command and gives its reply, null for a missing value.
   * @param {string[]} words
   * @returns {Promise<string | null>}
   */
  command(...words) {
    const socket = (this.#socket ??= this.#open());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      socket.write(`*${words.length}\r\n${words.map((it) => `$${Buffer.byteLength(it)}\r\n${it}\r\n`).join('')}`);
    });
  }

  #open() {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true });
    const broken = (why) => () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#buffer = '';
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`redis ${why}`));
      socket.destroy();
    };
    socket.setEncoding('utf8');
    socket.on('data', (part) => this.#read(part));
    socket.on('error', broken('failed')).on('close', broken('closed'));
    // Silence is only wrong while somebody waits for a reply.
    socket.setTimeout(TIMEOUT_MS, () => this.#waiting.length > 0 && broken('is silent')());
    return socket;
  }

  #read(part) {
    this.#buffer += part;
    for (;;) {
      const end = this.#buffer.indexOf('\r\n');
      if (end < 0) return;
      const line = this.#buffer.slice(1, end);
      let reply = line;
      let next = end + 2;
      if (this.#buffer[0] === '$' && line !== '-1') {
        next = end + 2 + Number(line) + 2;
        if (this.#buffer.length < next) return;
        reply = this.#buffer.slice(end + 2, next - 2);
      } else if (this.#buffer[0] === '$') {
        reply = null;
      }
      const failed = this.#buffer[0] === '-';
      this.#buffer = this.#buffer.slice(next);
      const waiting = this.#waiting.shift();
      if (failed) waiting?.reject(new Error(`redis: ${line}`));
      else waiting?.resolve(reply);
    }
  }
}
