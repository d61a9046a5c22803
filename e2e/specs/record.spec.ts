/** Is what the page shows of a flow what the API says of it? */
import { expect, test } from '../pages/test.ts';

for (const term of ['verdict:dropped', 'verdict:forwarded protocol:tcp']) {
  test(`the record of a flow with ${term} equals the exported one`, async ({ frame, filter, flows, details, hub }) => {
    await frame.open('/flows');
    await filter.add(term);
    await flows.rows.first().click();
    const shown = await details.record();

    // Up to the next millisecond, as the end of the range may be excluded.
    const until = new Date(Date.parse(shown.time) + 1).toISOString();
    const exported = await hub.flows({ verdict: [String(shown.verdict)] }, { since: shown.time, until });
    expect(exported.find(({ flow }) => flow?.uuid === shown.uuid)?.flow).toEqual(shown);
    await expect(details.flow).toContainText(shown.IP?.destination ?? '');
    await expect(details.flow).toContainText(shown.extensions?.value.spyglass.connection_id ?? '');
  });
}
