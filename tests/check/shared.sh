#!/bin/sh
# SPDX-License-Identifier: MIT
# shared.sh - the core comes to shared memory by the accessors of atomic.h and copy.h alone: no
# other copy that a compiler may turn into loads where they are used, and no field read as it
# stands. The formatter writes its header, which nobody looks at before the magic.
set -eu
unset CDPATH
cd "$(dirname "$0")/../.."
passed=0 failed=0
report() { # $1: what, $2: the offenders
	if [ -n "$2" ]; then
		echo "$2" | sed "s|^|FAIL: shared: $1: |"
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
}
# One statement a line, with its file.
statements() {
	for file in $(ls lib/core/*.[ch] | grep -vE '/(atomic|copy)\.h$'); do
		sed 's|/\*.*\*/||; /^[[:space:]]*\/\*/,/\*\//d' "$file" | tr '\n\t' '  ' |
			tr -s ' ' | sed 's/[;{}]/&\n/g' | sed "s|^ *|$file: |"
	done
}
# Private are: a variable of the function, a message's fields, and the name in a copy.
copies=$(statements | grep -E '__builtin_mem(cpy|move|cmp)|[^_]mem(move|cmp) *\(')
private=', &[a-z]+, sizeof\([a-z]+\)\)|\(&word, from \+ i,|\(&copy, s->'
private="$private|\(const uint8_t \*\)message \+ __builtin_offsetof|, copy\.name,"
report "a copy" "$(echo "$copies" | grep -vE "$private" || true)"
[ "$(echo "$copies" | wc -l)" -ge 5 ] || report "a copy" "fewer were found than there are"
# Fields of what stands in shared memory, by the names that such pointers have.
pointer='(slot|own|other|desc|header|ring|server|sender|receiver)(\[[^]]*\])?(->|\.)'
words='magic|version|features|size|slots|descs|small_size|large_size'
words="$words|format_id|epoch|heartbeat|change|vectors|connection|state|incarnation"
words="$words|nonce|sequence|server_epoch|generation|reset_ack|reset_request"
words="$words|generation_ack|start|notify_request|notify_flags|reported|pending|read"
words="$words|control|body"
field="$pointer($words)"
report "a field" "$(statements | grep -v '^lib/core/format.c: header->' |
	sed -E "s/(&|sizeof)\(?([a-zA-Z_]+(->|\.))*$field//g" |
	grep -E "(^|[^a-zA-Z_])$field([^a-zA-Z_]|$)" || true)"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
