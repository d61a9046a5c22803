/** What a reader of one namespace gets from history is what they got from memory, whatever they filter by. */
import { expect, it } from 'vitest';
import type { HubbleFlow } from '../../wire/hubble.ts';
import { parseFilter } from '../../flows/filter.ts';
import { flowPlace } from '../../flows/flow-uuid.ts';
import { FlowReading } from '../flow-reader.ts';
import type { HubState } from '../hub-state.ts';
import { HistoryBed } from '../history/testing/history-bed.ts';
import { mapOver, routesOver } from '../past-window.ts';
import { FakeAgent } from '../testing/hub-bed.ts';
import { HIDDEN_FILTERS, SECRETS, SHOP_PORTS, teamFlows, TEAMS, tellOfTeams } from './testing/two-teams.ts';
import { Visibility } from './visibility.ts';

const NEVER = new AbortController().signal;
const bed = new HistoryBed();

async function read(state: HubState, visibility: Visibility, words: string): Promise<HubbleFlow[]> {
  const filter = parseFilter(new URLSearchParams(words));
  const query = { filter, since: null, until: null, after: null, before: null };
  const found: HubbleFlow[] = [];
  for await (const { flows } of new FlowReading(state, false, visibility).pages(query, Infinity, NEVER))
    found.push(...flows);
  return found;
}

it('finds the same in both', async () => {
  const first = await bed.hub();
  const agent = await new FakeAgent(first).start({}, TEAMS);
  await agent.deliver(teamFlows());
  const shop = Visibility.of(['shop']);
  const asked = [
    '',
    ...HIDDEN_FILTERS.flatMap(([name, value]) =>
      ['', 'not.', 'from-', 'not.to-'].map((how) => `${how}${name}=${value}`),
    ),
    // What is hidden has no identity; what it really has must not narrow the search.
    'identity=0',
    'not.identity=0',
    'namespace=shop&not.ip=10.1.0.18',
  ];
  const expected = new Map<string, HubbleFlow[]>();
  for (const words of asked) expected.set(words, await read(first.state, shop, words));
  const everything = await read(first.state, Visibility.ALL, '');
  expect(expected.get('')).toHaveLength(SHOP_PORTS.length);
  expect(expected.get('identity=0')?.length).toBeGreaterThan(0);
  await first.close();

  const second = await bed.hub();
  expect(second.state.store.stored).toBe(0);
  for (const [words, flows] of expected) expect(await read(second.state, shop, words), words).toEqual(flows);
  expect(JSON.stringify(await read(second.state, shop, ''))).not.toMatch(SECRETS);
  expect(await read(second.state, Visibility.ALL, '')).toEqual(everything);
  const keyOf = (port: number): Promise<unknown> => {
    const place = flowPlace(everything.find((it) => it.l4?.TCP?.source_port === port)?.uuid ?? '');
    if (place === null) throw new Error(`no flow from port ${port}`);
    return new FlowReading(second.state, false, shop).keyOf(place, NEVER);
  };
  expect(await keyOf(1)).toHaveProperty('time');
  await expect(keyOf(4)).rejects.toThrow('no longer kept');
});

it('sums of past windows tell no more than those of now', async () => {
  const first = await bed.hub();
  await tellOfTeams(new FakeAgent(first));
  await first.close();
  const { state } = await bed.hub();
  const until = Math.floor(Date.now() / 1000) + 1;
  const wanted = { since: until - 120, until, group: 'pod' as const, filter: parseFilter([]) };
  const asked = async (visibility: Visibility): Promise<{ edges: string[]; text: string }> => {
    const map = await mapOver(state, { ...wanted, visibility }, NEVER);
    const routes = await routesOver(state, { ...wanted, visibility }, 'pair-route', NEVER);
    return { edges: map.edges.map(({ id }) => id).toSorted(), text: JSON.stringify([map, routes]) };
  };
  expect((await asked(Visibility.ALL)).text).toMatch(SECRETS);
  const { edges, text } = await asked(Visibility.of(['shop']));
  expect(text).not.toMatch(SECRETS);
  expect(edges).toEqual([
    'hidden>shop/Pod/cart-1:TCP/8080',
    'shop/Pod/web-1>hidden:TCP/8080',
    'shop/Pod/web-1>shop/Pod/cart-1:TCP/8080',
    'shop/Pod/web-1>world/203.0.113.7:TCP/8080',
  ]);
});
