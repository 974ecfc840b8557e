#!/bin/sh
# SPDX-License-Identifier: MIT
# symbols.sh - the library asks its host only for mem*(), exports only what is ivsh_ or private to
# its rooms, and keeps no state. $@: archives. Its size is tests/bench/counts.sh's.
set -eu
passed=0 failed=0
report() { # $1: archive, $2: what, $3: the offenders
	if [ -n "$3" ]; then
		echo "$3" | sed "s|^|FAIL: symbols: $1: $2: |"
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
}
for a; do
	symbols=$(nm -g "$a" | sort -u)
	defined=$(echo "$symbols" | awk 'NF == 3 && $2 ~ /[A-TV-Z]/ {print $3}')
	undefined=$(echo "$symbols" | awk '$1 == "U" {print $2}' | sort -u)
	[ -n "$defined" ] || report "$a" "defined" "nothing: nm cannot read it"
	report "$a" "undefined" "$(echo "$undefined" | grep -vxF "$defined" |
	    grep -vxE 'mem(cpy|move|set|cmp)' || true)"
	report "$a" "exported" "$(echo "$defined" | grep -v '^ivsh_' || true)"
	report "$a" "state" "$(size "$a" | awk 'NR > 1 && $2 + $3 > 0 {print $6}')"
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
