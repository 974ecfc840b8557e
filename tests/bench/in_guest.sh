# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# in_guest.sh - for scripts that count instructions in a guest: sourced. $work: their folder.

# The architecture of a file in build/.
arch_of() {
	arch=${1#*build/}
	echo "${arch%%/*}"
}

# One run of the guest $1 at size $2; $3: slept, node, or nothing.
in_guest() {
	case $(arch_of "$1") in
	x86_64)
		row=guest qemu='qemu-system-x86_64 -M q35
			-device isa-debug-exit,iobase=0xf4,iosize=4'
		;;
	aarch64)
		row=aarch64 qemu='qemu-system-aarch64 -M virt,gic-version=2 -cpu cortex-a72
			-semihosting-config enable=on,target=native'
		;;
	riscv64)
		row=riscv64 qemu='qemu-system-riscv64 -M virt,aia=aplic-imsic -bios none'
		;;
	esac
	# shellcheck disable=SC2086  # a list of words
	timeout 60 $qemu -accel tcg -icount shift=0,sleep=off -m 128 -nodefaults -display none \
		-no-reboot -serial stdio -kernel "$1" -append "$2 256 $3" \
		</dev/null >"$work/said" 2>&1 || {
		cat "$work/said" >&2 # and nothing of it counts
		return 1
	}
	tr -d '\r' <"$work/said" >"$work/guest"
	awk -v row="$row" -v mode="${3:+-$3}" '$1 == "count" {
		printf "%s send%s %s %.2f\n", row, mode, $2, $4 / $3
		printf "%s receive%s %s %.2f\n", row, mode, $2, $5 / $3
	}' "$work/guest"
}
