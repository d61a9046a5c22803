#!/usr/bin/env bash
# `npm run bench`: builds, runs the benchmarks, prints their tables and writes them to bench/results and
# bench/RESULTS.md. `npm run bench -- datapath` runs one of them.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

BENCHMARKS=("$@")
((${#BENCHMARKS[@]} > 0)) || BENCHMARKS=(datapath control pipeline hub maglev l7)
for name in "${BENCHMARKS[@]}"; do
	[[ -f bench/$name/main.ts ]] || die "There is no benchmark $name; there are: $(cd bench && printf '%s ' */main.ts | sed 's|/main.ts||g')"
done

require_node
require_root 'npm run bench'
need_packages "${PACKAGES_RUN[@]}" "${PACKAGES_TEST[@]}"
need_npm_packages
build

failed=0
for name in "${BENCHMARKS[@]}"; do
	say "Benchmark $name"
	node "dist/bench/$name/main.js" || failed=1
done
exit "$failed"
