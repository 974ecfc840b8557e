#!/bin/sh
# SPDX-License-Identifier: MIT
#
# one_file.sh - the library in one file, compiled by -O2 alone, costs a message what the library
# does: tests/bench/counts.txt. gcc gives registers otherwise where it sees all functions at once:
# 2 % are allowed, in place of 1. $1: the compiler, as gcc-12; the rest: build/ARCH/one_file.elf.
set -eu
compiler=$1
shift
table=$(dirname "$0")/counts.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
# shellcheck source=tests/bench/in_guest.sh
. "$(dirname "$0")/in_guest.sh"

for elf; do
	for size in 8 64 1024; do
		in_guest "$elf" "$size" '' || true
	done
	in_guest "$elf" 8 node || true
	in_guest "$elf" 64 slept || true
done >"$work/counted"
awk -v compiler="$compiler" -v wanted=$((10 * $#)) '
NR == FNR {
	if ($1 == "what")
		for (i = 4; i <= NF; i++)
			if ($i == compiler)
				column = i
	if (column && $1 !~ /^#/)
		allowed[$1 " " $2 " " $3] = $column
	next
}
{
	name = $1 " " $2 " " $3
	if (!(name in allowed) || allowed[name] == "-") {
		print name ": " $4 " with " compiler ", which the table does not have"
		skipped++
	} else if ($4 <= 0 || $4 > allowed[name] * 1.02) {
		print "FAIL: one_file: " name ": got " $4 ", allowed " allowed[name] " and 2 %"
		failed++
	} else {
		print name ": " $4 " of " allowed[name]
		passed++
	}
}
END {
	if (passed + failed + skipped != wanted) {
		print "FAIL: one_file: " passed + failed + skipped " counts, not " wanted
		failed++
	}
	printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
	exit failed != 0
}' "$table" "$work/counted"
