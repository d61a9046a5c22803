import { describe, expect, test } from 'vitest';
import { isNamespaceOf, localNode } from './local-node.ts';

describe('node names', () => {
  test.each(['demo-1', 'a', 'node-0badcafex'])('%s is one', (name) => {
    expect(localNode(name).netns).toBe(`spyglass-${name}`);
  });

  test.each(['', 'Demo', '1st', 'a/b', '../x', 'a.b', 'a-', 'x'.repeat(41), 'demo-0badcafe'])(
    '"%s" is none',
    (name) => {
      expect(() => localNode(name)).toThrow('cannot be a node name');
    },
  );
});

test('namespaces of other nodes are left alone, however alike their names are', () => {
  const node = localNode('demo');
  const mine = ['spyglass-demo', 'spyglass-demo-0badcafe'];
  const others = ['spyglass-demo-1', 'spyglass-demo-1-0badcafe', 'spyglass-demo-0badcafe0', 'other', 'spyglass-dem'];
  expect([...mine, ...others].filter((it) => isNamespaceOf(node, it))).toEqual(mine);
});
