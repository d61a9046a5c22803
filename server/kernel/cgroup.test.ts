import { expect, test } from 'vitest';
import { cgroupMount, inCgroup } from './cgroup.ts';

test('the v2 mount is found alone, beside v1 mounts, and with a blank in its path', () => {
  expect(cgroupMount('cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n')).toBe('/sys/fs/cgroup');
  const hybrid = 'cgroup /sys/fs/cgroup/pids cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n';
  expect(cgroupMount(hybrid)).toBe('/sys/fs/cgroup/unified');
  expect(cgroupMount('none /mnt/my\\040groups cgroup2 rw 0 0')).toBe('/mnt/my groups');
  expect(cgroupMount('proc /proc proc rw 0 0\n')).toBeUndefined();
});

test('arguments reach the command inside a group as they are', () => {
  expect(inCgroup('/g', ['echo', '$x; "y"']).slice(3)).toEqual(['/g', 'echo', '$x; "y"']);
});
