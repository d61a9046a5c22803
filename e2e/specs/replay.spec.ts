/** Does the page of a replay show the recorded cluster, and say that it is a replay? */
import { fileURLToPath } from 'node:url';
import { freePort, NODE, Up } from '../process/spyglass.ts';
import { expect, test } from '../pages/test.ts';

const DEMO = fileURLToPath(new URL('../../deploy/demo', import.meta.url));
/** nobody, who can have no datapath */
const USER = 65_534;

test('the demo played without root', async ({ frame, map, page }) => {
  const port = await freePort();
  await using up = new Up(['up', DEMO, '--node', NODE, '--port', String(port), '--grpc-port', '0'], USER);
  await up.says('REPLAY of');
  await page.goto(`http://127.0.0.1:${port}/`);
  await expect(frame.connection).toContainText('REPLAY');
  await expect(frame.connection).toContainText(/of \d+ \w+, 1x/);
  await expect(frame.connection).not.toContainText('Live');
  await expect(page.locator('.page.replay .top')).toHaveCSS('border-bottom-width', '4px');
  for (const name of ['shop/web', 'shop/api', 'shop/db']) await expect(map.node(name)).toBeAttached();
  await expect(map.edge('web', 'api').first()).toBeAttached();
  // Before the hub ends: the page would ask it in vain.
  await page.goto('about:blank');
});
