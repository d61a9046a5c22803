# Runs in the guest that kernel-6.1.sh starts, as its first process: mounts what the tests need, runs them, leaves
# their status in /run/guest/out, and switches the machine off. REPOSITORY and COMMAND stand in the file `environment`.
# shellcheck shell=bash
out=/run/guest/out

# The kernel asks for modules by modprobe, which need not be installed on the host.
mkdir -p "/lib/modules/$(uname -r)"
mount --bind /run/guest/modules "/lib/modules/$(uname -r)"
echo /run/guest/modprobe >/proc/sys/kernel/modprobe

mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /dev/shm /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t devpts devpts /dev/pts
ln -sf /proc/self/fd /dev/fd
hostname spyglass-guest
ip link set lo up
# All processes share a slow processor: packets of many senders wait for it at once, and none is to be lost there.
echo 10000 >/proc/sys/net/core/netdev_max_backlog

# shellcheck source=/dev/null
. "$out/environment"
echo "Linux $(uname -r) is up after $(cut -d. -f1 /proc/uptime) s"
cd "$REPOSITORY" && bash -c "$COMMAND" </dev/null
echo $? >"$out/status"
echo o >/proc/sysrq-trigger
sleep 60
