#!/bin/sh
# SPDX-License-Identifier: MIT
# abi.sh - the host library as others load it has the calls of the public headers, and no others;
# each has its version; and nothing in it needs what a hardened program refuses. $1: the library.
set -eu
unset CDPATH
library=$1
cd "$(dirname "$0")/../.."
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
report() { # $1: what, $2: the offenders
	if [ -n "$2" ]; then
		echo "$2" | sed "s|^|FAIL: abi: $1: |"
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
}
same() { # $1: what, $2 and $3: two lists; $4 and $5: what is said of a line that only one has
	comm -3 "$work/$2" "$work/$3" >"$work/differ"
	report "$1" "$(awk -F '\t' -v first="$4" -v second="$5" \
	    '{print $1 == "" ? $2 " " second : $1 " " first}' "$work/differ")"
}
export LC_ALL=C
/usr/bin/python3 lib/sdk/calls.py | sort >"$work/headers"
sed -n 's/^	\(ivsh_[a-z0-9_]*\);$/\1/p' lib/sdk/client.map | sort >"$work/map"
readelf --dyn-syms -W "$library" |
	awk '$1 ~ /^[0-9]+:$/ && $5 != "LOCAL" && $7 != "UND" && $7 != "ABS" {print $8}' \
		>"$work/exported"
sed 's/@.*//' "$work/exported" | sort >"$work/symbols"
report "calls" "$([ "$(wc -l <"$work/headers")" -ge 100 ] || echo "the headers have too few")"
same map headers map "is in a public header, and not in lib/sdk/client.map: add it" \
	"is in lib/sdk/client.map, and in no public header"
same symbols map symbols "is in lib/sdk/client.map, and the library has it not" \
	"is exported, and not in lib/sdk/client.map"
report "version" "$(grep -v '@@LIBIVSH_CLIENT_1$' "$work/exported" || true)"
dynamic=$(readelf -dW "$library")
report "soname" "$(echo "$dynamic" | grep -q 'SONAME.*\[libivsh-client\.so\.1\]' ||
	echo "it is not libivsh-client.so.1")"
report "needed" "$(echo "$dynamic" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' |
	grep -vE '^(libc\.so\.6|ld-linux.*)$' || true)"
report "text" "$(echo "$dynamic" | grep TEXTREL || true)"
report "binding" "$(echo "$dynamic" | grep -q 'BIND_NOW\|FLAGS_1.*NOW' || echo "it is lazy")"
segments=$(readelf -lW "$library")
report "stack" "$(echo "$segments" | grep -q 'GNU_STACK.* RW ' || echo "it is executable")"
report "relro" "$(echo "$segments" | grep -q GNU_RELRO || echo "there is none")"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
