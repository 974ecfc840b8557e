#!/bin/sh
# SPDX-License-Identifier: MIT
# porting.sh - the two ports that lib/PORTING.md writes line by line compile, for each processor,
# and need nothing but what they say that their system has; each field of the two structs is there.
set -eu
unset CDPATH
cd "$(dirname "$0")/../.."
passed=0 failed=0
ok() { passed=$((passed + 1)); }
bad() { echo "FAIL: porting: $1"; failed=$((failed + 1)); }
work=$(mktemp -d "${TMPDIR:-/tmp}/ivsh-porting.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The code that PORTING.md marks as of port $1.
print_code() {
	awk -v mark="\`\`\`c $1" '$0 == mark {on = 1; next} /^```/ {on = 0} on' lib/PORTING.md
}

# What port $1 asks for, compiled by the rest: names of its system ($2), of the library, and mem*.
compile() {
	port=$1 system=$2
	shift 2
	if ! "$@" -std=c11 -ffreestanding -O2 -Wall -Wextra -Werror -Ilib/include \
	    -c "$work/$port.c" -o "$work/$port.o"; then
		bad "$port: it does not compile: $*"
	elif foreign=$(nm -u "$work/$port.o" | awk '{print $2}' | grep -vxE \
	    "${system}_[a-z_]+|ivsh_[a-z0-9_]+|mem(cpy|move|set|cmp)|_GLOBAL_OFFSET_TABLE_"); then
		bad "$port: $*: it needs: $foreign"
	else
		ok
	fi
}

# The fields of struct $1 in header $2.
print_fields() {
	awk -v start="struct $1 {" '$0 == start {on = 1; next} on && /^};/ {exit}
	    on && /^\t[a-z]/ {sub(/\/\*.*/, ""); print}' "lib/include/ivsh/$2" |
	    sed -n 's/^[^;(]*(\*\([a-z_0-9]*\))(.*/\1/p; t; s/.*[ *]\([a-z_0-9]*\);.*/\1/p'
}

for port in platform:kernel:ivsh_platform mapped:system:ivsh_mapped; do
	name=${port%%:*} system=${port#*:}
	struct=${system#*:} system=${system%:*}
	print_code "$name" >"$work/$name.c"
	[ "$(wc -l <"$work/$name.c")" -ge 40 ] || bad "$name: the code was not found"
	compile "$name" "$system" gcc
	compile "$name" "$system" gcc -m32 -mgeneral-regs-only
	compile "$name" "$system" aarch64-linux-gnu-gcc -mgeneral-regs-only -mno-outline-atomics
	compile "$name" "$system" riscv64-linux-gnu-gcc -mcmodel=medany
	compile "$name" "$system" arm-linux-gnueabihf-gcc -marm
	compile "$name" "$system" clang
	fields=$(print_fields "$struct" "$name.h")
	[ "$(echo "$fields" | wc -l)" -ge 10 ] || bad "$name: the struct was not read"
	for field in $fields; do
		if grep -qw -- "$field" lib/PORTING.md; then ok; else bad "$name: no $field"; fi
	done
done
# Few calls: what a port must write.
calls=$(awk '/^struct ivsh_platform \{/ {on = 1} on && /^};/ {exit}
    on && /^\t[a-z].*\(\*[a-z_]*\)\(/ {n++} END {print n + 0}' lib/include/ivsh/platform.h)
case $calls in
8 | 9 | 10) ok ;;
*) bad "platform.h: $calls calls, at most 10" ;;
esac
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
