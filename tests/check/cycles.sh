#!/bin/sh
# SPDX-License-Identifier: MIT
# cycles.sh - no circle of #include, neither between the folders of host/ nor between its files.
# NAME.c and NAME.h count as one file: a file that includes another one's header is above it.
set -eu
unset CDPATH
cd "$(dirname "$0")/../../host"
passed=0 failed=0
# Lines "ABOVE BELOW", without an ending.
edges=$(grep -rnE '^#include "[a-z0-9_/]+\.h"' --include='*.[ch]' . |
    sed -E 's|^\./([^:]*)\.[ch]:[0-9]+:#include "([^"]*)\.h"|\1 \2|' | sort -u)
[ "$(echo "$edges" | wc -l)" -ge 100 ] || {
	echo "FAIL: cycles: host: fewer includes than there are"
	failed=$((failed + 1))
}
circles() { # $1: what the lines of stdin are about; each circle that tsort(1) finds is one line
	if bad=$(awk '$1 != $2' | sort -u | tsort 2>&1 >/dev/null); then
		passed=$((passed + 1))
	else
		echo "$bad" | awk -v of="$1" '/contains a loop/ {
			print line
			line = "FAIL: cycles: " of ":"
			next
		}
		    { line = line " " $2 } END { print line }' | grep .
		failed=$((failed + 1))
	fi
}
circles files <<EDGES
$edges
EDGES
circles folders <<EDGES
$(echo "$edges" | sed -E 's|/[^ ]*||g')
EDGES
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
