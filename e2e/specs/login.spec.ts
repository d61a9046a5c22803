/** Can only those who have a token look? On a hub of its own, as the demo's lets everybody in. */
import { expect, test as base, type Page } from '@playwright/test';
import { Frame } from '../pages/frame.ts';
import { TokenHub } from '../pages/token-hub.ts';

const test = base.extend<{ frame: Frame }, { hub: TokenHub }>({
  hub: [
    // oxlint-disable-next-line no-empty-pattern -- Playwright reads the names of fixtures from the pattern
    async ({}, use) => {
      await using hub = await TokenHub.start();
      await use(hub);
    },
    { scope: 'worker' },
  ],
  frame: async ({ page }, use) => use(new Frame(page)),
});

const field = (page: Page) => page.getByLabel('Token', { exact: true });

test('one logs in with the keyboard alone, stays in after a reload, and logs out', async ({ page, hub, frame }) => {
  await page.goto(`${hub.url}/flows`);
  await expect(field(page)).toBeFocused();
  await page.keyboard.type(hub.tokens.shop);
  await page.keyboard.press('Enter');
  await expect(frame.connection).toContainText('Live');
  await expect(page).toHaveURL(/\/flows$/);
  await page.reload();
  await expect(frame.connection).toContainText('Live');
  const out = page.getByRole('button', { name: 'Log out' });
  await expect(out).toHaveAttribute('title', 'sam sees shop');
  await out.click();
  await expect(field(page)).toBeVisible();
  await page.reload();
  await expect(field(page)).toBeVisible();
});

test('a token that is refused says why, and can be mended', async ({ page, hub, frame }) => {
  await page.goto(hub.url);
  await expect(field(page)).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toHaveText('There is no token in the field.');
  await field(page).fill('spyglass_wrong');
  await page.getByRole('button', { name: 'Log in' }).click();
  await expect(page.getByRole('alert')).toHaveText('The hub does not know this token, or it is good no more.');
  await expect(field(page)).toHaveAttribute('aria-invalid', 'true');
  await field(page).fill(hub.tokens.all);
  await page.keyboard.press('Enter');
  await expect(frame.connection).toContainText('Live');
  await expect(page.getByRole('button', { name: 'Log out' })).toHaveAttribute('title', 'ada sees all namespaces');
});

test('no script of the page can read what it is logged in by', async ({ page, hub, frame, context }) => {
  await page.goto(hub.url);
  await field(page).fill(hub.tokens.all);
  await page.keyboard.press('Enter');
  await expect(frame.connection).toContainText('Live');
  expect(
    await page.evaluate(() => [document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage)].join()),
  ).not.toMatch(/spyglass_/);
  const [cookie] = await context.cookies();
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
  expect(cookie?.value).not.toContain(hub.tokens.all);
});

for (const [scheme, ground] of [
  ['light', 'rgb(243, 245, 247)'],
  ['dark', 'rgb(11, 16, 20)'],
] as const) {
  test(`the login can be read in a ${scheme} system`, async ({ page, hub, frame }) => {
    await page.emulateMedia({ colorScheme: scheme });
    await page.goto(hub.url);
    await expect(field(page)).toBeVisible();
    expect(await frame.ground()).toBe(ground);
  });
}

test('who has lost the right to look is asked again', async ({ page, hub, frame }) => {
  await page.goto(hub.url);
  await field(page).fill(hub.tokens.shop);
  await page.keyboard.press('Enter');
  await expect(frame.connection).toContainText('Live');
  hub.revoke('sam');
  await expect(field(page)).toBeFocused();
  await expect(frame.connection).toBeHidden();
});
