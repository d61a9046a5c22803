/**
 * A service of the shop. Settings come from the environment: PORT, ROUTES (see routes.mjs), and the addresses REDIS,
 * DATABASE and PAYMENTS, if a route uses them. With PROTOCOL=grpc it is the payments service, with gRPC statuses.
 */
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from './database.mjs';
import { ask } from './http-client.mjs';
import { Payments, servePayments } from './payments.mjs';
import { Redis } from './redis.mjs';
import { parseRoutes } from './routes.mjs';

const routes = parseRoutes(process.env.ROUTES ?? '');
const { PORT, PROTOCOL, REDIS, DATABASE, PAYMENTS } = process.env;
const redis = REDIS === undefined ? undefined : new Redis(REDIS);
const database = DATABASE === undefined ? undefined : new Database(DATABASE);
const payments = PAYMENTS === undefined ? undefined : new Payments(PAYMENTS);

/** gRPC's FAILED_PRECONDITION: the customer's fault. */
const PAYMENT_REFUSED = 9;
const UNIQUE_VIOLATION = '23505';

for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));

if (PROTOCOL === 'grpc') servePayments(Number(PORT), async (path) => (await workOf('GRPC', path))?.failure ?? 0);
else serveHttp();

function serveHttp() {
  const server = createServer((request, response) => {
    void respond(request.method, request.url.split('?')[0]).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    request.resume();
  });
  server.keepAliveTimeout = 15_000;
  server.listen(Number(PORT), '::', () => console.log(`listening on ${PORT}`));
}

/** Does a route's own work. Gives the route, and the status it fails with by chance; undefined if there is no such route. */
async function workOf(method, path) {
  const route = routes.find((it) => it.method === method && it.path === path);
  if (route === undefined) return undefined;
  const [least, most] = route.latency;
  // Mostly quick, now and then slow: the shape latencies have.
  await sleep(least + (most - least) * Math.random() ** 3);
  return { route, failure: route.errors.find(({ percent }) => Math.random() * 100 < percent)?.status };
}

async function respond(method, path) {
  if (path === '/healthz') return { status: 200, body: { ok: true } };
  const work = await workOf(method, path);
  if (work === undefined) return { status: 404, body: { error: 'there is no such page' } };
  const { route, failure } = work;
  if (failure !== undefined) return { status: failure, body: { error: 'not this time' } };
  try {
    for (const words of route.redis) await redis.command(...words.map(fillIn));
    for (const name of route.sql) await database.run(name);
    const paid = await Promise.all(route.payments.map((it) => payments.call(it)));
    if (paid.some((it) => it !== 0)) {
      return { status: paid.includes(PAYMENT_REFUSED) ? 402 : 502, body: { error: 'not paid' } };
    }
    const statuses = await Promise.all(route.calls.map((it) => ask(it.method, it.url)));
    const worst = Math.max(200, ...statuses);
    return { status: worst >= 500 ? 502 : worst, body: { path, asked: statuses.length } };
  } catch (error) {
    if (error.code === UNIQUE_VIOLATION) return { status: 409, body: { error: 'there is such an order' } };
    console.error(`${method} ${path}: ${error.message}`);
    return { status: 503, body: { error: error.message } };
  }
}

function fillIn(word) {
  return word.replace('$n', String(Math.floor(Math.random() * 1000)));
}
