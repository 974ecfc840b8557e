#!/bin/sh
# SPDX-License-Identifier: MIT
# spec.sh - SPEC.md and the code agree: each table row is a static assert against wire.h; the example
# is what the library writes; each requirement is named where it is fulfilled or tested.
# $1: the program that prints the example.
set -eu
unset CDPATH
cd "$(dirname "$0")/../.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
ok() { passed=$((passed + 1)); }
bad() { sed 's/^/FAIL: spec: /'; failed=$((failed + 1)); }

awk '
BEGIN { print "#include <stddef.h>\n#include <ivsh/wire.h>" }
/^### `struct / { s = $0; sub(/^### `/, "", s); sub(/`.*/, "", s) }
/^\| *0x/ {
	row = $0; gsub(/[ `]/, "", row); split(row, c, "|"); n++
	printf "_Static_assert(offsetof(%s, %s) == %s, \"%s.%s offset\");\n", s, c[4], c[2], s, c[4]
	printf "_Static_assert(sizeof(((%s *)0)->%s) == %s, \"%s.%s size\");\n", s, c[4], c[3], s, c[4]
	end[s] = c[2] " + " c[3]
}
END {
	for (s in end) printf "_Static_assert(sizeof(%s) == %s, \"%s whole\");\n", s, end[s], s
	if (n < 60) exit 1
}' SPEC.md > "$dir/rows.c" || echo "fewer than 60 rows" | bad
if gcc -std=c11 -ffreestanding -Werror -Ilib/include -fsyntax-only "$dir/rows.c" 2> "$dir/errors"; then
	ok
else
	bad < "$dir/errors"
fi

"$1" > "$dir/example.hex"
if diff tests/core/example.hex "$dir/example.hex" > "$dir/diff"; then ok; else bad < "$dir/diff"; fi
awk '/^## 13/ {on = 1} on && /^```/ {in_block = !in_block; next} on && in_block' SPEC.md > "$dir/spec.hex"
if diff tests/core/example.hex "$dir/spec.hex" > "$dir/diff"; then ok; else bad < "$dir/diff"; fi

# Ids in SPEC.md, in the code, and in the tests.
grep -oE '^- \*\*R[0-9]+\.[0-9]+' SPEC.md | grep -oE 'R[0-9.]+' | sort -uV > "$dir/spec"
grep -rhoE '\bR[0-9]+\.[0-9]+' lib host | sort -uV > "$dir/code"
grep -rhoE '\bR[0-9]+\.[0-9]+' tests --include='*.c' --include='*.py' --include='*.sh' | sort -uV > "$dir/tests"
# shellcheck disable=SC2013  # one word a line
for id in $(cat "$dir/code" "$dir/tests" | sort -uV); do
	grep -qx "$id" "$dir/spec" || echo "$id: named in the code, not in SPEC.md"
done > "$dir/unknown"
if [ -s "$dir/unknown" ]; then bad < "$dir/unknown"; else ok; fi
# shellcheck disable=SC2013
for id in $(cat "$dir/spec"); do
	grep -qx "$id" "$dir/tests" || echo "$id: no test names it"
done > "$dir/untested"
if [ -s "$dir/untested" ]; then bad < "$dir/untested"; else ok; fi
# R1.2: no read-modify-write of a shared word anywhere in the library.
if grep -rnE '__(atomic_(fetch|add|sub|and|or|xor|nand|exchange|compare|test)|sync_)' lib/core lib/device lib/include \
    > "$dir/rmw"; then bad < "$dir/rmw"; else ok; fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
