#!/bin/sh
# SPDX-License-Identifier: MIT
# amalgamation.sh - the library in one file compiles without options and without a warning, where
# nothing of this tree is; and it exports what the library exports. $1: the folder with ivsh.h and
# ivsh.c.
set -eu
unset CDPATH
cd "$(dirname "$0")/../.."
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cp "$1/ivsh.h" "$1/ivsh.c" "$work"
cp build/x86_64/libivsh.a "$work"
cd "$work"
report() { # $1: what, $2: the offenders
	if [ -n "$2" ]; then
		echo "$2" | sed "s|^|FAIL: amalgamation: $1: |"
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
}
try() { # a compiler, and what else it needs
	for std in c11 gnu99 gnu11; do
		# What clang warns about it sees at once; some of gcc's warnings come of optimizing.
		case $std$1 in
		gnu11*gcc) what='-O2 -c -o ivsh.o' ;;
		*) what=-fsyntax-only ;;
		esac
		# shellcheck disable=SC2086  # a list of words
		report "$* -std=$std" "$("$@" -std=$std -Wall -Wextra -Werror $what ivsh.c 2>&1)"
	done
}
exports() { nm -g "$1" | awk 'NF == 3 {print $3}' | sort; }
while read -r compiler; do
	# shellcheck disable=SC2086  # a list of words
	try $compiler
done <<END
clang
clang -m32 -ffreestanding
clang --target=aarch64-none-elf -ffreestanding
clang --target=riscv64-none-elf -ffreestanding
clang --target=armv7m-none-eabi -ffreestanding
clang --target=riscv32-none-elf -ffreestanding
aarch64-linux-gnu-gcc
riscv64-linux-gnu-gcc -mcmodel=medany
arm-linux-gnueabihf-gcc
arm-linux-gnueabihf-gcc -mthumb -mcpu=cortex-m4 -mfpu=fpv4-sp-d16
i686-linux-gnu-gcc -mgeneral-regs-only
x86_64-linux-gnu-gcc
END
exports libivsh.a >theirs
exports ivsh.o >ours
report "exported by one only" "$(comm -3 theirs ours)"
report "C++" "$(echo '#include "ivsh.h"' | g++ -std=c++17 -Wall -Wextra -Werror -I. \
	-fsyntax-only -xc++ - 2>&1)"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
