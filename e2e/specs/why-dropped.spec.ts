/** Why was this dropped? The demo's intruder sends what a cluster should not deliver. */
import { expect, test } from '../pages/test.ts';

test.beforeEach(async ({ frame, filter, flows }) => {
  await frame.open('/flows');
  await filter.add('verdict:dropped');
  await expect(flows.rows.first()).toBeVisible();
});

test('a service without a backend is named, and what to do', async ({ flows, details }) => {
  const row = flows.rowsWith({ Source: 'clients/intruder', Destination: 'shop/legacy' }).first();
  await expect(flows.cell(row, 'Verdict')).toHaveText('Dropped');
  await expect(flows.cell(row, 'What')).toContainText('Service has no backend');
  await expect(flows.cell(row, 'Port')).toHaveText('80');
  await row.click();

  await expect(details.title).toContainText('Dropped at');
  await expect(details.flow).toContainText('clients/intruder to shop/legacy:80');
  await expect(details.flow).toContainText('Service shop/legacy has no pod behind it that serves port 80.');
  await expect(details.flow).toContainText('Start a pod that its selector matches');
  await expect(details.flow).toContainText('never arrived');
});

test('the path ends at the stage that dropped it', async ({ flows, details }) => {
  await flows.rowsWith({ Destination: 'shop/legacy' }).first().click();
  const record = await details.record();
  const stages = record.extensions?.value.spyglass;
  expect(stages?.drop?.stage).toBe('SERVICE');
  await expect(details.path.filter({ hasText: /^Service/i })).toBeVisible();
  expect(record.drop_reason_desc).toBe('SERVICE_BACKEND_NOT_FOUND');
});

test('a borrowed source address is shown with the pod that used it', async ({ flows, details }) => {
  const row = flows.rowsWith({ What: "Source address is not the pod's own" }).first();
  await expect(flows.cell(row, 'Source')).toContainText('clients/intruder');
  await row.click();
  await expect(details.flow).toContainText(
    /The packet claims to come from 203\.0\.113\.66, which is no address of clients\/intruder-/,
  );
});

test('a denied connection names the policies that deny by default', async ({ flows, details }) => {
  const row = flows.rowsWith({ Source: 'clients/intruder', Destination: 'shop/orders' }).first();
  await expect(flows.cell(row, 'What')).toContainText('No policy allows it');
  await row.click();
  await expect(details.title).toHaveText('Dropped at ingress policy');
  await expect(details.flow).toContainText(
    'shop/default-deny and shop/orders select shop/orders, and no ingress rule allows traffic from clients/intruder on port 8080 (TCP).',
  );
  await expect(details.path.filter({ hasText: /^egress policy/ })).toContainText(
    'NetworkPolicy clients/intruder, egress rule 0',
  );
  await expect(details.path.filter({ hasText: /^ingress policy/ })).toContainText('shop/default-deny and shop/orders');
});

test('an address without a route is named', async ({ flows, details }) => {
  await flows.rowsWith({ Destination: '198.51.100.7', Port: '443' }).first().click();
  await expect(details.flow).toContainText(/Node \S+ has no route to 198\.51\.100\.7\./);
});
