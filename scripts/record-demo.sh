#!/usr/bin/env bash
# `npm run record:demo`: runs the demo and records it anew into deploy/demo/demo.recording, which `spyglass up` plays where
# it cannot run the demo itself.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source scripts/browser.sh

RECORDING=deploy/demo/demo.recording
RECORDED=60s
# From the start of the first pods to a steady state, connections that were refused at first included.
WARM_S=20
DEMO_NODE=demo-1

cleanup() { stop_demo || true; }

record() {
	sleep "$WARM_S"
	rm -f "$LOGS/demo.recording"
	node dist/server/cli/main.js record "$LOGS/demo.recording" --hub "http://127.0.0.1:$(<"$DEMO_PORT")" --for "$RECORDED"
	install -m 644 "$LOGS/demo.recording" "$RECORDING"
}

require_node
require_root 'npm run record:demo'
need_packages "${PACKAGES_RUN[@]}"
need_npm_packages
build
step 'Starting the demo' start_demo || die 'The demo did not start; the output above says why.'
step "Recording $RECORDED of it" record || die 'The demo could not be recorded; the output above says why.'
say "$RECORDING: $(stat -c %s "$RECORDING") bytes"
