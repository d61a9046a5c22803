#!/usr/bin/env bash
# `npm run test:kernel-6.1 [-- VITEST ARGUMENTS]`: the kernel tests under Debian 12's own Linux 6.1, the oldest kernel
# that is supported, in a virtual machine with plain emulation. The guest's root is this machine's file system, read
# only below a layer of memory. The kernel is unpacked under node_modules/.cache, not installed. Exits with the tests'
# own status. KERNEL_6_1_REPORT: where to leave the JSON report. KERNEL_6_1_MACHINES: share the test files, in turn, among
# so many machines that run at once (1). SPYGLASS_POLICY_CASES_EVERY: run each so many of the policy cases (1). Needs
# root, because files of root are read.
#
# The tests in e2e/kernel/peers run only if they are named: they compare what is read of messages with what servers of others say they
# answered. Reading happens outside the kernel, the same on every one; what captures for it is tested by l7-*.test.ts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# All of it takes half an hour in one machine that has a core of its own.
DEADLINE_SECONDS=3600
MEMORY_MIB=2048
MACHINES=${KERNEL_6_1_MACHINES:-1}
# What runs without arguments. The longest first, so that several machines get about the same share.
if (($# == 0)); then
	set -- e2e/kernel/{policy-matrix,datapath,services,policy,uplink,matrix,services-host,policy-changes,fuzz}.test.ts
	for file in e2e/kernel/*.test.ts; do [[ " $* " == *" $file "* ]] || set -- "$@" "$file"; done
	set -- "$@" server/kernel
fi
CACHE=$PWD/node_modules/.cache/kernel-6.1
# What the guest needs before it can reach the rest of its modules in the host's file system.
BOOT_MODULES=(virtio_pci 9pnet_virtio 9p overlay)

die() {
	printf '%s\n' "$*" >&2
	exit 1
}

[[ $(id -u) == 0 ]] || die 'The tests under Linux 6.1 need root. Run this as root (sudo -E npm run test:kernel-6.1).'
[[ $(uname -m) == x86_64 ]] || die "The tests under Linux 6.1 use Debian's kernel for x86_64, this machine is $(uname -m)."
for program in qemu-system-x86_64 busybox dpkg-deb; do
	command -v "$program" >/dev/null || die "$program was not found. Install the Debian packages qemu-system-x86 and busybox-static."
done

WORK=$(mktemp -d "${TMPDIR:-/tmp}/spyglass-kernel-6.1.XXXXXX")
RUNNING=()
cleanup() {
	local code=$?
	trap - EXIT INT TERM
	# To timeout, which passes it on; its own death would leave the machines running.
	if ((${#RUNNING[@]} > 0)); then
		kill -TERM "${RUNNING[@]}" 2>/dev/null || true
		wait "${RUNNING[@]}" || true
	fi
	rm -rf "$WORK"
	exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

newest_package() {
	apt-cache pkgnames linux-image-6.1.0- | grep -E '^linux-image-6\.1\.0-[0-9]+-amd64$' | sort -V | tail -n 1
}

# Downloads and unpacks the kernel into $CACHE, unless it is there. Moved into place whole, so that a run that was
# stopped leaves nothing half.
fetch_kernel() {
	local package=$1 folder=$CACHE/$1
	if [[ -d $folder ]]; then return 0; fi
	echo "Downloading $package"
	rm -rf "$CACHE"
	mkdir -p "$CACHE" "$WORK/download" "$WORK/kernel"
	chmod 755 "$WORK" "$WORK/download" # apt downloads as a user of its own
	(cd "$WORK/download" && { apt-get download -q "$package" || { apt-get update -q && apt-get download -q "$package"; }; }) >"$WORK/apt.log" 2>&1 ||
		die "$package could not be downloaded: $(tail -n 1 "$WORK/apt.log"). Check the network and /etc/apt/sources.list."
	dpkg-deb -x "$WORK"/download/*.deb "$WORK/kernel"
	busybox depmod -b "$WORK/kernel" "$(ls "$WORK/kernel/lib/modules")"
	mv "$WORK/kernel" "$folder"
}

# An initramfs with busybox, its init, and the modules that reach the host's file system.
make_initramfs() {
	local modules=$1 release=$2 root=$WORK/initramfs file
	mkdir -p "$root"/{bin,proc,sys,dev,lower,layer,root} "$root/lib/modules/$release"
	cp "$(command -v busybox)" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	install -m 755 scripts/kernel-6.1/init "$root/init"
	for module in "${BOOT_MODULES[@]}"; do
		# modules.dep: FILE: FILES IT NEEDS
		sed -n "s|^\(.*/$module\.ko\):|\1|p" "$modules/modules.dep" | tr ' ' '\n'
	done | sort -u | while read -r file; do
		install -D "$modules/$file" "$root/lib/modules/$release/$file"
	done
	busybox depmod -b "$root" "$release"
	(cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$WORK/initramfs.gz"
}

package=$(newest_package)
[[ -n $package ]] || { apt-get update -q >/dev/null 2>&1 || true; package=$(newest_package); }
[[ -n $package ]] || die "No package linux-image-6.1.0-*-amd64 is known. Add Debian 12 (bookworm) to the sources of apt, then run this again."
fetch_kernel "$package"
release=$(ls "$CACHE/$package/lib/modules")
modules=$CACHE/$package/lib/modules/$release
make_initramfs "$modules" "$release"

# start_machine INDEX VITEST ARGUMENTS...: a machine with its own folder for results, in the background.
start_machine() {
	local out=$WORK/out-$1 arguments
	shift
	mkdir "$out"
	cp scripts/kernel-6.1/guest.sh "$out/"
	printf -v arguments '%q ' "$@"
	{
		printf 'export PATH=%q HOME=%q CI=1 NO_COLOR=1 SPYGLASS_FUZZ_SECONDS=8 SPYGLASS_ANSWER_MS=4000 SPYGLASS_KERNEL_TEST_MS=240000 SPYGLASS_POLICY_CASES_EVERY=%q\n' \
			"$PATH" "$HOME" "${SPYGLASS_POLICY_CASES_EVERY:-1}"
		printf 'REPOSITORY=%q\nCOMMAND=%q\n' "$PWD" \
			"npx vitest run --project kernel --no-isolate --reporter=verbose --reporter=json --outputFile.json=/run/guest/out/report.json $arguments"
	} >"$out/environment"
	# Emulation only: a machine that is itself virtual often has a /dev/kvm that hangs. One processor: with two, the guest
	# has hung while it started, and the host's own kernel runs the same tests on all it has.
	timeout --kill-after=5 "$DEADLINE_SECONDS" qemu-system-x86_64 \
		-machine q35 -accel tcg,tb-size=512 -cpu max -smp 1 -m "$MEMORY_MIB" \
		-nic none -no-reboot -display none -monitor none -serial stdio \
		-kernel "$CACHE/$package/boot/vmlinuz-$release" -initrd "$WORK/initramfs.gz" \
		-append 'console=ttyS0 loglevel=5 panic=-1 mitigations=off nowatchdog tsc=reliable' \
		-virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
		-virtfs "local,path=$modules,mount_tag=modules,security_model=none,readonly=on" \
		-virtfs "local,path=$out,mount_tag=out,security_model=none" </dev/null &
	RUNNING+=($!)
}

# share INDEX FILE...: every MACHINES-th of the files, from INDEX on.
share() {
	local index=$1
	shift
	while (($# > index)); do
		printf '%s\n' "${@:index+1:1}"
		shift "$((MACHINES < $# ? MACHINES : $#))"
	done
}

for ((index = 0; index < MACHINES; index++)); do
	if ((MACHINES == 1)); then
		start_machine 0 "$@"
		continue
	fi
	mapfile -t files < <(share "$index" "$@")
	if ((${#files[@]} > 0)); then start_machine "$index" "${files[@]}" >"$WORK/log-$index"; fi
done

failed=0
for index in "${!RUNNING[@]}"; do
	code=0
	wait "${RUNNING[index]}" || code=$?
	unset "RUNNING[index]"
	if [[ -f $WORK/log-$index ]]; then cat "$WORK/log-$index"; fi
	if (((code == 124 || code == 137) && SECONDS >= DEADLINE_SECONDS)); then
		die "The tests under Linux 6.1 were not done after $DEADLINE_SECONDS s; the last line above says how far they came."
	fi
	((code == 0)) || die "The virtual machine failed with status $code; the lines above say why."
	[[ -f $WORK/out-$index/status ]] || die 'The virtual machine ended before the tests did; the lines above say why.'
	if [[ $(<"$WORK/out-$index/status") != 0 ]]; then failed=1; fi
done
if [[ -n ${KERNEL_6_1_REPORT:-} ]]; then
	node scripts/kernel-6.1/merge-reports.mjs "$KERNEL_6_1_REPORT" "$WORK"/out-*/report.json
fi
exit "$failed"
