/**
 * HTTP calls as real programs make them: most over kept connections, some over new ones, to any address
 * the name has, IPv4 or IPv6.
 */
import { lookup } from 'node:dns';
import { Agent, request } from 'node:http';

const TIMEOUT_MS = 3000;
const KEPT_PERCENT = 70;

const kept = new Agent({ keepAlive: true, maxSockets: 8, maxFreeSockets: 4, timeout: 10_000 });
const fresh = new Agent({ keepAlive: false });

/**
 * Asks once and reads the answer to its end; gives the status. Rejects if there is no answer.
 * @param {string} method
 * @param {URL} url
 * @returns {Promise<number>}
 */
export function ask(method, url) {
  return new Promise((resolve, reject) => {
    const agent = Math.random() * 100 < KEPT_PERCENT ? kept : fresh;
    const body = method === 'POST' ? JSON.stringify({ items: 1 + Math.floor(Math.random() * 5) }) : '';
    const headers = body === '' ? {} : { 'content-type': 'application/json', 'content-length': body.length };
    const call = request(url, { method, agent, headers, lookup: anyAddress, timeout: TIMEOUT_MS }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode)).once('error', reject);
    });
    call.once('timeout', () => call.destroy(new Error(`${url.host} does not answer`)));
    call.once('error', reject);
    call.end(body);
  });
}

/** Resolves a name and puts its addresses in random order, so both families are used. */
function anyAddress(name, options, done) {
  lookup(name, { ...options, all: true }, (error, addresses) => {
    if (error) return done(error);
    const start = Math.floor(Math.random() * addresses.length);
    const turned = addresses.slice(start).concat(addresses.slice(0, start));
    return options.all ? done(null, turned) : done(null, turned[0].address, turned[0].family);
  });
}
