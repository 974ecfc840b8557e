#!/bin/sh
# SPDX-License-Identifier: MIT
# hosts.sh - what runs on a host compiles for each kind of host: 32 and 64 bits. The words are the
# build's flags.
set -eu
unset CDPATH
cd "$(dirname "$0")/../.."
passed=0 failed=0
flags=$*
sources=$(find host firmware/app lib/core lib/device lib/node lib/port/linux-guest \
    -name '*.c' | sort)
# 32 bits: files and times of 64, as Debian builds for them.
wide='-D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64'
for machine in aarch64-linux-gnu riscv64-linux-gnu arm-linux-gnueabihf i686-linux-gnu; do
	if ! command -v "$machine-gcc" >/dev/null; then
		echo "FAIL: hosts: $machine-gcc is missing: ./setup.sh test"
		failed=$((failed + 1))
		continue
	fi
	for file in $sources; do
		# shellcheck disable=SC2086  # lists of words
		if "$machine-gcc" $flags $wide -fsyntax-only "$file"; then
			passed=$((passed + 1))
		else
			echo "FAIL: hosts: $file: $machine"
			failed=$((failed + 1))
		fi
	done
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
