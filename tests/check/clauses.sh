#!/bin/sh
# SPDX-License-Identifier: MIT
# clauses.sh - the clauses of the contracts: those that a header numbers are those that
# lib/conformance checks, and a test breaks each of them, under its number.
set -eu
unset CDPATH
cd "$(dirname "$0")/../.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
id='[PDMS][0-9]\.[0-9]'
same() { # $1: what the lines are that only one of the files $2 and $3 has
	if diff "$2" "$3" > "$dir/diff"; then
		passed=$((passed + 1))
	else
		sed -n "s|^[<>]|FAIL: clauses: $1:|p" "$dir/diff"
		failed=$((failed + 1))
	fi
}
grep -oE "\"$id\"" lib/conformance/check.c | tr -d '"' > "$dir/listed"
sort -u "$dir/listed" > "$dir/checked"
sort "$dir/listed" > "$dir/sorted"
same "listed twice" "$dir/checked" "$dir/sorted"
for pair in P:platform D:doorbell M:mem S:mapped; do
	letter=${pair%:*} header=lib/include/ivsh/${pair#*:}.h
	# The number stands behind what it numbers, in parentheses. A header may name another's.
	grep -oE "\($id[;)]" "$header" | grep -oE "$letter[0-9.]+" | sort -u > "$dir/said"
	grep "^$letter" "$dir/checked" > "$dir/of" || true
	same "$header or lib/conformance alone has" "$dir/said" "$dir/of"
done
grep -rhoE "\b$id\b" tests/conformance | sort -u > "$dir/tested"
same "no test breaks" "$dir/checked" "$dir/tested"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
