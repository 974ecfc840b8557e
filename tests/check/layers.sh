#!/bin/sh
# SPDX-License-Identifier: MIT
# layers.sh - who may include what. The table is the rule: a folder, then an extended regular
# expression that every #include under it must match.
set -eu
unset CDPATH
cd "$(dirname "$0")/../.."
std='<std(arg|bool|def|int)\.h>'
# Headers of rooms, by path from the root of their tree: own "core|node".
own() { printf '"(%s)/[a-z0-9_]+\\.h"' "$1"; }
relax='"device/relax\.h"'
any='<ivsh/[a-z]+\.h>'
libc='<(assert|ctype|errno|inttypes|limits|setjmp|signal|stdio|stdlib|string|strings)\.h>'
libc="$libc|<(time|unistd|fcntl|sys/[a-z]+)\.h>"
posix='<([a-z]+|sys/[a-z_]+|linux/[a-z_]+|netinet/[a-z]+)\.h>'
# What tests/bench/native measures against, and the processor's own instructions there.
rings='<(ck_ring|rte_config|rte_ring|rte_ring_peek_zc|immintrin|x86intrin)\.h>'
passed=0 failed=0
rule() { # $1: folder, $2: what it may include, $3: a file or folder that has a rule of its own
	if bad=$(grep -rnE '^[[:space:]]*#[[:space:]]*include' "$1" --include='*.[chS]' \
	    --include='*.[ch]pp' ${3:+--exclude="$3" --exclude-dir="$3"} |
	    grep -vE "include[[:space:]]+($2)"); then
		echo "$bad" | sed "s|^|FAIL: layers: $1: |"
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
}
core='error|wire|doorbell|mem|geometry|region|channel|wait|peers|stream|metrics|log'
rule lib/include   "$std|$any"
rule lib/core      "$std|<ivsh/($core)\.h>|$(own 'core')" trace.h
rule lib/core/trace.h '<sys/sdt\.h>'
front='node|connection'
rule lib/node      "$std|<ivsh/($core|$front)\.h>|$(own 'node')|\"core/(fastpath|linkage)\.h\""
device='error|doorbell|mem|mapped|platform|pci|device|hotplug'
rule lib/device    "$std|<ivsh/($device)\.h>|$(own 'device')" set.c
# The one that reads what is in the memories, and names a step of the core's attach.
rule lib/device/set.c "$std|<ivsh/($device|set|wire)\.h>|$(own 'device')|\"core/linkage\.h\""
# What each port has beside its glue, which includes its system's headers.
rule lib/port/talk.h '<ivsh/ivsh\.h>'
rule lib/port/talk.c '"talk\.h"'
conform='error|doorbell|mem|mapped|platform|pci|device|conformance'
rule lib/conformance "$std|<ivsh/($conform)\.h>|$(own 'conformance')"
# A port: any header of its system, and of ours the public ones; of its own files, those beside it.
rule lib/port      "<[A-Za-z0-9_./-]+>|\"[A-Za-z0-9_]+\.h\""
rule lib/bare      "$std|$libc|$any|$(own 'bare(/[a-z0-9_]+)?')|$relax|\"device/order\.h\""
rule firmware/app  "$std|$libc|$any|$(own 'app')"
rule examples "$std|$libc|$any|\"(transport\.h|ivsh\.hpp|tasks\.h)\""
rule firmware/guest "$std|$libc|$any|$(own 'app|arch|bare(/newlib)?')"
rule firmware/conformance "$std|$libc|$any|$(own 'app|arch|conformance|bare(/newlib)?')"
for arch in x86_64 aarch64 riscv64; do
	rule "firmware/$arch" "$std|\"bare/$arch/cpu\.h\"|$(own "arch|$arch")"
done
# Of lib/bare, UEFI has the files that do not start a machine.
under='(x86_64|aarch64|riscv64)/(com1|cpu|generation|hotplug|local_apic|nonce|qemu)'
under="$under|dtb|virt/(fw_cfg|ranges)"
under="\"bare/(arch|generation|mix|timing|words|$under)\.h\"|$relax"
rule firmware/uefi "$std|$libc|<efi[a-z]*\.h>|$any|$under|$(own 'uefi(/virt)?|app|arch')"
rule host/backend  "$posix|<ivsh/(wire|geometry|error)\.h>|$(own 'backend')"
rule host/process  "$posix|$(own 'process|backend')"
# What users write: numbers, and files of KEY = VALUE lines; and what other programs read.
rule host/text     "$posix|<ivsh/(wire|geometry|error)\.h>|$(own 'text')"
# The daemon's two processes: what passes between them knows neither of them, and neither the other.
rule host/wire     "$posix|<ivsh/wire\.h>|$(own 'wire|process')"
public='<ivsh/(version|wire|geometry|error)\.h>'
rule host/config   "$posix|$public|$(own 'config|text|wire|process|backend')"
rule host/supervisor "$posix|$public|$(own 'supervisor|config|text|wire|process|backend')"
status='"control/(facts|answer|render)\.h"'
rule host/server   "$posix|$public|$(own 'server|config|wire|process')|$status" main.c
rule host/server/main.c "$posix|$(own 'server|supervisor|config|process|control')"
rule host/control  "$posix|<ivsh/wire\.h>|$(own 'control|backend|process|text')"
rule host/client   "$posix|$any|$(own 'client|process')|$relax"
clock='"process/clock\.h"'
rule host/library  "$posix|$any|$(own 'library|client')|$clock"
guest='"port/linux-guest/linux_guest\.h"'
measured='<ivsh/(error|geometry|mem|channel|region)\.h>'
rule host/tune     "$posix|$measured|$(own 'tune')|$clock|$relax"
words='"core/(area|atomic|descriptor|place|ring)\.h"'
rule host/capture  "$posix|$any|$(own 'capture')|$words"
rule host/observe  "$posix|$any|$(own 'observe|app')"
rule host/top      "$posix|$any|$(own 'top|observe|app')"
rule host/forward  "$posix|$any|$(own 'forward|app')|<arpa/inet\.h>"
user='"config/accounts\.h"'
rule host/bridge   "$posix|$any|<nats/nats\.h>|$(own 'bridge|client|process|text')|$user"
tool='forward|observe|top|peer|capture|tune|client|process|text|app'
rule host/peer     "$posix|$any|$(own "$tool")|$guest|\"backend/entry\.h\""
rule host/conformance "$posix|$any|$(own 'conformance')|$guest"
rooms='core|device|app|arch|bare(/[a-z0-9_]+)?|uefi'
rooms="$rooms|bridge|capture|forward|observe|top"
rooms="$rooms|conformance|port|backend|client|library|control|server|config|text|tune|wire|process"
for stubs in tests/port/stubs/*; do
	rule "$stubs" "$std|<[a-z0-9_]+(/[a-z0-9_]+)*\.h>|\"[A-Za-z0-9_]+\.h\""
done
bus='<nats/nats\.h>'
rule tests         "$posix|$any|$(own "$rooms|tests/[a-z/]+")|$rings|$bus" stubs
# A public header includes only what stands to its left.
order='version error wire doorbell mem mapped platform pci device hotplug set
    geometry region channel wait peers stream metrics log node bare client host conformance'
seen=
for h in $order; do
	# shellcheck disable=SC2013  # one word a line
	for i in $(sed -n 's/^#include <ivsh\/\([a-z]*\)\.h>.*/\1/p' "lib/include/ivsh/$h.h"); do
		case " $seen " in
		*" $i "*) ;;
		*)
			echo "FAIL: layers: lib/include/ivsh/$h.h: includes $i.h"
			failed=$((failed + 1))
			;;
		esac
	done
	seen="$seen $h"
done
passed=$((passed + 1))
# Nothing climbs.
if bad=$(grep -rnE '#[[:space:]]*include[[:space:]]+"[^"]*\.\.' \
    examples lib firmware host tests); then
	echo "$bad" | sed 's/^/FAIL: layers: /'
	failed=$((failed + 1))
else
	passed=$((passed + 1))
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
