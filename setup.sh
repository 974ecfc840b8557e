#!/bin/sh
# SPDX-License-Identifier: MIT
#
# setup.sh - installs what is missing to build and run (./setup.sh run), the same for guests of
# another architecture (aarch64, riscv64) or with Linux (linux), or on two hosts (bridge), also to
# check (check) or to test (test), or to measure (bench), or to try other Debians (distros). The
# only list of Debian packages in this project; run-qemu.sh, `make check` and `make test` call it.
# Says nothing and changes nothing when all is there. Tried on Debian 12, 13 and the development
# branch.
set -eu
unset CDPATH
cd "$(dirname "$0")"

# Building: compiler, newlib's source and what unpacks it, gnu-efi, what makes the library's manual,
# the screen of `ivsh top`. Running: QEMU, OVMF, qemu-img.
run='make gcc libc6-dev binutils newlib-source xz-utils gnu-efi python3 libncurses-dev
	qemu-system-x86 qemu-utils ovmf'
# Guests of another architecture: its compiler, its QEMU, its firmware. Debian 13 has moved QEMU's
# riscv64 into a package of its own. COMMAND=NAME|NAME: the first of these packages that this Debian
# has, unless the command is there.
aarch64="$run gcc-aarch64-linux-gnu qemu-system-arm qemu-efi-aarch64"
riscv64="$run gcc-riscv64-linux-gnu opensbi
	qemu-system-riscv64=qemu-system-riscv|qemu-system-misc"
# A guest with Linux, an x86_64 one: of these packages the files that it boots are unpacked in
# build/, and nothing is installed. VFIO's modules are in the kernel's.
linux_guest='linux-image-cloud-amd64 busybox-static'
# The bus between hosts, for the bridge's tests: unpacked in build/, too, since it would be started
# as a service. Building the bridge itself takes libnats-dev; all else is built without. With
# iproute2 two hosts have networks of their own.
bus='nats-server'
bridge='libnats-dev iproute2'
# Checking: a second compiler for the headers, C++, the formatter, what reads manual pages,
# compilers for other processors, libnats for the bridge, which they compile, too.
check="$run libnats-dev g++ clang clang-format python3 mandoc man-db groff
	gcc-aarch64-linux-gnu gcc-riscv64-linux-gnu gcc-arm-linux-gnueabihf gcc-i686-linux-gnu
	libc6-dev-arm64-cross libc6-dev-riscv64-cross libc6-dev-armhf-cross libc6-dev-i386-cross"
# Making Debian packages, and what looks for mistakes in them.
packages="$run build-essential debhelper dh-python dpkg-dev fakeroot git lintian python3
	systemtap-sdt-dev libnats-dev"
# Testing: the sanitizers' and fuzzers' runtime, pytest, the model checker and a quick compiler for
# what it writes, what counts instructions, what runs other processors' programs, libvirt to check
# what is written for it, another's reader of device trees to check ours against, loaders that run
# the ports, what finds an installation (cmake, pkg-config), what reads a capture (tshark) and what
# reads metrics, probes for tracers (systemtap-sdt-dev), a terminal for `ivsh top` (tmux), the rings
# that the benchmark compares, what makes packages.
rings='libck-dev libboost-dev libdpdk-dev'
test="$check $bridge $aarch64 $riscv64 libfdt-dev grub-common grub-efi-amd64-bin u-boot-qemu
	libclang-rt-dev python3-pytest python3-prometheus-client spin tcc valgrind qemu-user
	libvirt-clients libvirt-daemon-driver-qemu cmake pkg-config systemtap-sdt-dev tshark tmux
	$rings $packages"
# Trying other Debians, and the packages in a machine of their own: tests/distros/run.sh,
# tests/packages/run.sh.
distros="$packages debootstrap systemd-container"
# Measuring: `make bench` leaves out the rings that are missing.
bench="make gcc g++ libc6-dev binutils python3 $rings"

beside=
case "${1:-}" in
run) wanted=$run ;;
aarch64) wanted=$aarch64 beside=arm64 ;;
riscv64) wanted=$riscv64 beside=riscv64 ;;
linux) wanted=$run beside=linux ;;
bridge) wanted="$run $bridge" beside=bus ;;
check) wanted=$check ;;
test) wanted=$test beside="arm64 riscv64 linux bus" ;;
packages) wanted=$packages ;;
distros) wanted=$distros ;;
bench) wanted=$bench ;;
*)
	echo "usage:" \
		"setup.sh run|aarch64|riscv64|linux|bridge|check|test|packages|distros|bench" >&2
	exit 2
	;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "setup.sh: this is no Debian: install by hand what these packages have: $wanted" >&2
	exit 1
fi

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Print those of the packages $* that are missing. An alternative stays as it is where the lists
# have none of its packages.
print_missing() {
	for entry in "$@"; do
		case $entry in
		*=*)
			command -v "${entry%%=*}" >/dev/null || print_first "$entry"
			;;
		*)
			is_installed "$entry" || echo "$entry"
			;;
		esac
	done
}

# Print the first package of the alternative $1 that is in the lists.
print_first() {
	left="${1#*=}|"
	while [ -n "$left" ]; do
		if apt-cache show --no-all-versions "${left%%|*}" 2>/dev/null | grep -q .; then
			echo "${left%%|*}"
			return
		fi
		left=${left#*|}
	done
	echo "$1"
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

update() {
	as_root apt-get update -qq
	# shellcheck disable=SC2086  # a list of words
	missing=$(print_missing $wanted | tr '\n' ' ')
}

install() {
	# shellcheck disable=SC2086  # a list of words
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# The lists of packages may be old, or not there at all.
install_missing() {
	if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
		echo "setup.sh: as root: apt-get install $missing" >&2
		return 1
	fi
	case $missing in
	*=*) update ;;
	esac
	echo "installing with apt: $missing"
	install 2>/dev/null || { update && install; } || {
		echo "setup.sh: apt-get could not install: $missing" >&2
		return 1
	}
}

# Debian has had UEFI for riscv64, firmware and gnu-efi, since this version of the latter.
has_riscv64_efi() {
	dpkg --compare-versions "$(dpkg-query -W -f '${Version}' gnu-efi)" ge 3.0.18
}

# Packages $3 of the architecture $1, as Debian calls it, into the folder $2: their files are for
# the linker alone, or for a guest, so they are unpacked there and not installed. apt has lists, a
# cache and a state of its own in a temporary folder, and the architecture there alone: this
# machine's dpkg and apt learn of nothing, and no root is needed. apt checks the signatures by this
# machine's keys. What this machine has apt do behind an update is not done.
unpack() (
	work=$(mktemp -d "${TMPDIR:-/tmp}/ivsh-setup.XXXXXX")
	work=$(cd "$work" && pwd) # TMPDIR may be relative
	trap 'rm -rf "$work"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/package"
	cat >"$work/apt.conf" <<-END
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		#clear APT::Architectures;
		APT::Architecture "$1";
		APT::Architectures { "$1"; };
		APT::Get::AllowUnauthenticated "false";
		Acquire::AllowInsecureRepositories "false";
		Acquire::Languages "none";
		Dir::State "$work/state";
		Dir::State::lists "$work/state/lists";
		Dir::State::status "/dev/null";
		Dir::Cache "$work/cache";
		Dir::Cache::archives "$work/cache/archives";
	END
	# As root apt downloads as a user without rights, who must get there.
	chmod 755 "$work"
	[ "$(id -u)" -ne 0 ] || chown _apt "$work/package" 2>/dev/null || true
	echo "downloading with apt: $3, $1"
	cd "$work/package"
	# shellcheck disable=SC2046  # a list of words
	if ! apt-get -c "$work/apt.conf" update -qq >"$work/log" 2>&1 ||
		! apt-get -c "$work/apt.conf" download -qq $(print_real "$work" "$3") \
			>>"$work/log" 2>&1 || ! unpack_all "$work" 2>>"$work/log"; then
		grep -i '^[EW]:\|error' "$work/log" >&2 || true
		echo "setup.sh: apt-get could not download $3, $1" >&2
		exit 1
	fi
	cd "$OLDPWD"
	[ "$3" != "$linux_guest" ] || trim_linux "$work/files"
	mkdir -p "${2%/*}"
	rm -rf "$2" "$2.new"
	cp -R "$work/files" "$2.new"
	mv "$2.new" "$2"
)

# Print the packages $2, and in place of one that only names a kernel that kernel's. $1: where apt's
# configuration is.
print_real() {
	for entry in $2; do
		real=$(apt-cache -c "$1/apt.conf" depends "$entry" |
			sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p')
		echo "${real:-$entry}"
	done
}

unpack_all() {
	for package in "$1"/package/*.deb; do
		dpkg-deb -x "$package" "$1/files" || return 1
	done
}

# Of the kernel's package what a guest boots, and of busybox the program.
trim_linux() {
	find "$1" ! -type d ! -name 'vmlinuz-*' ! -path '*/drivers/vfio/*' \
		! -name 'irqbypass.ko*' ! -path '*/bin/busybox' -delete
	find "$1" -type d -empty -delete
}

install_wanted() {
	# shellcheck disable=SC2086  # a list of words
	missing=$(print_missing $wanted | tr '\n' ' ')
	[ -z "$missing" ] || install_missing
}

install_wanted
for architecture in $beside; do
	folder=gnu-efi/$architecture packages=gnu-efi
	case $architecture in
	arm64) folder=gnu-efi/aarch64 ;;
	linux) architecture=amd64 folder=linux/debian packages=$linux_guest ;;
	bus) architecture=$(dpkg --print-architecture) folder=nats packages=$bus ;;
	riscv64)
		has_riscv64_efi || continue
		wanted=qemu-efi-riscv64
		install_wanted
		;;
	esac
	[ -e "build/$folder" ] || unpack "$architecture" "build/$folder" "$packages"
done
