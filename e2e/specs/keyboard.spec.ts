/** Can all of it be used without a mouse? */
import { expect, test } from '../pages/test.ts';

test('g f and g m go to flows and map', async ({ frame, page }) => {
  await frame.open('/');
  await frame.press('g', 'f');
  await expect(page).toHaveURL(/\/flows$/);
  await expect(frame.link('Flows')).toHaveAttribute('aria-current', 'page');
  await frame.press('g', 'm');
  await expect(page).toHaveURL(/:\d+\/$/);
  await expect(frame.link('Map')).toHaveAttribute('aria-current', 'page');
});

test('j and k walk through flows, Esc closes', async ({ frame, filter, flows, details }) => {
  await frame.open('/flows');
  // Few enough a second that neighbours stay in view.
  await frame.press('/');
  await expect(filter.field).toBeFocused();
  await filter.field.pressSequentially('verdict:dropped');
  await frame.press('Enter', 'Escape');
  await expect(filter.chip('verdict:dropped')).toBeVisible();
  await expect(filter.field).not.toBeFocused();
  await expect(flows.rows.nth(2)).toBeVisible();

  await frame.press('j');
  await expect(flows.selected).toHaveCount(1);
  await expect(details.flow).toBeVisible();
  // The whole row: two drops may come within the same millisecond.
  const first = (await flows.selected.textContent()) ?? '';
  await frame.press('j');
  await expect(flows.selected).not.toHaveText(first);
  await frame.press('k');
  await expect(flows.selected).toHaveText(first);
  await frame.press('Escape');
  await expect(details.any).toBeHidden();
  await expect(flows.selected).toHaveCount(0);
});

test('arrows walk over the map, Enter opens, f folds', async ({ frame, map, details, page }) => {
  await frame.open('/');
  await map.card('shop/web').focus();
  await frame.press('ArrowRight');
  await expect(map.card('shop/web')).not.toBeFocused();
  await map.card('shop/orders').press('Enter');
  await expect(details.title).toHaveText('orders');
  await expect(page).toHaveURL(/selected=shop\/Deployment\/orders/);
  await frame.press('f');
  await expect(page).toHaveURL(/fold=shop\/Deployment\/orders/);
  await expect(details.button('Unfold')).toBeVisible();
  await frame.press('f');
  await expect(page).not.toHaveURL(/fold=/);
  await frame.press('Escape');
  await expect(details.any).toBeHidden();
  await expect(page).not.toHaveURL(/selected=/);
});

test('Space holds, and lets go', async ({ frame }) => {
  await frame.open('/');
  await frame.press('Space');
  await expect(frame.connection).toContainText('Held');
  await frame.press('Space');
  await expect(frame.connection).toContainText('Live');
});

test('? lists the keys, Esc closes the list', async ({ frame }) => {
  await frame.open('/');
  await frame.press('?');
  await expect(frame.keys).toBeVisible();
  await expect(frame.keys).toContainText('go to map, flows');
  await frame.press('Escape');
  await expect(frame.keys).toBeHidden();
});

test('Tab reaches what can be pressed, and the focus is seen', async ({ frame, page }) => {
  await frame.open('/');
  const seen: string[] = [];
  for (let step = 0; step < 12; step++) {
    await frame.press('Tab');
    const { name, isMarked } = await page.evaluate(() => {
      const focused = document.activeElement ?? document.body;
      // A field may leave the ring to the box around it; a line that can be dragged is filled instead.
      const marks = [focused, focused.parentElement ?? focused].map((element) => {
        const style = getComputedStyle(element);
        const hasRing = style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) >= 2;
        return hasRing || style.boxShadow !== 'none' || style.backgroundImage !== 'none';
      });
      return {
        name: focused.getAttribute('aria-label') ?? focused.textContent?.trim() ?? '',
        isMarked: marks.includes(true),
      };
    });
    seen.push(name);
    expect(isMarked, `focus is seen on "${name}"`).toBe(true);
  }
  expect(seen).toEqual(expect.arrayContaining(['Map', 'Flows', 'Filter', 'Light or dark']));
});
