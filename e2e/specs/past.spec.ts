/** What was a while ago? A range of time that is over, chosen by list, by brush and by key, on every page. */
import { expect, test } from '../pages/test.ts';

test('the last hour is shown as the hub kept it, and live is one click away', async ({ frame, page, map, flows }) => {
  await frame.open('/');
  await page.getByLabel('Range', { exact: true }).selectOption({ label: 'Last 1 h' });
  await expect(page).toHaveURL(/since=[^&]+&until=[^&]+/);
  const connection = page.getByRole('status', { name: 'Connection' });
  await expect(connection).toContainText('Past');
  await expect(map.edge('web', 'api').first()).toBeAttached();
  await expect(flows.rows.first()).toBeVisible();
  const until = Date.parse(new URL(page.url()).searchParams.get('until') ?? '');
  const [newest] = await flows.texts('Time');
  const clock = (ms: number): string => new Date(ms).toTimeString().slice(0, 8);
  expect((newest ?? '').slice(0, 8)).toMatch(/^\d\d:\d\d:\d\d$/);
  expect((newest ?? '').slice(0, 8) <= clock(until)).toBe(true);
  // What is over does not change.
  await page.waitForTimeout(1500);
  expect((await flows.texts('Time'))[0]).toBe(newest);

  await connection.getByRole('button', { name: 'back to live' }).click();
  await expect(connection).toContainText('Live');
  await expect(page).not.toHaveURL(/since=/);
  await expect.poll(async () => (await flows.texts('Time'))[0]).not.toBe(newest);
});

test('a part of the histogram is chosen with the pointer, and moved with keys', async ({ frame, page }) => {
  await frame.open('/flows?range=60');
  const bars = page.getByRole('img', { name: 'Flows above the line, drops below it' });
  const box = await bars.boundingBox();
  if (box === null) throw new Error('there is no histogram');
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.5, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.9, y, { steps: 4 });
  await page.mouse.up();
  await expect(page).toHaveURL(/since=/);
  const range = (): number[] =>
    ['since', 'until'].map((name) => Date.parse(new URL(page.url()).searchParams.get(name) ?? ''));
  const [since = 0, until = 0] = range();
  expect(until - since).toBeGreaterThan(20_000);
  expect(until - since).toBeLessThan(30_000);
  await page.keyboard.press('[');
  const [earlier = 0] = range();
  expect(since - earlier).toBeGreaterThanOrEqual(10_000);

  await bars.dblclick();
  await expect(page).not.toHaveURL(/since=/);
});

test('services and policies obey the range, and a link brings it back', async ({ page }) => {
  const until = new Date(Math.floor(Date.now() / 1000) * 1000 - 2000);
  const since = new Date(until.getTime() - 30_000);
  const range = `since=${since.toISOString()}&until=${until.toISOString()}`;
  await page.goto(`/l7?${range}`);
  await expect(page.getByRole('region', { name: 'Services' }).locator('tbody tr').first()).toBeVisible();
  await expect(page.getByRole('toolbar', { name: 'L7' })).toContainText(/\d\d:\d\d:\d\d to \d\d:\d\d:\d\d/);
  for (const key of ['g', 'p']) await page.keyboard.press(key);
  await expect(page.getByRole('toolbar', { name: 'Policies' })).toContainText(
    /hits counted \d\d:\d\d:\d\d to \d\d:\d\d:\d\d/,
  );
  for (const key of ['g', 'd']) await page.keyboard.press(key);
  const graph = page.getByRole('img', { name: /^Packets through/ });
  await expect(graph).toBeVisible();
  const text = await graph.textContent();
  // Two of the live stream's messages would have come by then.
  await page.waitForTimeout(2500);
  expect(await graph.textContent()).toBe(text);
  for (const key of ['g', 'm']) await page.keyboard.press(key);
  await expect(page).toHaveURL(/\/\?since=/);
});

test('a range before anything was kept says so', async ({ page, flows }) => {
  await page.goto('/flows?since=2020-01-01T00:00:00Z&until=2020-01-01T01:00:00Z');
  await expect(page.getByRole('status', { name: 'Connection' })).toContainText('Past');
  await expect(flows.rows).toHaveCount(0);
  await expect(flows.region).toContainText(/No flows/);
});
