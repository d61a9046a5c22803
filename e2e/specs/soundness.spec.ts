/** Is the page sound: named for those who do not see it, quiet in the console, and alone with its hub? */
import { expect, test } from '../pages/test.ts';

for (const [name, address] of [
  ['map', '/'],
  ['flows', '/flows'],
] as const) {
  test(`the ${name} page has its landmarks, once each`, async ({ frame, page }) => {
    await frame.open(address);
    await expect(page).toHaveTitle(/Spyglass/);
    await expect(page.getByRole('banner')).toHaveCount(1);
    await expect(page.getByRole('main')).toHaveCount(1);
    await expect(frame.links).toHaveCount(1);
    await expect(page.getByRole('region', { name: 'Time' })).toHaveCount(1);
    await expect(page.getByRole('region', { name: 'Flows', exact: true })).toHaveCount(1);
  });

  test(`everything that can be pressed on the ${name} page has a name`, async ({ frame, page, flows }) => {
    await frame.open(address);
    await expect(flows.rows.first()).toBeVisible();
    for (const role of ['button', 'link', 'combobox', 'textbox', 'radio', 'checkbox', 'separator'] as const) {
      // The accessible name is the browser's; a name of at least one letter or sign is asked for.
      const all = await page.getByRole(role).count();
      await expect(page.getByRole(role, { name: /\S/ }), role).toHaveCount(all);
    }
  });

  test(`the ${name} page asks nobody but its hub, and gets answers`, async ({ frame, page, baseURL }) => {
    const strangers: string[] = [];
    const failed: string[] = [];
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (url.protocol.startsWith('http') && url.origin !== new URL(baseURL ?? '').origin) strangers.push(url.href);
    });
    page.on('response', (response) => {
      if (response.status() >= 400) failed.push(`${response.status()} ${response.url()}`);
    });
    await frame.open(address);
    await expect(frame.histogram).toBeVisible();
    expect({ strangers, failed }).toEqual({ strangers: [], failed: [] });
  });
}

test('the map fits without scrolling the page', async ({ frame, map, page }) => {
  await frame.open('/');
  await expect(map.region).toBeVisible();
  const overflow = await page.evaluate(() => {
    const { scrollWidth, clientWidth, scrollHeight, clientHeight } = document.documentElement;
    return [scrollWidth - clientWidth, scrollHeight - clientHeight];
  });
  expect(overflow).toEqual([0, 0]);
});

test('numbers of the frame agree with the hub', async ({ frame, hub, page }) => {
  await frame.open('/');
  const status = await hub.status();
  await expect(frame.connection).toContainText(`${status.nodes.connected} node`);
  await expect(frame.connection).toContainText(`${status.lost.records} lost`);
  await expect(page.getByRole('region', { name: 'Time' })).toContainText(/[1-9][\d.,]* flows\/s/);
});
