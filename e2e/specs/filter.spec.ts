/** Can I narrow the page to what I look for, and widen it again? */
import { expect, test } from '../pages/test.ts';

test('a term narrows the flows, its chip takes it away again', async ({ frame, filter, flows, page }) => {
  await frame.open('/flows');
  await filter.add('to.service:shop/legacy');
  await expect(filter.chip('to.service:shop/legacy')).toBeVisible();
  await expect(page).toHaveURL(/filter=to\.service:shop\/legacy/);
  await expect.poll(async () => new Set(await flows.texts('Destination'))).toEqual(new Set(['shop/legacy']));

  await filter.chip('to.service:shop/legacy').click();
  await expect(filter.chips).toHaveCount(0);
  await expect(page).not.toHaveURL(/filter/);
  await expect(flows.rowsWith({ Destination: 'shop/web' }).first()).toBeVisible();
});

test('back and forward walk through filters', async ({ frame, filter, page }) => {
  await frame.open('/flows');
  await filter.add('verdict:dropped');
  await filter.add('protocol:udp');
  await expect(filter.chips).toHaveCount(2);
  await page.goBack();
  await expect(filter.chips).toHaveCount(1);
  await expect(filter.chip('verdict:dropped')).toBeVisible();
  await page.goForward();
  await expect(filter.chips).toHaveCount(2);
});

test('an excluded namespace is gone from the flows', async ({ frame, filter, flows }) => {
  await frame.open('/flows');
  await filter.add('-ns:shop');
  await expect(filter.chip('-ns:shop')).toBeVisible();
  await expect(async () => {
    const ends = [...(await flows.texts('Source')), ...(await flows.texts('Destination'))];
    expect(ends.length).toBeGreaterThan(10);
    // The namespace is that of pods, and a service without a backend has none.
    expect(ends.filter((end) => end.startsWith('shop/') && end !== 'shop/legacy')).toEqual([]);
  }).toPass();
});

test('a mistake is explained, and not applied', async ({ frame, filter, flows }) => {
  await frame.open('/flows');
  await filter.add('verdikt:dropped');
  await expect(filter.problem).toContainText('Did you mean verdict?');
  await expect(flows.rowsWith({ Verdict: 'Forwarded' }).first()).toBeVisible();
});

test('without a match the page says which term to remove', async ({ frame, filter, flows }) => {
  await frame.open('/flows');
  await filter.add('port:9');
  await expect(flows.region).toContainText('No flows match');
  await flows.region.getByRole('button', { name: 'Remove port:9' }).click();
  await expect(flows.rows.first()).toBeVisible();
});

test('filtering to an edge leaves its flows', async ({ frame, map, details, filter, flows, page }) => {
  await frame.open('/');
  await map.select(map.edge('api', 'orders'));
  await details.button('Filter to this edge').click();
  await expect(filter.chip('to.port:8080')).toBeVisible();
  await expect(page).toHaveURL(/filter=/);

  await frame.link('Flows').click();
  await expect(flows.rows.first()).toBeVisible();
  for (const column of ['Source', 'Destination'] as const) {
    const wanted = column === 'Source' ? /^shop\/api-/ : /^shop\/orders-/;
    const others = (await flows.texts(column)).filter((text) => !wanted.test(text));
    expect(others, column).toEqual([]);
  }
});
