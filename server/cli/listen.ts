/** The value of `--listen`, the same for all verbs that serve. */
import { InvalidArgumentError } from 'commander';

export interface ListenAddress {
  /** Name or address, IPv6 in brackets. */
  host: string;
  /** 0 takes a free one. */
  port: number;
}

/** Reads `127.0.0.1:12000`, `[::1]:0`, `localhost:12000`. Throws commander's InvalidArgumentError. */
export function parseListen(text: string): ListenAddress {
  const match = /^(\[[0-9a-fA-F:]+\]|[^:[\]]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port > 65_535) {
    throw new InvalidArgumentError('It must be HOST:PORT, such as 127.0.0.1:12000 or [::1]:12000.');
  }
  return { host: match[1], port };
}
