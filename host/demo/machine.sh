# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# machine.sh - the machine of each architecture that a demo's guests run on: QEMU's program and its
# options, images, packages. run-qemu.sh sources it. tests/lib/machine.py says the same to tests.

# The board. aarch64: GICv2 with its v2m frame takes MSI without tables. riscv64: of QEMU's two
# interrupt controllers only this one takes MSI; the image itself is what runs first.
declare -A board=(
	[x86_64]="-M q35"
	[aarch64]="-M virt,gic-version=2"
	[riscv64]="-M virt,aia=aplic-imsic -bios none"
	# A guest with Linux: VFIO wants an IOMMU that remaps interrupts, and that another chip than
	# KVM's.
	[linux]="-M q35,kernel-irqchip=split -device intel-iommu,intremap=on"
)
# Under TCG, where QEMU's own choice is another: virt's is a processor of 32 bits.
declare -A processor=([x86_64]="" [aarch64]="-cpu cortex-a72" [riscv64]="" [linux]="")
# Under KVM: the interrupt controller must be one that the host can give.
declare -A kvm_board=(
	[x86_64]="-M q35"
	[aarch64]="-M virt,gic-version=host"
	[riscv64]="-M virt,aia=aplic-imsic -bios none"
	[linux]="${board[linux]}"
)
# What carries a guest's exit status to QEMU's. riscv64's virt has it by itself.
declare -A status_device=(
	[x86_64]="-device isa-debug-exit,iobase=0xf4,iosize=4"
	[aarch64]="-semihosting-config enable=on,target=native"
	[riscv64]=""
	[linux]="" # it powers the machine off
)
declare -A qemu_package=(
	[x86_64]=qemu-system-x86
	[aarch64]=qemu-system-arm
	[riscv64]="qemu-system-misc (Debian 12), qemu-system-riscv (13)"
)
# UEFI: the firmware's file, its package, and who speaks before the application does.
declare -A firmware=(
	[x86_64]=/usr/share/ovmf/OVMF.fd
	[aarch64]=/usr/share/qemu-efi-aarch64/QEMU_EFI.fd
)
declare -A firmware_package=([x86_64]=ovmf [aarch64]=qemu-efi-aarch64)
declare -A firmware_says=(
	[x86_64]="OVMF boots (about 3 s) ..."
	[aarch64]="AAVMF boots (about 2 s) ..."
)
# What setup.sh and make are asked for.
declare -A setup_word=([x86_64]=run [aarch64]=aarch64 [riscv64]=riscv64 [linux]=linux
	[bridge]=bridge)
declare -A make_goal=([x86_64]=all [aarch64]=aarch64 [riscv64]=riscv64 [linux]=linux
	[bridge]=build/host/ivsh-bridge)

is_architecture() {
	[[ $1 =~ ^(x86_64|aarch64|riscv64)$ ]]
}

# Install and build what guests of each architecture, or with linux, need. The host's programs are
# part of all. One run at a time: two that are started at once would write the same files.
machines_build() { # architectures
	local each goals=(build/host/ivsh-server build/host/ivsh)
	for each; do
		flock -o . ./setup.sh "${setup_word[$each]}" || exit 1
		goals+=("${make_goal[$each]}")
	done
	flock -o . make -s -j2 "${goals[@]}" || die 1 "make: failed"
}

# End the run where something is missing for a guest of architecture $1. $2: 1 under UEFI.
machine_needs() {
	local file
	command -v "qemu-system-$1" >/dev/null ||
		die 1 "qemu-system-$1 is missing: ./setup.sh ${setup_word[$1]}," \
			"or apt install ${qemu_package[$1]}"
	file=${firmware[$1]:-}
	(($2 == 0)) || [[ -e $file ]] ||
		die 1 "$file is missing: ./setup.sh ${setup_word[$1]}," \
			"or apt install ${firmware_package[$1]}"
	file=$(machine_image "$1" "$2")
	[[ -e $file ]] || die 1 "$file is missing: run make ${make_goal[$1]}"
}

linux_needs() { # the same for a guest with Linux
	local file
	for file in build/linux/vmlinuz build/linux/initramfs; do
		[[ -e $file ]] || die 1 "$file is missing: ./setup.sh linux, then make linux"
	done
}

machine_image() { # $1: architecture, $2: 1 under UEFI
	if (($2)); then echo "build/uefi-$1/ivsh.efi"; else echo "build/$1/ivsh.elf"; fi
}

# QEMU, its accelerator and board for a guest of architecture $1, or linux, in (line). With KVM or
# TCG, as (accel) says. TCG drops fences and atomics between machines that have one processor and
# can never have more, hence maxcpus=2 (DESIGN.md, "TCG").
machine_line() {
	local words="-accel tcg -smp 1,maxcpus=2 ${processor[$1]} ${board[$1]}"
	local arch=${1/#linux/x86_64}
	[[ ${accel[$arch]} == tcg ]] || words="-accel kvm -cpu host ${kvm_board[$1]}"
	read -ra words <<<"$words"
	line=("qemu-system-$arch" "${words[@]}")
}

# The options that every guest has besides: in (words).
machine_devices() { # $1: architecture, or linux, $2: a text that no other QEMU of this run has
	read -ra words <<<"${status_device[$1]}"
	words=(-nodefaults -display none -serial stdio "${words[@]}")
	# So a guest sees that it was migrated, or restored from a snapshot.
	if [[ $1 == linux ]]; then
		: # no process there is shown it
	elif [[ $1 == x86_64 ]]; then
		words+=(-device "vmgenid,guid=auto")
	elif machine_has_fw_cfg "$1"; then
		words+=(-fw_cfg "name=opt/ivsh/generation,string=$2")
	fi
}

# Whether a machine of architecture $1 can be migrated, or restored. QEMU 7.2 arms no timer of a
# riscv64 machine behind that (DESIGN.md, "How a guest sees that it was moved").
machine_moves() {
	machine_has_fw_cfg "$1"
}

# Whether QEMU takes -fw_cfg for architecture $1: riscv64's virt does not in QEMU 7.2.
machine_has_fw_cfg() {
	[[ $1 == riscv64 ]] || return 0
	[[ -n ${riscv64_fw_cfg:-} ]] || if qemu-system-riscv64 -M virt -nodefaults -display none \
		-bios none -fw_cfg name=opt/ivsh/generation,string=probe -S -monitor stdio \
		<<<quit >/dev/null 2>&1; then
		riscv64_fw_cfg=1
	else
		riscv64_fw_cfg=0
	fi
	((riscv64_fw_cfg))
}

# KVM runs guests of the host's own architecture. It counts only if a guest reaches main() and ends
# within a second: /dev/kvm may be there and emulate every instruction.
kvm_works() { # $1: architecture
	local said line words
	[[ $1 == "$(uname -m)" && -r /dev/kvm && -w /dev/kvm ]] || return
	local -A accel=([$1]=kvm)
	machine_line "$1"
	machine_devices "$1" probe
	said=$(exec 2>/dev/null && timeout -s KILL 1 "${line[@]}" "${words[@]}" -m 64 -no-reboot \
		-kernel "$(machine_image "$1" 0)" -append '--exit=verdict help')
	[[ ${said//$'\r'/} == *$'\nexit: 0' ]]
}

# Whether architecture $1 is accelerated, in (accel): kvm or tcg. $2: what the caller wants, if
# anything.
machine_accelerator() {
	accel[$1]=${2:-tcg}
	if [[ -z $2 ]] && kvm_works "$1"; then
		accel[$1]=kvm
	fi
}
declare -A accel
