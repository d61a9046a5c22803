/** What is slow, and what fails? Services by their messages, with routes and callers. */
import { expect, test } from '../pages/test.ts';

test('what fails comes first, with rate, errors and latency as the hub counts them', async ({ frame, page, hub }) => {
  await frame.open('/l7?range=60');
  const rows = page.getByRole('region', { name: 'Services' }).locator('tbody tr');
  await expect(rows.first()).toBeVisible();
  // The demo lets some requests fail, none to its DNS server or its cache.
  const names = await rows.locator('td:first-child').allInnerTexts();
  const at = (name: string): number => names.findIndex((text) => text.startsWith(name));
  expect(at('shop/api:8080')).toBeGreaterThanOrEqual(0);
  expect(at('shop/api:8080')).toBeLessThan(at('shop/cache:6379'));
  expect(at('shop/api:8080')).toBeLessThan(at('kube-system/kube-dns:53'));
  expect(new Set(names).size, 'each service stands once').toBe(names.length);

  const table = await hub.services();
  const api = table.find((row) => row.target === 'shop/Deployment/api' && row.protocol === 'http');
  expect(api?.error_share).toBeGreaterThan(0);
  await expect(rows.nth(at('shop/api:8080')).getByRole('img')).toHaveAccessibleName(/^p50 .*, p95 .*, p99 /);
});

test('a service shows its routes and callers, each leading to its flows', async ({ frame, page, flows }) => {
  await frame.open('/l7');
  await page.getByRole('radio', { name: 'grpc' }).click();
  await page.getByRole('button', { name: 'shop/payments:9090' }).click();
  await expect(page).toHaveURL(/\/l7\?service=shop\/Deployment\/payments:9090\/grpc$/);
  const panel = page.getByRole('complementary', { name: 'Messages' });
  await expect(panel).toContainText('shop/orders');
  await expect(panel.locator('.sec', { hasText: 'Codes' })).toContainText(/OK ×|0 ×/);
  await panel
    .getByRole('button', { name: /^shop.*Charge$|Charge/ })
    .first()
    .click();
  await expect(page).toHaveURL(/\/flows\?filter=/);
  await expect(flows.cell(flows.rows.first(), 'What')).toContainText('Charge');

  await page.goBack();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('complementary')).toHaveCount(0);
});
