/** Which policy did it, and at which line? Policies with what each of their rules decided. */
import { expect, test } from '../pages/test.ts';

test('from a drop to the line that denied it in two clicks', async ({ frame, filter, flows, page }) => {
  await frame.open('/flows');
  await filter.add('verdict:dropped');
  await flows.rowsWith({ Source: 'clients/intruder', Destination: 'shop/orders' }).first().click();
  await page.getByRole('button', { name: 'shop/orders', exact: true }).click();

  await expect(page).toHaveURL(/\/policies\?.*policy=shop\/orders%23ingress$/);
  const yaml = page.getByRole('list', { name: 'Policy as YAML' });
  const marked = yaml.locator('[aria-current=true]');
  await expect(marked).toHaveText(/- Ingress\s*denied [\d,]+, last \d\d:\d\d:\d\d/);
  await expect(yaml).toContainText('app: orders');
  const denied = page.locator('.sec', { hasText: 'Denied, ingress' });
  await expect(denied).toContainText(/clients\/intruder to shop\/orders:8080/);
  await denied.getByRole('button', { name: 'Flows' }).click();
  await expect(page).toHaveURL(/\/flows\?filter=verdict:dropped/i);
  await expect(flows.rowsWith({ Source: 'clients/intruder' }).first()).toBeVisible();
});

test('the rule that allowed is marked, and says how often it did', async ({ frame, filter, flows, page }) => {
  await frame.open('/flows');
  await filter.add('to:shop/payments from:shop/orders type:trace');
  await flows.rows.first().click();
  await page.getByRole('button', { name: 'shop/payments', exact: true }).click();
  const marked = page.getByRole('list', { name: 'Policy as YAML' }).locator('[aria-current=true]');
  await expect(marked.first()).toHaveText(/- from:\s*[\d,]+ hits?, last /);
});

test('lists what needs a look first, and what a policy on trial would deny', async ({ frame, page, hub }) => {
  const { policies } = await hub.policies();
  await frame.open('/policies');
  const rows = page.getByRole('region', { name: 'List of policies' }).locator('tbody tr');
  await expect(rows).toHaveCount(policies.length);
  const denied = await rows.locator('td:nth-child(6)').allInnerTexts();
  const numbers = denied.map((text) => Number(text.replaceAll(',', '')));
  expect(numbers).toEqual(numbers.toSorted((a, b) => b - a));

  await page.getByRole('button', { name: 'clients/load' }).click();
  await expect(page.getByRole('complementary', { name: 'Policy' })).toContainText(
    'on trial (audit): it denies nothing',
  );
  await expect(page.locator('.sec', { hasText: 'Would be denied, egress' })).toContainText('clients/load to ');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('complementary')).toHaveCount(0);
});

test('a policy that is not there is named, and the list stays', async ({ frame, page }) => {
  await frame.open('/policies?policy=shop/no-such-policy');
  await expect(page.getByRole('complementary', { name: 'Policy' })).toContainText(
    'There is no policy shop/no-such-policy now',
  );
  await expect(page.getByRole('button', { name: 'shop/orders' })).toBeVisible();
});
