#!/usr/bin/env bash
# `npm start`: installs what is missing, builds, and runs the demo. Arguments go to `spyglass up`, which plays a recording of
# the demo where it cannot run it, such as without root.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# What a replay takes: neither Debian packages nor native modules nor eBPF programs.
prepare_replay() {
	if [[ ! -w . ]]; then
		[[ -f dist/server/cli/main.js ]] || die "$PWD is not yours to build in: run this as root, or in a copy of your own."
		return 0
	fi
	need_plain_npm_packages
	build_server
	build_web
}

require_node
if [[ $(id -u) == 0 ]]; then
	need_packages "${PACKAGES_RUN[@]}"
	need_npm_packages
	build
else
	prepare_replay
fi
rm -rf "$LOGS"
exec node dist/server/cli/main.js up deploy/demo "$@"
