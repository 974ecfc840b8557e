#!/bin/sh
# SPDX-License-Identifier: MIT
# packager.sh - a caller's CC, CPPFLAGS, CFLAGS and LDFLAGS, from the environment or the command
# line, reach what runs on the host and only that, and other flags build anew. In a copy of the
# tree, by clang; the guests that clang compiles run.
set -eu
unset CDPATH MAKEFLAGS MAKELEVEL MFLAGS
cd "$(dirname "$0")/../.."
work=$(mktemp -d "${TMPDIR:-/tmp}/ivsh-packager.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
passed=0 failed=0
check() { # $1: what, the rest: a command that must succeed
	what=$1
	shift
	if "$@" >"$work/said" 2>&1; then
		passed=$((passed + 1))
	else
		tail -n 5 "$work/said"
		echo "FAIL: packager: $what"
		failed=$((failed + 1))
	fi
}
has() { grep -q "$1" "$2"; } # $1: what, $2: a file
hasnt() { ! has "$@"; }

mkdir -p "$work/tree/build"
tar -c --exclude=./build --exclude=./.git . | tar -x -C "$work/tree"
ln -s "$PWD/build/newlib" "$work/tree/build/newlib"
cd "$work/tree"
export CC=clang CPPFLAGS=-D_FORTIFY_SOURCE=2 LDFLAGS='-Wl,-z,relro -Wl,-z,now'
flags='-O2 -fstack-protector-all -Wformat -Werror=format-security'
check "make with flags of the caller" make -j2 CFLAGS="$flags" all
if [ "$failed" -ne 0 ]; then
	echo "$passed passed, $failed failed, 0 skipped"
	exit 1
fi
for program in ivsh ivsh-server ivsh-bridge; do
	readelf -d "build/host/$program" >"$work/dynamic"
	check "$program: LDFLAGS" has BIND_NOW "$work/dynamic"
	nm -D "build/host/$program" >"$work/symbols"
	check "$program: CPPFLAGS" has '_chk' "$work/symbols"
	readelf -p .comment "build/host/$program" >"$work/comment"
	check "$program: CC" has clang "$work/comment"
done
nm build/x86_64/libivsh.a build/uefi-x86_64/libivsh.a >"$work/symbols"
check "the guests' library: no flags of the host" hasnt '_chk\|__stack_chk' "$work/symbols"
nm build/host/libivsh.a >"$work/symbols"
check "the host's library: CFLAGS" has '__stack_chk_fail' "$work/symbols"

# Nothing is compiled with the same flags, and by `make install` whatever they are.
make CFLAGS="$flags" all >"$work/again"
check "the same flags: nothing is compiled" hasnt '^CC' "$work/again"
# Two at once: run-qemu.sh may be started twice.
again() { for _ in 1 2 3 4 5 6 7 8 9 10; do make -s CFLAGS="$flags" build/flags || return; done; }
again >"$work/one" 2>&1 &
again >"$work/two" 2>&1 || true
wait
cat "$work/one" "$work/two" >"$work/again"
check "two makes at once: neither fails" hasnt . "$work/again"
check "two makes at once: no file is left" test -z "$(find build -name 'flags.*')"
make DESTDIR="$work/to" install >"$work/again"
check "make install: nothing is compiled" hasnt '^CC' "$work/again"
check "make install: the program" test -x "$work/to/usr/local/sbin/ivsh-server"
# Without libnats nothing of the bridge is compiled, and nothing of it is installed.
check "make install: the bridge" test -x "$work/to/usr/local/sbin/ivsh-bridge"
rm -rf build/host/ivsh-bridge build/host/host/bridge
check "make without libnats" make -j2 NATS= CFLAGS="$flags" all
check "without libnats: no bridge" test ! -e build/host/host/bridge
check "make install without libnats" make NATS= DESTDIR="$work/without" install
check "installed without libnats: the server" test -x "$work/without/usr/local/sbin/ivsh-server"
find "$work/without" -name '*bridge*' >"$work/found"
check "installed without libnats: nothing of the bridge" test ! -s "$work/found"
make CFLAGS=-O1 build/host/lib/core/error.o >"$work/again"
check "other flags: it is compiled anew" has '^CC' "$work/again"

# A guest says so itself: QEMU's status is 0 after a triple fault, too.
for image in build/x86_64/ivsh.elf build/uefi-x86_64/ivsh.efi; do
	firmware='' words='info'
	case $image in
	*.efi) firmware='-bios /usr/share/ovmf/OVMF.fd' words='--exit=qemu info' ;;
	esac
	# shellcheck disable=SC2086  # a list of words
	timeout 300 qemu-system-x86_64 -accel tcg -M q35 -m 256 -nodefaults -display none \
		-no-reboot \
		-serial stdio -device isa-debug-exit,iobase=0xf4,iosize=4 $firmware \
		-object memory-backend-memfd,id=m,share=on,size=4M -device ivshmem-plain,memdev=m \
		-kernel "$image" -append "$words" </dev/null >"$work/guest" 2>&1 || true
	check "$image by clang" has 'ivshmem-plain' "$work/guest"
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
