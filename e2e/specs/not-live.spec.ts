/** Does the page say so when its data is late, incomplete, or no longer live? */
import { expect, test } from '../pages/test.ts';

test('a hub that is gone is noticed, and its return as well', async ({ stream, frame, flows, page }) => {
  await frame.open('/flows');
  await expect(flows.rows.first()).toBeVisible();
  await stream.cut();
  await expect(frame.connection).toContainText('Not live');
  await expect(frame.connection).toContainText(/data of \d\d:\d\d:\d\d/);
  await expect(frame.connection.getByRole('button')).toHaveText(/retry in \d+ s|trying now/);
  // What is there stays readable.
  const [top] = await flows.texts('Time');
  await expect(flows.rows.first()).toBeVisible();

  stream.restore();
  await frame.connection.getByRole('button').click();
  await expect(frame.connection).toContainText('Live');
  await expect.poll(async () => (await flows.texts('Time'))[0]).not.toBe(top);
  await expect(page.getByText('Not live')).toBeHidden();
});

test('lost and late data is said to be so', async ({ stream, frame }) => {
  stream.change((message) => {
    if (message.type !== 'status') return message;
    return { ...message, lost: 1234, nodes: message.nodes.map((node) => ({ ...node, lag_s: 12, lost: 1234 })) };
  });
  await frame.open('/');
  await expect(frame.connection).toContainText('12 s behind');
  await expect(frame.connection).toContainText('1,234 lost');
});

test('sampled flows are said to be sampled', async ({ stream, frame, flows }) => {
  stream.change((message) => (message.type === 'flows' ? { ...message, sampled: 16 } : message));
  await frame.open('/flows');
  await expect(flows.region).toContainText('every 16th shown, drops and errors always');
});

test('a replay never looks live', async ({ stream, frame, page }) => {
  stream.change((message) => (message.type === 'status' ? { ...message, mode: 'replay' } : message));
  await page.goto('/');
  await expect(frame.connection).toContainText('REPLAY');
});
