#!/bin/sh
# SPDX-License-Identifier: MIT
# format.sh - every C file is laid out as .clang-format says. $1: clang-format.
set -eu
unset CDPATH
cd "$(dirname "$0")/../.."
passed=0 failed=0
for file in $(find lib firmware host tests -name '*.[ch]' | sort); do
	if "$1" --dry-run -Werror "$file" 2>/dev/null; then
		passed=$((passed + 1))
	else
		echo "FAIL: format: $file: run make format"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
