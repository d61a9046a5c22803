/** Can it be read in the dark? */
import { expect, test } from '../pages/test.ts';

const LIGHT = 'rgb(243, 245, 247)';
const DARK = 'rgb(11, 16, 20)';

test('the switch turns page and map dark, and is remembered', async ({ page, frame, map }) => {
  await frame.open('/');
  expect(await frame.ground()).toBe(LIGHT);
  await expect.poll(() => map.ground()).toBe(LIGHT);
  await frame.theme.click();
  await expect.poll(() => frame.ground()).toBe(DARK);
  await expect.poll(() => map.ground()).toBe(DARK);
  await page.reload();
  await expect.poll(() => frame.ground()).toBe(DARK);
});

test.describe('in a dark system', () => {
  test.use({ colorScheme: 'dark' });

  test('page and map start dark', async ({ frame, map }) => {
    await frame.open('/');
    expect(await frame.ground()).toBe(DARK);
    await expect.poll(() => map.ground()).toBe(DARK);
  });
});
