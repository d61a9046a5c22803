/** What would a policy on trial deny? The demo's visitors have one that forgot DNS. */
import { expect, test } from '../pages/test.ts';

test('an audited flow says that it passed, and what would deny it', async ({ frame, filter, flows, details }) => {
  await frame.open('/flows');
  await filter.add('verdict:audit');
  const row = flows.rowsWith({ Source: 'clients/load', Destination: 'kube-system/kube-dns' }).first();
  await expect(flows.cell(row, 'Verdict')).toHaveText('Audit');
  await row.click();
  await expect(details.flow).toContainText(
    'It passed because this is on trial (audit): clients/load selects clients/load, and no egress rule allows traffic to kube-system/kube-dns on port 53 (UDP).',
  );
  await expect(details.flow).toContainText('would be denied: no egress rule of clients/load');
});
