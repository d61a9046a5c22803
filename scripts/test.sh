#!/usr/bin/env bash
# `npm test`: installs what is missing, builds, runs every check and every suite, and ends with one line
# `N passed, N failed`. A check that fails does not stop the others.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source scripts/browser.sh

PASSED=0
FAILED=0
SKIPPED=0

totals() {
	if ((SKIPPED > 0)); then say "$SKIPPED skipped"; fi
	say "$PASSED passed, $FAILED failed"
}

cleanup() {
	stop_demo || true
	# Also where a step before the tests ended the run, so that the last line always says how it went.
	if [[ -z ${COMPLETE:-} ]]; then
		FAILED=$((FAILED + 1))
		totals
	fi
}

# check NAME COMMAND...: counts as one test.
check() {
	if step "$@"; then PASSED=$((PASSED + 1)); else FAILED=$((FAILED + 1)); fi
}

# suite NAME REPORT COMMAND...: counts as the tests in the JSON report it leaves.
suite() {
	local name=$1 report=$2 code=0 passed failed skipped
	shift 2
	step "$name" "$@" || code=$?
	read -r passed failed skipped < <(node scripts/tally.mjs "$report" "$code")
	say "  $passed passed, $failed failed$( ((skipped == 0)) || echo ", $skipped skipped")"
	PASSED=$((PASSED + passed))
	FAILED=$((FAILED + failed))
	SKIPPED=$((SKIPPED + skipped))
}

vitest_suite() {
	suite "$1" "$LOGS/$2.json" npx vitest run --project "$2" --reporter=default --reporter=json --outputFile.json="$LOGS/$2.json"
}

copy_generated() {
	mkdir -p "$1"
	find server web bpf -name '*.gen.ts' -not -path '*/node_modules/*' -exec cp --parents {} "$1" \;
}

# The generated files must be what the sources generate now.
generated_files() {
	copy_generated "$LOGS/generated-before"
	npm run --silent generate || return
	copy_generated "$LOGS/generated-now"
	diff -ru "$LOGS/generated-before" "$LOGS/generated-now" || {
		echo 'Generated files are not what the sources generate. They have been written anew: look at them and commit them.'
		return 1
	}
}

require_node
require_root 'npm test'
need_packages "${PACKAGES_RUN[@]}" "${PACKAGES_TEST[@]}"
need_npm_packages
build

check 'Generated files' generated_files
check 'Format' npx oxfmt --check .
check 'Lint' npx oxlint --type-aware
check 'Imports' node scripts/check-imports.mjs
check 'Types' npm run --silent typecheck
vitest_suite 'Unit tests' unit
vitest_suite 'Kernel tests' kernel
# Emulation is slow: not the matrices, which take as long as all of this. The longest first, for equal shares.
KERNEL_6_1_MACHINES=2 KERNEL_6_1_REPORT=$LOGS/kernel-6.1.json \
	suite 'Kernel tests under Linux 6.1' "$LOGS/kernel-6.1.json" npm run --silent test:kernel-6.1 -- \
	e2e/kernel/{services,datapath,policy,uplink}.test.ts server/kernel \
	e2e/kernel/{packets,headers,translation,icmp-errors,fragments,no-backend,uplink-packets,prefilter}.test.ts \
	e2e/kernel/l7-{capture,changeover,datagrams,http2,modes,signatures}.test.ts
vitest_suite 'Process tests' process
browser_suite

COMPLETE=yes
totals
((FAILED == 0))
