# Shared by start.sh, test.sh and bench.sh: named and timed steps, missing packages, npm packages.
# Sourced, with bash; the working directory is the repository afterwards.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Packages the product is built and run with.
PACKAGES_RUN=(clang llvm make libbpf-dev libbpf1 bpftool iproute2 ca-certificates util-linux redis-server postgresql procps)
# What tests and benchmarks need on top.
PACKAGES_TEST=(chromium iperf3 iputils-ping iptables nftables gcc libc6-dev qemu-system-x86 busybox-static
	nginx-light nghttp2-proxy mariadb-server-core mariadb-client-core dnsmasq-base bind9-dnsutils curl wrk openssl)
# What the native modules among the npm packages are compiled with.
PACKAGES_NPM=(python3 make g++)

POLICY_SHIM=/usr/sbin/policy-rc.d
POLICY_MARK='# written by spyglass while it installs packages'

LOGS=$(mktemp -d "${TMPDIR:-/tmp}/spyglass-logs.XXXXXX")
KEEP_LOGS=
STEP_PID=

say() { printf '%s\n' "$*"; }

# One sentence on the error channel, then the end.
die() {
	printf '%s\n' "$*" >&2
	exit 1
}

on_exit() {
	local code=$?
	trap - EXIT INT TERM
	if [[ -n $STEP_PID ]]; then
		kill -TERM -- "-$STEP_PID" 2>/dev/null || true
	fi
	if declare -F cleanup >/dev/null; then cleanup; fi
	remove_policy_shim
	[[ -n $KEEP_LOGS ]] || rm -rf "$LOGS"
	exit "$code"
}
trap on_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# step NAME COMMAND...: runs it with its output in a log. Prints the name, the time it took and, should
# it fail, the log. On a terminal the seconds count up; elsewhere a line comes each half minute.
# The command's own status is returned.
step() {
	local name=$1 log code=0 start=$SECONDS
	shift
	log="$LOGS/$(tr -c 'a-zA-Z0-9\n' '-' <<<"$name").log"
	[[ -t 1 ]] || say "$name ..."
	# Its own process group, so that Ctrl-C reaches everything it started.
	set -m
	("$@") >"$log" 2>&1 </dev/null &
	STEP_PID=$!
	set +m
	watch_step "$name" "$start"
	wait "$STEP_PID" || code=$?
	STEP_PID=
	[[ ! -t 1 ]] || printf '\r\033[K'
	if ((code == 0)); then
		say "$name: done in $((SECONDS - start)) s"
		return 0
	fi
	KEEP_LOGS=yes
	say "$name: FAILED after $((SECONDS - start)) s (status $code), its output:"
	tail -n 150 "$log" | sed 's/^/  | /'
	say "  | (all of it: $log)"
	return "$code"
}

# Shows that the running step lives, until it ends.
watch_step() {
	local name=$1 start=$2 told=$SECONDS
	while kill -0 "$STEP_PID" 2>/dev/null; do
		if [[ -t 1 ]]; then
			printf '\r\033[K%s ... %d s' "$name" "$((SECONDS - start))"
		elif ((SECONDS - told >= 30)); then
			told=$SECONDS
			say "  $name ... $((SECONDS - start)) s"
		fi
		sleep 0.2
	done
}

# require_root WHAT: ends with a sentence unless this is root.
require_root() {
	[[ $(id -u) == 0 ]] || die "$1 needs root: it loads eBPF programs and makes network namespaces. Run it as root (sudo -E npm ...)."
}

require_node() {
	command -v node >/dev/null || die 'Node.js was not found. Install Node.js 20.19 or newer (https://nodejs.org) and run this again.'
	node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
		die "Node.js $(node -p process.versions.node) is too old: 20.19 or newer is needed. Install a newer one and run this again."
}

# Only a shim of ours is removed, also one that a killed run left behind.
remove_policy_shim() {
	if [[ -f $POLICY_SHIM ]] && grep -qF "$POLICY_MARK" "$POLICY_SHIM"; then rm -f "$POLICY_SHIM"; fi
}

installed() {
	[[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# need_packages PACKAGE...: installs those that are missing, and starts none of their services.
need_packages() {
	local missing=() package
	remove_policy_shim
	command -v dpkg-query >/dev/null || die "This is no Debian-like system (no dpkg). Install the likes of: $*; then build with 'npm ci && npm run build' and run 'npx spyglass up deploy/demo'."
	for package in "$@"; do
		if ! installed "$package" && [[ " ${missing[*]} " != *" $package "* ]]; then missing+=("$package"); fi
	done
	((${#missing[@]} > 0)) || return 0
	step "Reading Debian's package lists" apt-get update -q ||
		die 'The package lists could not be read. Check the network and /etc/apt/sources.list, then run this again.'
	step "Installing ${missing[*]}" install_packages "${missing[@]}" ||
		die "Packages could not be installed (${missing[*]}). Install them by hand and run this again."
}

install_packages() {
	local service
	# A package like redis-server starts a service when it is installed; only its program is wanted here.
	if [[ ! -e $POLICY_SHIM ]]; then
		printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" >"$POLICY_SHIM"
		chmod 755 "$POLICY_SHIM"
	fi
	export DEBIAN_FRONTEND=noninteractive
	apt-get install -qy --no-install-recommends "$@" || return
	remove_policy_shim
	# Nor should the next boot start them.
	for service in redis-server postgresql nginx nghttpx; do
		if [[ -e /etc/init.d/$service ]]; then update-rc.d "$service" disable; fi
	done
}

# What node_modules was made from: npm ci is skipped while this stays the same.
npm_stamp() {
	sha256sum package-lock.json | cut -d' ' -f1
	node -p 'process.platform + " " + process.arch + " " + process.versions.modules'
}

# Arguments go to npm.
install_npm_packages() {
	npm ci --no-audit --no-fund "$@" && return
	# npm 11 refuses a lock that lacks optional packages of other platforms, which a registry mirror may
	# not have. Installing by the lock, without writing it, gives the same tree.
	npm install --no-save --no-audit --no-fund "$@"
}

need_npm_packages() {
	local stamp=node_modules/.spyglass-stamp headers
	if [[ -f $stamp && $(<"$stamp") == "$(npm_stamp)" ]]; then return 0; fi
	need_packages "${PACKAGES_NPM[@]}"
	# Native modules are compiled against the headers that came with this Node.js, where it brought them.
	headers=$(dirname "$(dirname "$(node -p process.execPath)")")
	if [[ -f $headers/include/node/node_api.h ]]; then export npm_config_nodedir=$headers; fi
	step 'Installing npm packages' install_npm_packages ||
		die 'npm packages could not be installed; the output above says why. Check the network, then run this again.'
	npm_stamp >"$stamp"
}

# The same without native modules, for who cannot compile them and will not use them.
need_plain_npm_packages() {
	local stamp=node_modules/.spyglass-stamp
	if [[ -f $stamp && $(<"$stamp") == "$(npm_stamp)"* ]]; then return 0; fi
	step 'Installing npm packages' install_npm_packages --ignore-scripts ||
		die 'npm packages could not be installed; the output above says why. Check the network, then run this again.'
	{
		npm_stamp
		echo 'without native modules'
	} >"$stamp"
}

build() {
	step 'Building the eBPF programs' npm run --silent build:bpf || die 'The eBPF programs did not build; the output above says why.'
	build_server
	build_web
}

build_server() {
	step 'Building the server' npm run --silent build:server || die 'The server did not build; the output above says why.'
}

build_web() {
	step 'Building the web pages' npm run --silent build:web || die 'The web pages did not build; the output above says why.'
}
