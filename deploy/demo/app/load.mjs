/** Visitors of the shop: about RATE requests a second to TARGET, more by day than by night (a day takes 5 minutes). */
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from './http-client.mjs';

const target = process.env.TARGET;
const rate = Number(process.env.RATE);
const DAY_MS = 300_000;
const MAX_OPEN = 500;

/** Of 100 requests so many go to each page. */
const PAGES = [
  [50, 'GET', '/'],
  [25, 'GET', '/products'],
  [12, 'GET', '/cart'],
  [8, 'POST', '/checkout'],
  [5, 'GET', '/no-such-page'],
];

process.on('SIGTERM', () => process.exit(0));

let open = 0;
let failed = 0;

setInterval(() => {
  if (failed > 0) console.log(`${failed} requests without an answer in the last minute`);
  failed = 0;
}, 60_000);

for (;;) {
  const daylight = 1 + 0.5 * Math.sin((2 * Math.PI * Date.now()) / DAY_MS);
  await sleep((-Math.log(1 - Math.random()) * 1000) / (rate * daylight));
  if (open < MAX_OPEN) void visit();
}

async function visit() {
  open++;
  const [, method, path] = pick();
  try {
    await ask(method, new URL(path, target));
  } catch {
    failed++;
  } finally {
    open--;
  }
}

function pick() {
  let left = Math.random() * 100;
  return PAGES.find(([share]) => (left -= share) < 0) ?? PAGES[0];
}
