/** The option of `agent` and `up` that says how much is read of messages. */
import { InvalidArgumentError, Option } from 'commander';
import { MAX_CAPTURE, MIN_CAPTURE } from '../kernel/layouts.gen.ts';

export function l7BytesOption(): Option {
  return new Option('--l7-bytes <bytes>', "read of each message's head; 0: messages are not read at all")
    .argParser(parseL7Bytes)
    .default(1024);
}

function parseL7Bytes(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && (value === 0 || (value >= MIN_CAPTURE && value <= MAX_CAPTURE))) return value;
  throw new InvalidArgumentError(`It must be a number of bytes from ${MIN_CAPTURE} to ${MAX_CAPTURE}, or 0.`);
}
