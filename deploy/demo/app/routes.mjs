/**
 * What a service of the shop does, from its ROUTES setting: one route a line, as
 *
 *   GET /products latency=4-20 errors=1:503 redis=GET,product:$n call=http://catalog:8080/products
 *
 * latency  milliseconds of own work, from-to
 * errors   percent:status answered instead, may stand several times
 * redis    a command to REDIS, words separated by commas; $n stands for a number that changes
 * sql      a statement to DATABASE, by its name in database.mjs
 * payment  a call of PAYMENTS: charge or refund
 * call     another service, asked before the answer; `call=POST:http://...` for another method
 */
import { Database } from './database.mjs';

/**
 * @param {string} text
 * @returns {{ method: string, path: string, latency: [number, number], errors: { percent: number, status: number }[],
 *   redis: string[][], sql: string[], payments: string[], calls: { method: string, url: URL }[] }[]}
 */
export function parseRoutes(text) {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '').map(parseRoute);
}

function parseRoute(line) {
  const [method, path, ...settings] = line.split(/\s+/);
  const route = { method, path, latency: [1, 5], errors: [], redis: [], sql: [], payments: [], calls: [] };
  for (const setting of settings) {
    const [, name, value] = /^(\w+)=(.+)$/.exec(setting) ?? fail(line, setting);
    if (name === 'latency') route.latency = value.split('-').map(Number);
    else if (name === 'errors') route.errors.push(errorOf(value));
    else if (name === 'redis') route.redis.push(value.split(','));
    else if (name === 'sql' && Database.knows(value)) route.sql.push(value);
    else if (name === 'payment') route.payments.push(value);
    else if (name === 'call') route.calls.push(callOf(value));
    else fail(line, setting);
  }
  return route;
}

function errorOf(value) {
  const [percent, status] = value.split(':').map(Number);
  return { percent, status };
}

function callOf(value) {
  const [, method = 'GET', url] = /^(?:([A-Z]+):)?(http:.*)$/.exec(value) ?? fail(value, value);
  return { method, url: new URL(url) };
}

/** @returns {never} */
function fail(line, setting) {
  throw new Error(`cannot read "${setting}" in the route "${line}"`);
}
