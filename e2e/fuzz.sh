#!/bin/sh
# Runs every fuzz target of the project for a moment each. Their seeds run in every plain `go test` already.
set -eu
cd "$(dirname "$0")/.."
count=${FUZZTIME:-5000x}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
grep -o --include='*_test.go' -r '^func Fuzz[A-Za-z0-9_]*' . | sort | while IFS=: read -r file func; do
	target=${func#func }
	echo "fuzz $(dirname "$file") $target for $count"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "$count" -fuzzminimizetime 100x "$(dirname "$file")" >"$log" 2>&1 || { cat "$log"; exit 1; }
done
