/** Can it be read in the dark? */
import { expect, test } from '../pages/test.ts';

const LIGHT = 'rgb(243, 245, 247)';
const DARK = 'rgb(11, 16, 20)';

// The map's ground is read once per page: Chromium warns of a canvas that is read again and again.

test('the switch turns page and map dark, and is remembered', async ({ page, frame, map }) => {
  await frame.open('/');
  await expect(map.node('shop/web')).toBeAttached();
  expect(await frame.ground()).toBe(LIGHT);
  await frame.theme.click();
  await expect.poll(() => frame.ground()).toBe(DARK);
  // The map is painted anew in the frame after the change.
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
  expect(await map.ground()).toBe(DARK);
  await page.reload();
  await expect.poll(() => frame.ground()).toBe(DARK);
});

test('page and map follow the system when it turns dark', async ({ page, frame, map }) => {
  await frame.open('/');
  await expect.poll(() => map.ground()).toBe(LIGHT);
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(() => frame.ground()).toBe(DARK);
  await expect.poll(() => map.ground()).toBe(DARK);
});

test.describe('in a dark system', () => {
  test.use({ colorScheme: 'dark' });

  test('page and map start dark', async ({ frame, map }) => {
    await frame.open('/');
    await expect(map.node('shop/web')).toBeAttached();
    expect(await frame.ground()).toBe(DARK);
    expect(await map.ground()).toBe(DARK);
  });
});
