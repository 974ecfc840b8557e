#!/bin/sh
# SPDX-License-Identifier: MIT
#
# setup.sh - installs what is missing to build and run (./setup.sh run), the same for guests of
# another architecture (aarch64, riscv64), also to check (check) or to test (test), or to measure
# (bench), or to try other Debians (distros). The only list of Debian packages in this project;
# run-qemu.sh, `make check` and `make test` call it. Says nothing and changes nothing when all is
# there. Tried on Debian 12, 13 and the development branch.
set -eu

# Building: compiler, newlib's source and what unpacks it, gnu-efi. Running: QEMU, OVMF, qemu-img.
run='make gcc libc6-dev binutils newlib-source xz-utils gnu-efi qemu-system-x86 qemu-utils ovmf'
# Guests of another architecture: its compiler, its QEMU, its firmware. Debian 13 has moved QEMU's
# riscv64 into a package of its own: of NAME|NAME the first one that there is.
aarch64="$run gcc-aarch64-linux-gnu qemu-system-arm qemu-efi-aarch64"
riscv64="$run gcc-riscv64-linux-gnu qemu-system-riscv|qemu-system-misc opensbi"
# Checking: a second compiler for the headers, C++, the formatter, what reads manual pages,
# compilers for other processors.
check="$run g++ clang clang-format python3 mandoc man-db groff
	gcc-aarch64-linux-gnu gcc-riscv64-linux-gnu gcc-arm-linux-gnueabihf gcc-i686-linux-gnu
	libc6-dev-arm64-cross libc6-dev-riscv64-cross libc6-dev-armhf-cross libc6-dev-i386-cross"
# Testing: the sanitizers' and fuzzers' runtime, pytest, the model checker, what counts
# instructions, what runs other processors' programs, libvirt to check what is written for it,
# another's reader of device trees and a loader to check ours against.
test="$check $aarch64 $riscv64 libfdt-dev u-boot-qemu
	libclang-rt-dev python3-pytest spin valgrind qemu-user
	libvirt-clients libvirt-daemon-driver-qemu"
# Trying other Debians: tests/distros/run.sh.
distros='debootstrap git'
# Measuring: the rings to measure against. `make bench` leaves out what is missing.
bench='make gcc g++ libc6-dev binutils python3 libck-dev libboost-dev libdpdk-dev'

case "${1:-}" in
run) wanted=$run ;;
aarch64) wanted=$aarch64 ;;
riscv64) wanted=$riscv64 ;;
check) wanted=$check ;;
test) wanted=$test ;;
distros) wanted=$distros ;;
bench) wanted=$bench ;;
*)
	echo "usage: setup.sh run|aarch64|riscv64|check|test|distros|bench" >&2
	exit 2
	;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "setup.sh: this is no Debian: install by hand what these packages have: $wanted" >&2
	exit 1
fi
missing=
for package in $wanted; do
	case $package in
	*"|"*)
		for package in $(echo "$package" | tr '|' ' '); do
			apt-cache show --no-all-versions "$package" 2>/dev/null | grep -q . && break
		done
		;;
	esac
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
install() {
	$sudo env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
# The lists of packages may be old, or not there at all.
install 2>/dev/null || { $sudo apt-get update -qq && install; } || {
	echo "setup.sh: apt-get could not install:$missing" >&2
	exit 1
}
