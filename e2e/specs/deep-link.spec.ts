/** Does an address show somebody else what I see? */
import { expect, test } from '../pages/test.ts';

test('page, filter and range come from the address', async ({ frame, filter, flows }) => {
  await frame.open('/flows?filter=verdict:dropped+to.service:shop/legacy&range=60');
  await expect(frame.link('Flows')).toHaveAttribute('aria-current', 'page');
  await expect(filter.chips).toHaveCount(2);
  await expect(frame.range).toHaveValue('60');
  await expect(flows.rows.first()).toBeVisible();
  expect(new Set(await flows.texts('Destination'))).toEqual(new Set(['shop/legacy']));
});

test('a selected edge is open again after a reload, with level and colour', async ({ frame, map, details, page }) => {
  await frame.open('/');
  await map.select(map.edge('orders', 'payments'));
  await map.colour('Latency').click();
  await expect(page).toHaveURL(/selected=.*payments/);
  await expect(page).toHaveURL(/colour=latency/);

  await page.reload();
  await expect(details.edge).toBeVisible();
  await expect(details.title).toContainText('orders');
  await expect(details.title).toContainText('payments');
  await expect(map.colour('Latency')).toBeChecked();
});

test('a held page opens held', async ({ frame, page, flows }) => {
  await page.goto('/flows?held=true');
  await expect(frame.connection).toContainText('Held');
  await expect(flows.rows.first()).toBeVisible();
});

test('an address that does not exist says so and leads back', async ({ frame, page }) => {
  await page.goto('/nowhere');
  await expect(page.getByRole('main')).toContainText('/nowhere');
  await frame.link('Map').click();
  await expect(page).toHaveURL(/:\d+\/$/);
});
