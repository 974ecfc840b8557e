#!/bin/sh
# SPDX-License-Identifier: MIT
# layers.sh - who may include what. The table is the rule: a folder, then an extended regular
# expression that every #include under it must match.
set -eu
unset CDPATH
cd "$(dirname "$0")/../.."
std='<std(arg|bool|def|int)\.h>'
own='"[a-z0-9_]+\.h"'
any='<ivsh/[a-z]+\.h>'
libc='<(assert|ctype|errno|inttypes|limits|setjmp|signal|stdio|stdlib|string|strings|time|unistd|fcntl|sys/[a-z]+)\.h>'
posix='<([a-z]+|sys/[a-z_]+|linux/[a-z_]+|netinet/[a-z]+)\.h>'
# What tests/bench/native measures against, and the processor's own instructions there.
rings='<(ck_ring|rte_config|rte_ring|rte_ring_peek_zc|immintrin|x86intrin)\.h>'
passed=0 failed=0
rule() { # $1: folder, $2: what it may include, $3: what of that it may not
	if bad=$(grep -rnE '^[[:space:]]*#[[:space:]]*include' "$1" --include='*.[chS]' |
	    grep -vE "include[[:space:]]+($2)"); then
		echo "$bad" | sed "s|^|FAIL: layers: $1: |"
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
}
rule lib/include   "$std|$any"
rule lib/core      "$std|<ivsh/(error|wire|bell|mem|region|channel|stream)\.h>|$own"
rule lib/device    "$std|<ivsh/(error|bell|mem|port|pci|device)\.h>|$own"
rule lib/bare      "$std|$libc|$any|$own"
rule firmware/app  "$std|$libc|$any|$own"
rule firmware/guest "$std|$libc|$any|$own"
rule firmware/x86_64 "$std|$own"
rule firmware/uefi "$std|$libc|<efi[a-z]*\.h>|$any|$own"
rule host/backend  "$posix|<ivsh/(wire|region|error)\.h>|$own"
rule host/process  "$posix|$own"
rule host/server   "$posix|<ivsh/(version|wire|region|error)\.h>|$own"
rule host/control  "$posix|$own"
rule host/client   "$posix|$any|$own"
rule host/peer     "$posix|$any|$own"
rule tests         "$posix|$any|$own|$rings"
# Public headers look only to their left: version, error, wire, bell, mem, port, pci, device, region, channel, stream.
order='version error wire bell mem port pci device region channel stream'
seen=
for h in $order; do
	# shellcheck disable=SC2013  # one word a line
	for i in $(sed -n 's/^#include <ivsh\/\([a-z]*\)\.h>.*/\1/p' "lib/include/ivsh/$h.h"); do
		case " $seen " in
		*" $i "*) ;;
		*) echo "FAIL: layers: lib/include/ivsh/$h.h: includes $i.h"; failed=$((failed + 1)) ;;
		esac
	done
	seen="$seen $h"
done
passed=$((passed + 1))
# Nothing climbs, and no folder reaches into a neighbour's by path.
if bad=$(grep -rnE '#[[:space:]]*include[[:space:]]+"[^"]*(\.\.|/)' lib firmware host tests); then
	echo "$bad" | sed 's/^/FAIL: layers: /'
	failed=$((failed + 1))
else
	passed=$((passed + 1))
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
