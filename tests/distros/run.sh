#!/bin/bash
# SPDX-License-Identifier: MIT
#
# run.sh - the commands of README.md in a clean root of another Debian, with nothing else typed.
#
# usage: tests/distros/run.sh SUITE [short|demos|whole]
#
#   SUITE   a suite of Debian, as bookworm, trixie or sid
#   short   run-qemu.sh: bare, uefi, plain, what moves guests, bridge; the other architectures;
#           make check (the default)
#   demos   run-qemu.sh, every demo; guests that must fail; make check
#   whole   demos, and make test
#
# debootstrap makes the root in a folder of its own, from the mirror that this machine's apt uses
# (DEBIAN_MIRROR says another). Needs root. LOGS=FOLDER keeps the output of every command there.
set -u
unset CDPATH
top=$(cd "$(dirname "$0")/../.." && pwd) || exit 1

die() {
	echo "FAIL: distros: $*"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
}

suite=${1:-} mode=${2:-short}
[[ $suite =~ ^[a-z]+$ && $mode =~ ^(short|demos|whole)$ ]] || {
	echo "usage: tests/distros/run.sh SUITE [short|demos|whole]" >&2
	exit 2
}
[[ $(id -u) == 0 ]] || die "a root of another Debian can be made by root only"
command -v debootstrap >/dev/null || die "debootstrap is missing: ./setup.sh distros"
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format "\$(REPO_URI)" 'Created-By: Packages' \
	'Label: Debian' 2>/dev/null | head -n 1)}
[[ $mirror ]] || die "apt names no mirror of Debian: set DEBIAN_MIRROR"

# All mounts and processes are those of a child in namespaces of its own: with its first process,
# this very script again, everything in there ends, and the folder can be removed.
if [[ $$ != 1 || -z ${IVSH_DISTROS_WORK:-} ]]; then
	work=$(mktemp -d "${TMPDIR:-/tmp}/ivsh-distro.XXXXXX") || exit 1
	child=
	clean() {
		trap - EXIT
		if [[ $child ]]; then
			kill -KILL "$child" 2>/dev/null
			wait "$child"
		fi
		rm -rf --one-file-system "$work"
	}
	trap clean EXIT
	# shellcheck source=host/demo/signal.sh
	. "$top/host/demo/signal.sh"
	on_signal INT 'exit 130'
	on_signal TERM 'exit 143'
	chmod 755 "$work" # packages bring users that must get there
	IVSH_DISTROS_WORK=$work unshare --mount --pid --fork --kill-child \
		bash "$top/tests/distros/run.sh" "$suite" "$mode" &
	child=$!
	wait "$child"
	status=$?
	child=
	exit "$status"
fi
root=$IVSH_DISTROS_WORK/root logs=${LOGS:-$IVSH_DISTROS_WORK}

start=$SECONDS
debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$logs/debootstrap" 2>&1 ||
	die "debootstrap $suite: $(tail -n 3 "$logs/debootstrap")"
# A mirror that is frozen at some day says by the date of its lists that they are old.
echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/90frozen"
# A mount point, as a root is: unshare(1) makes what it finds at / private.
mount --bind "$root" "$root" || die "mount $root"
for folder in sys dev; do
	if ! mount --rbind "/$folder" "$root/$folder" || ! mount --make-rslave "$root/$folder"; then
		die "mount $folder"
	fi
done
mount -t proc proc "$root/proc" || die "mount proc"
mkdir "$root/ivsh"
git -C "$top" ls-files -z | tar -C "$top" -c --null -T - | tar -x -C "$root/ivsh"
[[ -e $root/ivsh/run-qemu.sh ]] || die "the files of this tree could not be copied"
name=$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' "$root/etc/os-release")
echo "$suite: a clean root of $name after $((SECONDS - start)) s"

passed=0 failed=0 skipped=0
# Run a command in the root: $1: the status that it must have ("fails": 1 to 76, and a count of
# guests below all of them), $2: most seconds, the rest: the command.
try() {
	local want=$1 limit=$2 status began=$SECONDS last ok=0 log
	shift 2
	log=$logs/$((passed + failed + skipped))
	timeout --foreground -k 10 "$limit" chroot "$root" env -i \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
		sh -c 'cd /ivsh && exec "$@"' sh "$@" >"$log" 2>&1 </dev/null
	status=$?
	last=$(tail -n 1 "$log")
	case $want in
	fails)
		((status > 0 && status < 77)) &&
			[[ $last =~ :\ ([0-9])\ of\ ([0-9])\ guests\ done ]] &&
			((BASH_REMATCH[1] < BASH_REMATCH[2])) && ok=1
		;;
	*)
		((status == want)) && ok=1
		;;
	esac
	if ((ok)); then
		passed=$((passed + 1))
		echo "ok   $suite: $*: $last ($((SECONDS - began)) s)"
	elif ((status == 77)); then
		skipped=$((skipped + 1))
		echo "skip $suite: $*: $last"
	else
		failed=$((failed + 1))
		tail -n 60 "$log"
		echo "FAIL: distros: $suite: $*: status $status after $((SECONDS - began)) s"
	fi
}

# The first command of a new user, and what it installs.
try 0 1800 ./run-qemu.sh
echo "$suite: $(chroot "$root" gcc --version | head -n 1);" \
	"$(chroot "$root" qemu-system-x86_64 --version | head -n 1)"
try 0 600 ./run-qemu.sh uefi
try 0 600 ./run-qemu.sh plain
try 0 900 ./run-qemu.sh migrate all
for demo in hotplug snapshot reset; do
	try 0 600 ./run-qemu.sh "$demo"
done
# Compilers, QEMU and firmware of the other architectures.
try 0 1800 ./run-qemu.sh --arch aarch64
try 0 1800 ./run-qemu.sh --arch riscv64
try 0 600 ./run-qemu.sh --arch aarch64 uefi
try 0 600 ./run-qemu.sh cross
# Two hosts, with libnats and nats-server.
try 0 900 ./run-qemu.sh bridge
try 0 900 ./run-qemu.sh bridge jetstream
# Debian's kernel, by VFIO.
try 0 900 ./run-qemu.sh linux --timeout 120
if [[ $mode != short ]]; then
	for arch in aarch64 riscv64; do
		for demo in plain hotplug reset; do
			try 0 600 ./run-qemu.sh --arch "$arch" "$demo" --timeout 100
		done
	done
	try 0 900 ./run-qemu.sh --arch aarch64 migrate all
	try 0 600 ./run-qemu.sh --arch aarch64 snapshot
	try 0 600 ./run-qemu.sh --arch aarch64 mixed
	try 0 600 ./run-qemu.sh mixed
	try 0 600 ./run-qemu.sh hugepages
	for demo in bare uefi mixed plain; do
		try fails 600 ./run-qemu.sh "$demo" --no-build --timeout 20 \
			--qemu-args '-cpu qemu32'
		try fails 600 ./run-qemu.sh "$demo" --no-build --timeout 20 \
			--command 'ping nobody --timeout=2'
	done
	try fails 600 ./run-qemu.sh uefi --no-build --timeout 20 --ram 16
	try fails 600 ./run-qemu.sh mixed --no-build --timeout 20 --ram 16
fi
try 0 1800 make check
[[ $mode != whole ]] || try 0 3600 make test
echo "$passed passed, $failed failed, $skipped skipped"
[[ $failed == 0 && $passed -gt 0 ]]
