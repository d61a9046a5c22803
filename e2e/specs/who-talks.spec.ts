/** Who talks to whom? The shop's real traffic, as the map tells it. */
import { expect, test } from '../pages/test.ts';

const NODES = [
  'clients/load',
  'clients/intruder',
  'shop/web',
  'shop/api',
  'shop/catalog',
  'shop/orders',
  'shop/cache',
  'shop/payments',
];

const EDGES = [
  ['load', 'web'],
  ['web', 'api'],
  ['api', 'catalog'],
  ['api', 'orders'],
  ['api', 'cache'],
  ['orders', 'payments'],
] as const;

test('the map shows every workload and who calls whom', async ({ frame, map }) => {
  await frame.open('/');
  for (const node of NODES) await expect(map.node(node), node).toHaveText(/, [1-9]\d* pods?$/);
  for (const [source, target] of EDGES) {
    const edge = map.edge(source, target);
    await expect(edge, `${source} to ${target}`).toHaveText(/, TCP \d+, [\d.,k]+\spkt\/s, (http|grpc|redis) /);
  }
});

test('a service without pods stands there, and what is sent to it is dropped', async ({ frame, map, details }) => {
  await frame.open('/');
  await expect(map.node('shop/legacy')).toContainText('0 pods');
  await map.select(map.drop('intruder', 'legacy'));
  await expect(details.edge).toContainText('Service has no backend');
  await expect(details.edge).toContainText('shop/legacy');
});

test('an edge shows the figures of the kernel', async ({ frame, map, details, hub }) => {
  const edge = await hub.edge('clients/load', 'shop/web');
  expect(edge.connections).toBeGreaterThan(0);
  await frame.open('/');
  await map.select(map.edge('load', 'web'));
  await expect(details.edge).toContainText(`clients/load to shop/web:${edge.port}, tcp`);
  await expect(details.edge).toContainText('Clients called service shop/web.');
  await expect(details.edge).toContainText('Handshake time');
  await expect(details.edge.getByRole('img', { name: 'Connections and drops over time' })).toBeVisible();
});

test('a workload lists its peers, and leads on to the edge', async ({ frame, map, details }) => {
  await frame.open('/');
  await map.select(map.node('shop/orders'));
  await expect(details.title).toHaveText('orders');
  await details.button(/shop\/payments 9090 tcp/).click();
  await expect(details.edge).toContainText('shop/orders to shop/payments:9090, tcp');
});

test('levels group the same traffic anew', async ({ frame, map }) => {
  await frame.open('/');
  await map.level('Namespace').click();
  await expect(map.edge('clients', 'shop').first()).toBeAttached();
  await map.level('Workload').click();
  await expect(map.edge('web', 'api').first()).toBeAttached();
});
