#!/bin/sh
# SPDX-License-Identifier: MIT
# headers.sh - every public header stands alone, freestanding, in C11 and in C++17; and where
# numbers are stored the other way round, what lays out the memory refuses to be compiled.
set -eu
unset CDPATH
cd "$(dirname "$0")/../.."
passed=0 failed=0
try() { # $1: header, the rest: a compiler
	h=$1
	shift
	# A header may be all macros, and ISO C wants something in a unit.
	if printf '%s\n' "#include <ivsh/$h>" 'extern int something;' |
	    "$@" -ffreestanding -Wall -Wextra -Wpedantic -Werror -Ilib/include -fsyntax-only -; then
		passed=$((passed + 1))
	else
		echo "FAIL: headers: $h: $*"
		failed=$((failed + 1))
	fi
}
for path in lib/include/ivsh/*.h; do
	h=$(basename "$path")
	try "$h" gcc -std=c11 -xc
	try "$h" g++ -std=c++17 -xc++
	try "$h" clang -std=c11 --target=aarch64-none-elf -xc
done
if errors=$(echo '#include <ivsh/ivsh.h>' |
    clang --target=aarch64_be-none-elf -std=c11 -ffreestanding -Ilib/include -fsyntax-only \
        -xc - 2>&1); then
	echo "FAIL: headers: big-endian: it compiles"
	failed=$((failed + 1))
elif echo "$errors" | grep -q 'little-endian'; then
	passed=$((passed + 1))
else
	echo "$errors" | sed 's/^/FAIL: headers: big-endian: /'
	failed=$((failed + 1))
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
