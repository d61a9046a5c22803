/**
 * A service of the shop. Settings come from the environment: PORT, ROUTES (see routes.mjs), REDIS
 * (address, if a route uses it).
 */
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from './http-client.mjs';
import { Redis } from './redis.mjs';
import { parseRoutes } from './routes.mjs';

const routes = parseRoutes(process.env.ROUTES ?? '');
const redis = process.env.REDIS === undefined ? undefined : new Redis(process.env.REDIS);

const server = createServer((request, response) => {
  void respond(request.method, request.url.split('?')[0]).then(({ status, body }) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  request.resume();
});
server.keepAliveTimeout = 15_000;
server.listen(Number(process.env.PORT), '::', () => console.log(`listening on ${process.env.PORT}`));

for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));

async function respond(method, path) {
  if (path === '/healthz') return { status: 200, body: { ok: true } };
  const route = routes.find((it) => it.method === method && it.path === path);
  if (route === undefined) return { status: 404, body: { error: 'there is no such page' } };
  const [least, most] = route.latency;
  // Mostly quick, now and then slow: the shape latencies have.
  await sleep(least + (most - least) * Math.random() ** 3);
  const failure = route.errors.find(({ percent }) => Math.random() * 100 < percent);
  if (failure !== undefined) return { status: failure.status, body: { error: 'not this time' } };
  try {
    for (const words of route.redis) await redis.command(...words.map(fillIn));
    const statuses = await Promise.all(route.calls.map((it) => ask(it.method, it.url)));
    const worst = Math.max(200, ...statuses);
    return { status: worst >= 500 ? 502 : worst, body: { path, asked: statuses.length } };
  } catch (error) {
    console.error(`${method} ${path}: ${error.message}`);
    return { status: 503, body: { error: error.message } };
  }
}

function fillIn(word) {
  return word.replace('$n', String(Math.floor(Math.random() * 1000)));
}
