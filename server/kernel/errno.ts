/** Words for errno numbers, from Node's own table. */
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

const byNumber = new Map(Object.entries(constants.errno).map(([name, value]) => [value, name]));

export function getSystemErrorName(errno: number): string {
  return byNumber.get(errno) ?? `errno ${errno}`;
}

export function getSystemErrorMessage(errno: number): string {
  return getSystemErrorMap().get(-errno)?.[1] ?? 'the kernel refused';
}
