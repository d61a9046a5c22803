/** What does the live tail show, and does it hold still while it is read? */
import { COLUMNS } from '../pages/flow-table.ts';
import { expect, test } from '../pages/test.ts';

test.beforeEach(async ({ frame, flows }) => {
  await frame.open('/flows');
  await expect(flows.rows.first()).toBeVisible();
});

test('shows the newest flow on top, and goes on', async ({ flows }) => {
  await expect(flows.headers).toHaveText([...COLUMNS]);
  const [top] = await flows.texts('Time');
  await expect(async () => {
    const times = await flows.texts('Time');
    expect(times[0]).not.toBe(top);
    expect(times.length).toBeGreaterThan(10);
    expect(times).toEqual(times.toSorted().toReversed());
  }).toPass();
});

test('holds while a flow is selected, counts what comes, and lets go', async ({ flows, details, page }) => {
  await flows.rows.nth(3).click();
  await expect(flows.selected).toHaveCount(1);
  const held = await flows.texts('Time');
  await expect(flows.newer).toHaveText(/^\d[\d,]* new$/);
  const count = await flows.newer.innerText();
  await expect(flows.newer).not.toHaveText(count);
  expect(await flows.texts('Time')).toEqual(held);
  await expect(details.flow).toBeVisible();

  await page.keyboard.press('Home');
  await expect(flows.selected).toHaveCount(0);
  await expect.poll(async () => (await flows.texts('Time'))[0]).not.toBe(held[0]);
});

test('holds where it was scrolled to until the button is pressed', async ({ flows, page }) => {
  await flows.body.hover();
  await page.mouse.wheel(0, 600);
  await expect(flows.newer).toHaveText(/ new$/);
  const held = await flows.texts('Time');
  const count = await flows.newer.innerText();
  await expect(flows.newer).not.toHaveText(count);
  expect(await flows.texts('Time')).toEqual(held);

  await flows.newer.click();
  await expect(flows.newer).toBeHidden();
  await expect.poll(async () => (await flows.texts('Time'))[0]).not.toBe(held[0]);
});

test('the live switch holds the whole page', async ({ frame, flows, page }) => {
  await frame.liveSwitch.click();
  await expect(frame.connection).toContainText('Held');
  await expect(frame.liveSwitch).toHaveAttribute('aria-pressed', 'true');
  await expect(page).toHaveURL(/held=true/);
  const held = await flows.texts('Time');
  await expect(frame.connection).toContainText(/[1-9][\d,]* new/);
  expect(await flows.texts('Time')).toEqual(held);

  await frame.liveSwitch.click();
  await expect(frame.connection).toContainText('Live');
  await expect(page).not.toHaveURL(/held/);
  await expect.poll(async () => (await flows.texts('Time'))[0]).not.toBe(held[0]);
});

test('another filter brings its own rows, also while a flow is selected', async ({ filter, flows, details }) => {
  await flows.rows.nth(3).click();
  await expect(details.flow).toBeVisible();
  await filter.add('verdict:dropped');
  await expect(flows.cell(flows.rows.first(), 'Verdict')).toHaveText('Dropped');
});
