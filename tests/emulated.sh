#!/bin/sh
# SPDX-License-Identifier: MIT
#
# emulated.sh - runs the test programs of another processor under QEMU's user emulation, and adds up
# their counts. $1: the emulator; $2: the folder of build/; $3: how many programs it has. Those that
# are not linked statically find that processor's C library in Debian's folder for cross compilers.
# One that ends otherwise than with its count, or takes more than four minutes of processor time, is
# one failure: beside other suites that is many times as long, but no more than 800 seconds.
set -eu
emulator=$1 folder=$2 count=$3
command -v "$emulator" >/dev/null || {
	echo "FAIL: emulated: $emulator is missing: ./setup.sh test"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
}
QEMU_LD_PREFIX=/usr/${folder##*/}-gnu
export QEMU_LD_PREFIX
passed=0 failed=0
programs=$(find "$folder/tests" -type f -name '*_test' | sort)
# One that is left from another time must not stand for one that was not built.
[ "$(echo "$programs" | wc -l)" -eq "$count" ] || {
	echo "FAIL: emulated: $folder: has other programs than the Makefile's $count: make clean"
	failed=1
}
for program in $programs; do
	status=0
	output=$(ulimit -t 240 && timeout 800 "$emulator" "$program" 2>&1) || status=$?
	last=$(echo "$output" | tail -n 1)
	case "$last" in
	*[0-9]" passed, "*[0-9]" failed, 0 skipped")
		good=${last%% passed*}
		bad=${last#*passed, }
		bad=${bad%% failed*}
		;;
	*)
		good=0 bad=0
		;;
	esac
	# Its own verdict counts only if its status agrees.
	[ $((status != 0)) -eq $((bad != 0)) ] && [ $((good + bad)) -ne 0 ] || {
		echo "FAIL: emulated: $program: ended with status $status and: $last"
		[ "$bad" -ne 0 ] || bad=1
	}
	echo "$output" | grep '^FAIL' | sed "s|$| in $program|" || true
	passed=$((passed + good))
	failed=$((failed + bad))
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
