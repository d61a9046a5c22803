# The browser suite of test.sh: the demo on a port and under a node name of its own, Playwright against it,
# and a look at what it leaves behind when it has stopped. Sourced after lib.sh.

DEMO_NODE=browser-test
DEMO_PID=$LOGS/demo.pid
DEMO_PORT=$LOGS/demo.port

free_port() {
	node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

# Starts the demo and returns when it serves a map with edges. A crashed run's leftovers go with its start.
start_demo() {
	local port deadline=$((SECONDS + 120))
	port=$(free_port)
	echo "$port" >"$DEMO_PORT"
	node dist/server/cli/main.js up deploy/demo --node "$DEMO_NODE" --port "$port" --grpc-port 0 &
	echo $! >"$DEMO_PID"
	until answers "http://127.0.0.1:$port/readyz" && [[ $(count_edges "$port") -gt 0 ]]; do
		kill -0 "$(<"$DEMO_PID")" 2>/dev/null || {
			echo 'The demo ended before it was ready.'
			return 1
		}
		((SECONDS < deadline)) || {
			echo 'The demo showed no edges within 120 s.'
			return 1
		}
		sleep 1
	done
}

# Whether a URL answers with 200. Node.js is certain to be here, curl is not.
answers() {
	node -e 'fetch(process.argv[1]).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))' "$1"
}

count_edges() {
	node -e 'fetch(process.argv[1]).then((r) => r.json()).then((m) => console.log(m.edges.length), () => console.log(0))' \
		"http://127.0.0.1:$1/api/v1/service-map"
}

# Inodes of the demo's network namespaces, one a line.
demo_namespaces() {
	find /run/netns -name "spyglass-$DEMO_NODE*" -exec stat -L -c %i {} + 2>/dev/null || true
}

stop_demo() {
	local pid
	[[ -f $DEMO_PID ]] || return 0
	pid=$(<"$DEMO_PID")
	rm -f "$DEMO_PID"
	kill -TERM "$pid" 2>/dev/null || return 0
	for _ in $(seq 100); do
		kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.1
	done
	echo 'The demo did not stop within 10 s and was killed.'
	kill -KILL "$pid" 2>/dev/null
	return 1
}

# Stops the demo; fails with a list of what is still there then.
stop_demo_and_look() {
	local inodes inode left=()
	inodes=$(demo_namespaces)
	stop_demo
	mapfile -t left < <(
		find /run/netns /run/spyglass /sys/fs/bpf/spyglass /sys/fs/cgroup -name "*$DEMO_NODE*" 2>/dev/null
		pgrep -fa -- "(--node $DEMO_NODE|127.0.0.1:$(<"$DEMO_PORT"))( |\$)" | grep -v pgrep
		for inode in $inodes; do
			find /proc -maxdepth 3 -path '/proc/[0-9]*/ns/net' -lname "net:\[$inode\]" -printf 'process in a pod: %p\n' 2>/dev/null
		done
	)
	((${#left[@]} == 0)) || {
		printf 'left behind: %s\n' "${left[@]}"
		return 1
	}
}

browser_suite() {
	if step 'Starting the demo' start_demo; then
		SPYGLASS_URL="http://127.0.0.1:$(<"$DEMO_PORT")" PLAYWRIGHT_JSON_OUTPUT_NAME="$LOGS/browser.json" \
			suite 'Browser tests' "$LOGS/browser.json" npx playwright test --reporter=list,json
	else
		FAILED=$((FAILED + 1))
	fi
	if [[ -f $DEMO_PID ]]; then check 'Stopping the demo leaves nothing behind' stop_demo_and_look; fi
}
