#!/bin/sh
# SPDX-License-Identifier: MIT
#
# setup.sh - installs what is missing to build and run (./setup.sh run), or also to test
# (./setup.sh test), or to measure (./setup.sh bench). The only list of Debian packages in this
# project; run-qemu.sh and `make test` call it. Says nothing and changes nothing when all is there.
set -eu

# Building: compiler, newlib's source and what unpacks it, gnu-efi. Running: QEMU and OVMF.
run='make gcc libc6-dev binutils newlib-source xz-utils gnu-efi qemu-system-x86 ovmf'
# Testing: a second compiler for the headers, C++, the sanitizers' runtime, pytest, the formatter,
# the model checker, the fuzzers' runtime, what counts instructions.
test="$run g++ clang libclang-rt-14-dev clang-format python3 python3-pytest spin valgrind"
# What other kinds of hosts compile with: tests/check/hosts.sh.
test="$test gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-riscv64-linux-gnu libc6-dev-riscv64-cross"
test="$test gcc-arm-linux-gnueabihf libc6-dev-armhf-cross gcc-i686-linux-gnu libc6-dev-i386-cross"

# Measuring: the rings to measure against. `make bench` leaves out what is missing.
bench='make gcc g++ libc6-dev binutils python3 libck-dev libboost-dev libdpdk-dev'

case "${1:-}" in
run) wanted=$run ;;
test) wanted=$test ;;
bench) wanted=$bench ;;
*)
	echo "usage: setup.sh run|test|bench" >&2
	exit 2
	;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "setup.sh: this is no Debian: install by hand what these packages have: $wanted" >&2
	exit 1
fi
missing=
for package in $wanted; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
		missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || {
		echo "setup.sh: as root: apt-get install$missing" >&2
		exit 1
	}
	sudo=sudo
fi
echo "installing with apt:$missing"
# shellcheck disable=SC2086  # a list of words
install() { $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null; }
# The lists of packages may be old, or not there at all.
install 2>/dev/null || { $sudo apt-get update -qq && install; } || {
	echo "setup.sh: apt-get could not install:$missing" >&2
	exit 1
}
