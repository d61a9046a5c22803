/** What do applications say to each other? Requests, answers and errors of the shop, on the map and in the table. */
import { expect, test } from '../pages/test.ts';

/** The range that a page opens with. */
const RANGE_S = 300;

const SPOKEN = [
  ['load', 'web', 'http'],
  ['web', 'api', 'http'],
  ['api', 'catalog', 'http'],
  ['orders', 'payments', 'grpc'],
  ['catalog', 'db', 'pgsql'],
  ['orders', 'db', 'pgsql'],
  ['api', 'cache', 'redis'],
  ['load', 'kube-dns', 'dns'],
] as const;

test('edges tell their protocol, rate, share of errors and p95', async ({ frame, map }) => {
  await frame.open('/');
  for (const [source, target, protocol] of SPOKEN) {
    const words = new RegExp(
      `, ${protocol} (at least )?[\\d.,k]+/s, (< )?[\\d.]+\\s% errors, p95 [\\d.]+\\s(µs|ms|s)$`,
    );
    await expect(map.edge(source, target).filter({ hasText: words }), `${source} to ${target}`).toHaveCount(1);
  }
});

test('cards say how fast they answer and how often they fail', async ({ frame, map, hub }) => {
  const { l7 } = await hub.edge('shop/orders', 'shop/payments');
  expect(l7?.errors, 'the demo lets some payments fail').toBeGreaterThan(0);
  await frame.open('/');
  await expect(map.card('shop/payments')).toContainText(/9090grpc[\d.]+\/sp95 [\d.]+\sm?serr [\d.]+\s%/);
  await expect(map.card('shop/db')).toContainText(/5432pgsql/);
  await expect(map.card('shop/cache')).toContainText(/6379redis/);
});

test('an edge shows its routes as the hub counts them, and each leads to its flows', async ({
  frame,
  map,
  details,
  filter,
  flows,
  hub,
}) => {
  await frame.open('/');
  await map.select(map.edge('load', 'web').first());
  await expect(details.edge.getByRole('img', { name: 'Requests and errors over time' })).toBeVisible();
  await expect(details.edge.getByRole('img', { name: 'Latency of answers over time' })).toBeVisible();
  for (const name of ['GET /', 'GET /products', 'GET /cart', 'POST /checkout', 'GET /no-such-page']) {
    await expect(details.route(name), name).toBeVisible();
  }
  // Rate, share of errors, p50, p95 and p99.
  await expect(details.figuresOf('GET /products')).toHaveText([
    '',
    /^(≥ )?[\d.]+\/s$/,
    /^(< )?[\d.]+\s%$/,
    /^[\d.]+\s(µs|ms)$/,
    /^[\d.]+\sm?s$/,
    /^[\d.]+\sm?s$/,
  ]);
  await expect(async () => {
    const rows = await hub.routes(RANGE_S);
    const counted = rows.find((row) => row.target === 'shop/Deployment/web' && row.route === 'GET /products');
    const rate = await details.figuresOf('GET /products').nth(1).textContent();
    const shown = Number.parseFloat(rate?.replace('≥ ', '') ?? '');
    // Both are means of minutes, read within a second of each other.
    expect(Math.abs(shown / (counted?.rate ?? 0) - 1)).toBeLessThan(0.1);
  }).toPass();

  await details.route('GET /cart').click();
  await expect(filter.chips).not.toHaveCount(0);
  await frame.link('Flows').click();
  await expect
    .poll(async () => (await flows.texts('What')).filter((what) => what.startsWith('GET /cart')).length)
    .toBeGreaterThan(3);
  expect((await flows.texts('What')).filter((what) => !/^GET \/cart( ?→|$)/.test(what))).toEqual([]);
});

for (const [name, term, asked, answer] of [
  ['HTTP', 'http.path:/checkout protocol:http', /^POST \/checkout/, /^(200|401|402|409|422|500|502|503)$/],
  ['gRPC', 'protocol:grpc', /^Payments\/Charge/, /^(OK|FAILED_PRECONDITION|UNAVAILABLE)$/],
  ['PostgreSQL', 'protocol:postgresql', /^(SELECT|INSERT|DELETE|CONNECT)/, /^(\d+ rows?|OK|23505)$/],
  ['Redis', 'protocol:redis', /^(GET|SET)/, /^OK$/],
  ['DNS', 'dns.query:api.shop', /^A{1,4} api\.shop\.svc\.cluster\.local/, /^(10\.|fd|NXDOMAIN)/],
] as const) {
  test(`a request by ${name} stands with its answer, which a sample may have left out`, async ({
    frame,
    filter,
    flows,
    details,
  }) => {
    await frame.open('/flows');
    await filter.add(`${term} reply:false`);
    await expect(flows.rows.first()).toBeVisible();
    expect((await flows.texts('What')).filter((what) => !asked.test(what))).toEqual([]);
    await flows.rows.first().click();
    await expect(details.exchange('Asked')).toHaveText(asked);
    // No answer is in the table: the page asks the hub for it.
    await expect(details.exchange('Answer')).toHaveText(answer);
    await expect(details.exchange('Took')).toHaveText(/^[\d.,]+\s(µs|ms|s)$/);
    await expect(details.exchange('Sent')).toHaveText(/^\d\d:\d\d:\d\d\./);
    await expect(details.exchange('Answered')).toHaveText(/^\d\d:\d\d:\d\d\./);
  });
}

test('an answer stands with its request', async ({ frame, filter, flows, details }) => {
  await frame.open('/flows');
  await filter.add('protocol:grpc reply:true');
  await flows.rows.first().click();
  await expect(details.exchange('Sent')).toHaveText(/^\d\d:\d\d:\d\d\./);
  await expect(details.flow).toContainText('asked shop/payments for Payments/Charge');
});

test('server errors are found by their status, and are told from refusals', async ({
  frame,
  filter,
  flows,
  details,
}) => {
  await frame.open('/flows');
  await filter.add('http.status:5xx');
  await expect(flows.rows.first()).toBeVisible();
  expect((await flows.texts('What')).filter((what) => !/→ ?5\d\d$/.test(what))).toEqual([]);
  await flows.rows.first().click();
  await expect(details.flow).toContainText(/got the error 5\d\d after/);
});

test('a path and a protocol narrow the flows, and an excluded one is gone', async ({ frame, filter, flows }) => {
  await frame.open('/flows');
  await filter.add('http.path:^/cart$');
  await expect.poll(async () => (await flows.texts('What')).length).toBeGreaterThan(3);
  expect((await flows.texts('What')).filter((what) => !/^GET \/cart( ?→|$)/.test(what))).toEqual([]);
  await filter.chip('http.path:^/cart$').click();
  await filter.add('type:l7 -protocol:http -protocol:dns');
  await expect(flows.rowsWith({ Proto: 'redis' }).first()).toBeVisible();
  await expect(flows.rowsWith({ Proto: 'pgsql' }).first()).toBeVisible();
  expect((await flows.texts('Proto')).filter((name) => !['redis', 'pgsql', 'grpc'].includes(name))).toEqual([]);
});

test('what the shop stores, looks for and pays with does not leave the node', async ({ hub }) => {
  const flows = await hub.flows({ type: ['l7'], 'not.protocol': ['dns'] }, { last: 5000 });
  const messages = flows.flatMap(({ flow }) =>
    flow === undefined ? [] : [{ l7: flow.l7, own: flow.extensions?.value.spyglass.l7 }],
  );
  const told = (protocol: string): string[] => {
    const of = messages.filter(({ own }) => own?.protocol === protocol);
    expect(of.length, protocol).toBeGreaterThan(10);
    return of.map((message) => JSON.stringify(message));
  };
  // Keys, which the demo writes as session:17, cart:17, order:17, product:17, and the value "open".
  expect(told('redis').filter((text) => /(session|cart|order|product):\d|open/.test(text))).toEqual([]);
  // The first of its statements has numbers in its text.
  const statements = messages.flatMap(({ own }) => own?.sql?.statement ?? []);
  expect(statements).toContain('SELECT id, name, price_cents FROM items WHERE id BETWEEN ? AND ? ORDER BY name');
  expect(statements.filter((text) => /\d|'[^?]/.test(text))).toEqual([]);
  expect(told('http').filter((text) => /items":|not this time/.test(text))).toEqual([]);
  expect(told('grpc').filter((text) => /cents|not this time/.test(text))).toEqual([]);
});
