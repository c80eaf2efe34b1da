#!/bin/sh
# fuzz.sh [PACKAGE...] runs every fuzz target of the packages, or of the whole project, for a moment each, from its seeds. Those run
# in every plain `go test` already.
# FUZZTIME is a number of executions (1000x), or a time (10m) for whoever has it: a time can end a run as if it had failed
# (golang/go#75804).
set -eu
cd "$(dirname "$0")/.."
count=${FUZZTIME:-1000x}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# fuzz PACKAGE: all targets of one package, with one binary.
fuzz() {
	go test -trimpath -c -fuzz . -o "$work/fuzz.test" "./$1"
	sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$1"/*_test.go | while read -r target; do
		echo "fuzz $1 $target for $count"
		(cd "$1" && "$work/fuzz.test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$count" -test.fuzzminimizetime 100x \
			-test.fuzzcachedir "$work/found") >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
		rm -rf "$work/found"
	done
}

if [ $# -eq 0 ]; then
	set -- $(grep -l --include='*_test.go' -r '^func Fuzz' . | xargs -n 1 dirname | sort -u)
fi
for package; do fuzz "${package#./}"; done
