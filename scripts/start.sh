#!/usr/bin/env bash
# `npm start`: installs what is missing, builds, and runs the demo. Arguments go to `spyglass up`.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

require_node
require_root 'npm start'
need_packages "${PACKAGES_RUN[@]}"
need_npm_packages
build
rm -rf "$LOGS"
exec node dist/server/cli/main.js up deploy/demo "$@"
