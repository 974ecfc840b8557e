#!/bin/sh
# SPDX-License-Identifier: MIT
# format.sh - every C file is laid out as .clang-format says. $1: clang-format. Version 14 decides:
# others lay out some files in another way, which is shown, and skipped.
set -eu
unset CDPATH
cd "$(dirname "$0")/../.."
passed=0 failed=0 skipped=0
version=$("$1" --version | sed -n 's/.*version \([0-9]*\).*/\1/p')
[ -n "$version" ] || {
	echo "FAIL: format: $1 does not say its version"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
}
# It names each place that differs: FILE:LINE:COLUMN: error: ...
files=$(find examples lib firmware host tests -name '*.[ch]' -o -name '*.[ch]pp' | sort)
status=0
# shellcheck disable=SC2086  # a list of words
output=$("$1" --dry-run -Werror $files 2>&1) || status=$?
different=$(echo "$output" | sed -n 's/^\([^ :]*\):[0-9]*:[0-9]*: error.*/\1/p' | sort -u)
if [ "$status" -ne 0 ] && [ -z "$different" ]; then
	echo "FAIL: format: $1: ended with status $status: $output"
	failed=1
fi
for file in $different; do
	if [ "$version" -ne 14 ]; then
		echo "format: $file: clang-format $version would lay it out in another way than 14"
		skipped=$((skipped + 1))
	else
		echo "FAIL: format: $file: run make format"
		failed=$((failed + 1))
	fi
done
passed=$(($(echo "$files" | wc -l) - failed - skipped))
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
