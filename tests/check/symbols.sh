#!/bin/sh
# SPDX-License-Identifier: MIT
# symbols.sh - the library asks its host only for mem*(), exports only what is ivsh_ or private to
# its rooms, and keeps no state. $@: archives. Its size is tests/bench/counts.sh's. Those of guests
# of 64 bits can be linked at any address, and into a program that finds its address out when it
# starts: nothing of the library must be relocated then; and they bring no table for unwinding,
# which nobody reads. libivsh-conformance.a also asks for libivsh.a.
set -eu
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
report() { # $1: archive, $2: what, $3: the offenders
	if [ -n "$3" ]; then
		echo "$3" | sed "s|^|FAIL: symbols: $1: $2: |"
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
}

# The least program around the library.
cat >"$work/least.c" <<END
typedef __SIZE_TYPE__ size_t;
void *memcpy(void *to, const void *from, size_t size) { (void)from; (void)size; return to; }
void *memmove(void *to, const void *from, size_t size) { (void)from; (void)size; return to; }
void *memset(void *to, int byte, size_t size) { (void)byte; (void)size; return to; }
int memcmp(const void *a, const void *b, size_t size) { return (int)size + (a == b); }
void _start(void) { for (;;); }
END
link() { # $1: archive, $2: what, the rest: how its compiler links
	archive=$1 what=$2
	shift 2
	if said=$("$@" -nostdlib -ffreestanding -fno-builtin -Werror "$work/least.c" \
	    -Wl,--whole-archive "$archive" -Wl,--no-whole-archive -o "$work/least" 2>&1); then
		report "$archive" "$what" "$(readelf -rW "$work/least" |
		    grep -vxE '|There are no relocations in this file.' || true)"
	else
		report "$archive" "$what" "${said:-it does not link, and says nothing}"
	fi
}
links() { # $1: archive, $2: compiler, $3: its memory model for any address
	command -v "$2" >/dev/null || {
		report "$1" link "$2 is missing: ./setup.sh check"
		return
	}
	report "$1" "a table for unwinding" "$(readelf -SW "$1" | grep -oE '\.eh_frame' | sort -u)"
	link "$1" "in a PIE" "$2" "$3" -fpie -static-pie -Wl,--no-dynamic-linker -Wl,-z,text
	link "$1" "at 4 GiB" "$2" "$3" -fno-pie -no-pie -static -Wl,-Ttext-segment=0x100000000
	link "$1" "high" "$2" "$3" -fno-pie -no-pie -static \
		-Wl,-Ttext-segment=0xffffffff80000000
}

for a; do
	symbols=$(nm -g "$a" | sort -u)
	defined=$(echo "$symbols" | awk 'NF == 3 && $2 ~ /[A-TV-Z]/ {print $3}')
	undefined=$(echo "$symbols" | awk '$1 == "U" {print $2}' | sort -u)
	[ -n "$defined" ] || report "$a" "defined" "nothing: nm cannot read it"
	more=
	case $a in *-conformance.a) more='|ivsh_(device|pci|mapped|error)_.*' ;; esac
	report "$a" "undefined" "$(echo "$undefined" | grep -vxF "$defined" |
	    grep -vxE "mem(cpy|move|set|cmp)$more" || true)"
	report "$a" "exported" "$(echo "$defined" | grep -v '^ivsh_' || true)"
	report "$a" "state" "$(size "$a" | awk 'NR > 1 && $2 + $3 > 0 {print $6}')"
	case $a in
	*-conformance.a) ;; # nothing is in it that libivsh.a has not
	*/x86_64/* | */uefi-x86_64/*) links "$a" x86_64-linux-gnu-gcc -mcmodel=small ;;
	*/aarch64/* | */uefi-aarch64/*) links "$a" aarch64-linux-gnu-gcc -mcmodel=small ;;
	*/riscv64/* | */uefi-riscv64/*) links "$a" riscv64-linux-gnu-gcc -mcmodel=medany ;;
	esac
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
