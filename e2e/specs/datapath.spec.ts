/** Where do packets go in the kernel, and where do they stop? The graph of stages, with the demo's traffic in it. */
import { expect, test } from '../pages/test.ts';

test('shows what each stage did, and where packets stopped', async ({ frame, page, hub }) => {
  await frame.open('/datapath?range=60');
  const graph = page.getByRole('img', { name: /^Packets through the stages of the datapath: / });
  await expect(graph).toBeVisible();
  for (const stage of ['parse', 'flow cache', 'service', 'identity', 'egress policy', 'ingress policy', 'deliver']) {
    await expect(graph.getByText(stage, { exact: true })).toBeVisible();
  }
  await expect(graph).toContainText(/[89]\d\s% hit/);
  // The intruder calls a service without a pod, and a pod whose policies do not allow it.
  await expect(graph).toContainText('service has no backend');
  await expect(graph).toContainText('no policy allows it');

  const { stages, drops } = await hub.datapath();
  const parsed = stages.find(({ stage }) => stage === 'PARSE')?.outcomes.PASS?.rate ?? 0;
  expect(parsed, 'the demo sends packets').toBeGreaterThan(0);
  expect(drops.map(({ reason }) => reason)).toContain('POLICY_DENIED');
});

test('says what fills up, what was lost and what watching costs, node by node', async ({ frame, page, hub }) => {
  await frame.open('/datapath');
  const { nodes } = await hub.datapath();
  const [node] = nodes;
  expect(node?.maps.length).toBeGreaterThan(5);
  const maps = page.getByRole('region', { name: 'Maps' });
  await expect(maps.getByRole('row', { name: /^flow_cache [\d,]+ 131,072 / })).toBeVisible();
  await expect(page.getByRole('row', { name: /^ring buffer [\d,]+ 0 / })).toBeVisible();
  await page.getByRole('button', { name: node?.name ?? '' }).click();
  await expect(page).toHaveURL(new RegExp(`/datapath\\?node=${node?.name}$`));
  await expect(page.getByLabel('Node', { exact: true })).toHaveValue(node?.name ?? '');
});

test('a dropped flow is found in the graph with two clicks, and the graph with two keys', async ({
  frame,
  filter,
  flows,
  page,
}) => {
  await frame.open('/flows');
  await filter.add('verdict:dropped');
  await flows.rowsWith({ Destination: 'shop/legacy' }).first().click();
  await page.getByRole('button', { name: 'In the stage graph' }).click();
  await expect(page.getByRole('button', { name: /^Path of clients\/intruder to shop\/legacy:80 / })).toBeVisible();
  await expect(page.locator('.st.on', { hasText: 'service' })).toBeVisible();
  await expect(page.locator('.st.on', { hasText: 'deliver' })).toHaveCount(0);
  await page.getByRole('button', { name: /^Path of/ }).click();
  await expect(page.locator('.st.on')).toHaveCount(0);

  await page.keyboard.press('g');
  await page.keyboard.press('m');
  await expect(page).toHaveURL(/\/\?|\/$/);
  await page.keyboard.press('g');
  await page.keyboard.press('d');
  await expect(page).toHaveURL(/\/datapath/);
});

test('held, the numbers stay as they are', async ({ frame, page }) => {
  await frame.open('/datapath?range=60');
  const graph = page.getByRole('img', { name: /^Packets through/ });
  await expect(graph).toBeVisible();
  await page.keyboard.press('Space');
  await expect(page).toHaveURL(/held=true/);
  const held = await graph.textContent();
  // Two more of the hub's messages would have come by then.
  await page.waitForTimeout(2500);
  expect(await graph.textContent()).toBe(held);
  await page.keyboard.press('Space');
  await expect(graph).not.toHaveText(held ?? '');
});
