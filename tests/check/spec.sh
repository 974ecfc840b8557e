#!/bin/sh
# SPDX-License-Identifier: MIT
# spec.sh - SPEC.md and the code agree: each table row is a static assert against wire.h; the
# example is what the library writes; each rule has its place and one "must", and a test names it,
# or its group.
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
	printf "_Static_assert(sizeof(((%s *)0)->%s) == %s, \"%s.%s size\");\n", \
	    s, c[4], c[3], s, c[4]
	end[s] = c[2] " + " c[3]
}
END {
	for (s in end) printf "_Static_assert(sizeof(%s) == %s, \"%s whole\");\n", s, end[s], s
	if (n < 60) exit 1
}' SPEC.md > "$dir/rows.c" || echo "fewer than 60 rows" | bad
if gcc -std=c11 -ffreestanding -Werror -Ilib/include -fsyntax-only "$dir/rows.c" \
    2> "$dir/errors"; then
	ok
else
	bad < "$dir/errors"
fi

"$1" > "$dir/example.hex"
if diff tests/core/example.hex "$dir/example.hex" > "$dir/diff"; then ok; else bad < "$dir/diff"; fi
awk '/^## 13/ {on = 1} on && /^```/ {in_block = !in_block; next} on && in_block' SPEC.md \
    > "$dir/spec.hex"
if diff tests/core/example.hex "$dir/spec.hex" > "$dir/diff"; then ok; else bad < "$dir/diff"; fi

# Rules: in order, in their section and group; each has one "must" and at most 50 words.
awk '
function rule_end() {
	if (id != "" && gsub(/must/, "&", text) != 1) print id ": not exactly one must"
	if (id != "" && words > 50) print id ": " words " words"
	id = ""
}
function group_end() {
	if (group != "" && rules == 0) print group ": has no rules"
	group = ""
}
/^## / { group_end(); section = $2 + 0; groups = 0 }
/^\*\*R[0-9]/ {
	group_end(); group = $1; gsub(/[*:]/, "", group); rules = 0
	if (group != "R" section "." ++groups) print group ": not the next of section " section
	print group > groups_file
}
/^- \*\*R[0-9]/ {
	rule_end(); id = $2; gsub(/\*/, "", id); text = ""; words = -2; rules++
	if (id != group "." rules && (id != group || rules != 1))
		print id ": not the next of " group
	print id > rules_file
}
id != "" && /^$/ { rule_end() }
id != "" { text = text " " $0; words += NF }
END { rule_end(); if (NR < 200) print "SPEC.md is short" }
' groups_file="$dir/groups" rules_file="$dir/rules" SPEC.md > "$dir/form"
if [ -s "$dir/form" ]; then bad < "$dir/form"; else ok; fi

# Ids in the code and in the tests: each is a rule, or a group and so all of its rules.
id='\bR[0-9]+(\.[0-9]+){1,2}'
grep -rhoE "$id" lib host firmware DESIGN.md | sort -uV > "$dir/code"
find tests -name '*.[ch]' -o -name '*.py' -o -name '*.sh' -o -name '*.pml' > "$dir/files"
xargs grep -hoE "$id" < "$dir/files" | sort -uV > "$dir/tests"
cat "$dir/groups" "$dir/rules" > "$dir/spec"
# shellcheck disable=SC2013  # one word a line
for id in $(cat "$dir/code" "$dir/tests" | sort -uV); do
	grep -qxF "$id" "$dir/spec" || echo "$id: named in the code, not in SPEC.md"
done > "$dir/unknown"
if [ -s "$dir/unknown" ]; then bad < "$dir/unknown"; else ok; fi
# shellcheck disable=SC2013
for id in $(cat "$dir/rules"); do
	group=$(echo "$id" | grep -oE '^R[0-9]+\.[0-9]+')
	grep -qxF -e "$id" -e "$group" "$dir/tests" || echo "$id: no test names it"
done > "$dir/untested"
if [ -s "$dir/untested" ]; then bad < "$dir/untested"; else ok; fi
# R1.2: no read-modify-write of a shared word anywhere in the library.
rmw='__(atomic_(fetch|add|sub|and|or|xor|nand|exchange|compare|test)|sync_)'
if grep -rnE "$rmw" lib/core lib/device lib/include > "$dir/rmw"; then bad < "$dir/rmw"; else ok; fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
