#!/bin/sh
# SPDX-License-Identifier: MIT
# columns.sh - no line of a source file goes beyond 100 columns, comments included. A tab goes to
# the next multiple of 8. What has lines of data is left out: the fuzzers' corpus, and tables of
# figures.
set -eu
unset CDPATH
cd "$(dirname "$0")/../.."
passed=0 failed=0
sources=$(find examples lib firmware host linker tests -type f ! -path 'tests/fuzz/corpus/*' \
    \( -name '*.[chS]' -o -name '*.[ch]pp' -o -name '*.cc' -o -name '*.py' -o -name '*.sh' \
    -o -name '*.mk' -o -name '*.ld' -o -name '*.pml' \) | sort)
for file in Makefile run-qemu.sh setup.sh .ci/run $sources; do
	long=$(expand "$file" | awk 'length($0) > 100 { print NR }')
	if [ -n "$long" ]; then
		echo "$long" | sed "s|^|FAIL: columns: $file: beyond column 100: line |"
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
