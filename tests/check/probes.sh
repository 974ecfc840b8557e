#!/bin/sh
# SPDX-License-Identifier: MIT
# probes.sh - the host's programs and the shared library have the probes that the manual names, with
# as many arguments; the archives have none, and without the header of probes nothing asks for them.
set -eu
unset CDPATH MAKEFLAGS MAKELEVEL MFLAGS
cd "$(dirname "$0")/../.."
passed=0 failed=0
check() { # $1: what, $2: got, $3: wanted
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
	else
		echo "FAIL: probes: $1: got $2, want $3"
		failed=$((failed + 1))
	fi
}
# NAME/ARGUMENTS of each kind of probe in a program, on one line.
probes() {
	readelf -n "$1" | awk '
	/Provider:/ { ours = $2 == "ivsh" }
	/Name:/ { name = $2 }
	/Arguments:/ && ours { print name "/" NF - 1 }' | sort -u | paste -sd ' '
}
manual=$(awk '/^\.SH PROBES/ { inside = 1; next } /^\.SH/ { inside = 0 }
	inside && /^\.BI [a-z]+\( / {
		name = substr($2, 1, length($2) - 1)
		print name "/" gsub(",", ",") + 1
	}' host/man/ivsh.1 | sort -u | paste -sd ' ')
check "the manual" "$manual" "doorbell/3 receive/3 send/4 wait/2 wake/3"
for each in build/host/ivsh build/host/ivsh-static build/host/libivsh-client.so.1; do
	check "$each" "$(probes "$each")" "$manual"
done
for each in build/host/libivsh.a build/host/libivsh-client.a build/x86_64/libivsh.a; do
	check "$each" "$(readelf -n "$each" 2>/dev/null | grep -c stapsdt)" 0
done
# shellcheck disable=SC2016  # make's variables
show='show: ; @echo "[$(SDT)][$(PROBED)][$(findstring SDT,$(HOST_PIC_CFLAGS))]"'
for each in SDT= "CC=cc -nostdinc"; do
	check "make $each" "$(make -s --no-print-directory --eval "$show" show "$each")" '[][][]'
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
