#!/bin/bash -p
# SPDX-License-Identifier: MIT
#
# run-qemu.sh - boots guests that talk through ivshmem, and shows what they say.
#
# A guest is done when it says so itself, in its own lines, and QEMU ends with 0: QEMU's status
# alone is 0 as well after a triple fault under -no-reboot, and after a signal. Nothing of the
# caller's shell counts here (-p): functions, BASH_ENV, SHELLOPTS, CDPATH.
[[ $- == *p* ]] || exec /bin/bash -p -- "$0" "$@"
set -u +o posix
export LC_ALL=C

usage() {
	cat <<'END'
usage: ./run-qemu.sh [DEMO] [OPTION...]

Installs what is missing, builds, starts the memory or the server and the guests, shows their
output, and ends with 0 only if every guest says that it verified every byte; with --command, that
its command ended with 0.

  bare      two bare-metal guests, ivshmem-doorbell and ivsh-server (the default)
  split     the same in a split region: no guest can write what another one writes
  uefi      two guests that run ivsh.efi in OVMF, or AAVMF (not on riscv64)
  mixed     one of each
  linux     a bare-metal guest and one with Linux, which takes its interrupts by VFIO (x86_64)
  plain     two bare-metal guests, ivshmem-plain and a memory file, no server
  cross     an x86_64, an aarch64 and a riscv64 guest and a process of the host, all in one memory
  hugepages bare on huge pages, twice: an anonymous file (memfd), and one in a hugetlbfs;
            as root it reserves pages that are missing, and gives them back

  migrate [ROW]
            a guest is migrated while two talk, each step in a line:
              doorbell-off   detach, migrate, attach at the same server (without ROW)
              doorbell-on    the memory is migrated to a second server, and the peer follows
              plain-off      detach, migrate, attach to the same memory file
              plain-on       the peer leaves, the memory is migrated to another file, the peer
                             comes back
              plain-on-live  the same while the peer talks: what is lost is reported
              both           two guests are migrated, one after the other
              all            each of these, one after the other
  hotplug   the devices of two guests that talk are unplugged and plugged in
  snapshot  a guest and the memory are stored, and restored while the other guest talks on
  reset     guests are reset while they talk
  bridge [core|jetstream]
            two guests on two hosts, each with a server and an ivsh-bridge, and NATS between them:
            a message from one to the other, then many while the link is cut for 3 s; the hosts are
            network namespaces as root, else all is on the loopback

  --arch NAME        the guests' architecture: x86_64 (the default), aarch64, riscv64
  --split            a split region for uefi, mixed, plain, cross, reset, hotplug, and of the
                     rows of migrate for doorbell-off, plain-off and both
  --guests N         how many guests, 2 to 8 (2)
  --memory SIZE      the shared memory, with K, M or G (4M)
  --vectors N        doorbell vectors of each peer, 1 to 64 (2)
  --command TEXT     what a guest runs instead of the demo; again for the next guest
  --ram MIB          each guest's own memory (64; 256 under UEFI and Linux)
  --timeout SECONDS  when to give up (60)
  --accel NAME       tcg, or kvm for guests of the host's architecture; else KVM where a probe
                     shows that it works, or TCG
  --qemu-args TEXT   more arguments for every QEMU
  --server-args TEXT more arguments for the server
  --qemu-arg WORD, --server-arg WORD
                     one more argument, as it is: spaces do not part it
  --no-build         take build/ as it is
  --keep             keep sockets, memory and logs, and say where
  --help             this
END
}

die() { # $1: status, the rest: one line
	local status=$1
	shift
	echo "run-qemu.sh: $*" >&2
	exit "$status"
}

# Where this file is, whatever leads to it; a folder for temporary files that holds from there, too.
export TMPDIR=${TMPDIR:-/tmp}
[[ $TMPDIR == /* ]] || TMPDIR=$PWD/$TMPDIR
self=${BASH_SOURCE[0]}
[[ $self == */* ]] || self=./$self
while [[ -L $self ]]; do
	link=$(readlink -- "$self") || exit 1
	[[ $link == /* ]] || link=${self%/*}/$link
	self=$link
done
unset CDPATH
cd -P -- "${self%/*}/" || exit 1
top=$PWD
# What each knows, it says at its top. shellcheck reads the files by themselves.
# shellcheck source=host/demo/signal.sh
. host/demo/signal.sh
# shellcheck source=host/demo/machine.sh
. host/demo/machine.sh
# shellcheck source=host/demo/huge.sh
. host/demo/huge.sh
# shellcheck source=host/demo/show.sh
. host/demo/show.sh
# shellcheck source=host/demo/memory.sh
. host/demo/memory.sh
# shellcheck source=host/demo/guest.sh
. host/demo/guest.sh
# shellcheck source=host/demo/qmp.sh
. host/demo/qmp.sh
# shellcheck source=host/demo/moves.sh
. host/demo/moves.sh
# shellcheck source=host/demo/bridge.sh
. host/demo/bridge.sh

# --- Arguments --------------------------------------------------------------------------------

server='' servers=()
demo=bare row='' arch='' guests='' split=0 memory=4M vectors=2 ram='' accelerator='' timeout=60
build=1 keep=0
commands=() extra=() serving=() options=() # options: all words but the demo's
number() { # $1: option, $2: text, $3: least, $4: most
	if [[ ! $2 =~ ^[0-9]{1,6}$ ]] || ((10#$2 < $3 || 10#$2 > $4)); then
		die 2 "$1 $2: a number from $3 to $4"
	fi
}
while (($#)); do
	case $1 in
	bare | split | uefi | mixed | linux | plain | cross | hugepages | migrate | hotplug | \
		snapshot | reset | bridge)
		demo=$1
		shift
		[[ $demo =~ ^(migrate|bridge)$ && ${1:-} == [a-z]* ]] || continue
		row=$1
		shift
		continue
		;;
	--arch | --guests | --memory | --vectors | --command | --ram | --timeout | --accel | \
		--qemu-args | --server-args | --qemu-arg | --server-arg)
		(($# > 1)) || die 2 "$1: needs a value"
		options+=("$1" "$2")
		case $1 in
		--arch)
			is_architecture "$2" || die 2 "--arch $2: x86_64, aarch64 or riscv64"
			arch=$2
			;;
		--guests) number "$1" "$2" 2 8 && guests=$((10#$2)) ;;
		--memory) memory=$2 ;;
		--vectors) number "$1" "$2" 1 64 && vectors=$((10#$2)) ;;
		--command) commands+=("$2") ;;
		--ram) number "$1" "$2" 16 65536 && ram=$((10#$2)) ;;
		--timeout) number "$1" "$2" 1 86400 && timeout=$((10#$2)) ;;
		--accel)
			[[ $2 == tcg || $2 == kvm ]] || die 2 "--accel $2: tcg or kvm"
			accelerator=$2
			;;
		--qemu-args) read -ra words <<<"$2" && extra+=("${words[@]}") ;;
		--server-args) read -ra words <<<"$2" && serving+=("${words[@]}") ;;
		--qemu-arg) extra+=("$2") ;;
		--server-arg) serving+=("$2") ;;
		esac
		shift
		;;
	--split) split=1 && options+=("$1") ;;
	--no-build) build=0 ;;
	--keep) keep=1 && options+=("$1") ;;
	-h | --help) usage && exit 0 ;;
	*) die 2 "$1: no such demo or option; try --help" ;;
	esac
	shift
done
[[ $memory =~ ^([0-9]{1,6})([KMG]?)$ ]] || die 2 "--memory $memory: a number with K, M or G"
case ${BASH_REMATCH[2]} in
K) size=$((10#${BASH_REMATCH[1]} << 10)) ;;
M) size=$((10#${BASH_REMATCH[1]} << 20)) ;;
G) size=$((10#${BASH_REMATCH[1]} << 30)) ;;
*) size=$((10#${BASH_REMATCH[1]})) ;;
esac
((size >= 4096 && (size & (size - 1)) == 0)) ||
	die 2 "--memory $memory: BAR2 wants a power of two of at least 4K"

case $demo in
migrate | hotplug | snapshot | reset)
	[[ $demo != migrate || -n $row ]] || row=doorbell-off
	[[ $demo != migrate ||
		$row =~ ^(doorbell-off|doorbell-on|plain-off|plain-on|plain-on-live|both|all)$ ]] ||
		die 2 "migrate $row: no such row; try --help"
	((${guests:-2} == 2)) || die 2 "--guests $guests: the demo $demo has two guests"
	((${#commands[@]} == 0)) || die 2 "--command: the demo $demo runs stress"
	;;
uefi | mixed)
	[[ $arch != riscv64 ]] ||
		die 2 "$demo: this script boots no firmware on riscv64: take bare or plain"
	;;
linux)
	[[ ${arch:-x86_64} == x86_64 ]] || die 2 "linux: the guest with Linux is an x86_64 one"
	((${ram:-256} >= 128)) || die 2 "--ram $ram: Linux boots with 128 MiB or more"
	[[ $(uname -m) == x86_64 ]] ||
		die 2 "linux: that guest runs this machine's ivsh, which is one of $(uname -m)"
	;;
split)
	split=1
	;;
bridge)
	row=${row:-core}
	[[ $row =~ ^(core|jetstream)$ ]] || die 2 "bridge $row: core or jetstream"
	((${guests:-2} == 2)) || die 2 "--guests $guests: the demo bridge has two guests"
	((split == 0)) || die 2 "--split: the demo bridge has two regions that are not split"
	;;
cross)
	[[ -z $arch ]] || die 2 "--arch $arch: the demo cross has a guest of each architecture"
	[[ -z $guests ]] || die 2 "--guests $guests: the demo cross has three, and one of the host"
	;;
esac

if ((split)); then
	case $demo in
	linux)
		die 2 "--split: the guest with Linux opens one device by VFIO, and a split region" \
			"has several"
		;;
	hugepages) die 2 "--split: the parts are files that QEMU opens, and no huge pages" ;;
	snapshot)
		die 2 "--split: no snapshot can bring back the parts, which other guests write"
		;;
	migrate)
		[[ ! $row =~ -on|all ]] ||
			die 2 "--split: migrate $row: a guest cannot take along the parts that it" \
				"can only read: take doorbell-off, plain-off or both"
		;;
	esac
fi

# Who takes part: arch_of, by slot.
arch=${arch:-x86_64} guests=${guests:-2}
arches=("$arch") arch_of=()
if [[ $demo == cross ]]; then
	arches=(x86_64 aarch64 riscv64) arch_of=(x86_64 aarch64 riscv64 host)
	guests=${#arch_of[@]}
else
	for ((i = 0; i < guests; i++)); do arch_of[i]=$arch; done
fi
for ((i = 0; i < guests && ${#commands[@]}; i++)); do
	is_linux "$i" || continue
	text=${commands[i < ${#commands[@]} ? i : ${#commands[@]} - 1]}
	[[ " $text " != *" -- "* ]] ||
		die 2 "--command $text: Linux hands its programs no word behind a --"
done
for each in "${arches[@]}"; do
	[[ $accelerator != kvm || $each == "$(uname -m)" ]] ||
		die 2 "--accel kvm: KVM on $(uname -m) runs no $each guests"
done

# --- What is needed ---------------------------------------------------------------------------

exec </dev/null # what runs here asks nobody
trap '' XFSZ     # a file that may not grow is an error with a name
builds=("${arches[@]}")
[[ $demo != linux ]] || builds+=(linux)
[[ $demo != bridge ]] || builds+=(bridge)
((build == 0)) || machines_build "${builds[@]}"
for ((i = 0; i < guests; i++)); do
	[[ ${arch_of[i]} != host ]] || continue
	machine_needs "${arch_of[i]}" "$(is_uefi "$i" && echo 1 || echo 0)"
	! is_linux "$i" || linux_needs
done
[[ $demo != bridge ]] || bridge_needs
[[ ! $demo =~ ^(migrate|snapshot)$ ]] || machine_moves "$arch" ||
	die 2 "$demo: this QEMU moves no $arch machine whole: its timer stops, and nothing" \
		"shows it the move (DESIGN.md)"
[[ $demo != snapshot ]] || command -v qemu-img >/dev/null ||
	die 1 "qemu-img is missing: ./setup.sh run, or apt install qemu-utils"
for file in build/host/ivsh-server build/host/ivsh; do
	[[ -e $file ]] || die 1 "$file is missing: run make"
done

folder() { # $1: what for. A folder of this run's own; or one line, and a status
	local made
	made=$(mktemp -d "$TMPDIR/ivsh-$1.XXXXXX" 2>&1) || die 1 "$made (TMPDIR says where)"
	echo "$made"
}

# A signal comes to a shell that is about to fork: the child inherits the trap that is due, and
# runs it, too. There it must end the child alone: the jobs, and the folder, are this shell's.
is_child() { [[ $BASHPID != "$$" ]]; }

# All jobs: also one that is started and not noted yet, and what waits for a guest's first word.
# Again until none is left: one that was just forked may lose a signal. A job has $1 twentieths of a
# second before it is killed; without a number 6 s. A run inside this one takes up to 10 s to end
# its own jobs: killed before, it leaves them and its folder behind.
end_jobs() {
	is_child && return
	local pid try left sig=TERM group patience=${1:-120}
	for ((try = 0; try < patience + 80; try++)); do
		((try < patience)) || sig=KILL
		left=0
		for pid in $(jobs -pr); do
			left=1 group=
			# Once in a while: a server's second signal would cut its own end short.
			[[ " ${servers[*]} " != *" $pid "* ]] || group=-
			[[ -n $group ]] && ((try % 20)) && continue
			kill -"$sig" -- "$group$pid" 2>/dev/null
		done
		((left)) || break
		sleep 0.05
	done
	for pid in "${servers[@]}"; do
		kill -- "-$pid" 2>/dev/null # what of it outlived its supervisor
	done
	wait
}

# --- Demos that are several runs ----------------------------------------------------------------

if [[ $demo == hugepages ]]; then
	((size % (2 << 20) == 0)) || die 2 "--memory $memory: a multiple of 2M is needed here"
	hugepages
	exit
fi
if [[ $row == all ]]; then
	for row in doorbell-off doorbell-on plain-off plain-on plain-on-live both; do
		"$top/run-qemu.sh" migrate "$row" "${options[@]}" --no-build &
		inner=$!
		on_signal HUP 'end_jobs 300; exit 129'
		on_signal INT 'end_jobs 300; exit 130'
		on_signal TERM 'end_jobs 300; exit 143'
		wait "$inner" || exit
	done
	exit 0
fi

# --- The run ------------------------------------------------------------------------------------

# Everything that this run makes is in one folder of its own, so two runs do not meet.
dir=$(folder run) || exit
cleanup() {
	is_child && return
	trap - EXIT
	trap '' HUP INT TERM # a second one must not leave half of it behind
	[[ -z $bus ]] || kill -CONT "$bus" 2>/dev/null # it may stand still
	end_jobs
	if ((keep)); then
		echo "run-qemu.sh: kept: $dir"
	else
		rm -rf "$dir"
	fi
}
trap cleanup EXIT
on_signal HUP 'exit 129'
on_signal INT 'exit 130'
on_signal TERM 'exit 143'
setsid host/demo/after.sh "$$" "$dir" "$keep" & # for a signal that no trap takes

for each in "${arches[@]}"; do machine_accelerator "$each" "$accelerator"; done

# How many messages a demo exchanges that moves what talks.
moves='' transport=doorbell count=20000 slots=8
case $demo in
plain) transport=plain ;;
migrate | hotplug | snapshot | reset)
	moves=1
	transport=$(moves_transport "$demo" "$row")
	((split == 0)) || count=30000 # there are more devices to go and come
	[[ ${accel[$arch]} != kvm ]] || count=1000000
	;;
esac
if [[ $demo == bridge ]]; then
	hosts_start
elif [[ $transport == plain ]]; then
	memory_make "$dir/memory"
else
	server_start "$dir"
fi
if [[ $demo == snapshot ]]; then
	line=(qemu-img create -q -f qcow2 "$dir/disk" 1G)
	quote "${line[@]}"
	"${line[@]}" || die 1 "$dir/disk: qemu-img failed"
fi

start=$EPOCHREALTIME
for ((i = 0; i < guests; i++)); do
	if [[ $demo == bridge ]]; then
		: # their networks differ
	elif [[ -n $moves ]]; then
		if [[ $transport == plain ]]; then backend "$i" "$dir/memory"; else
			backend "$i" "$dir/$i.sock"
		fi
		guest_start "$i" "$(moves_master "$i")"
	elif [[ ${arch_of[i]} == host ]]; then
		host_start "$i"
	else
		guest_start "$i"
	fi
done
good=0
if [[ $demo == bridge ]]; then
	bridge_run
else
	watch &
	[[ -z $moves ]] || moves
	for ((i = 0; i < guests; i++)); do
		judge "$i" && good=$((good + 1))
	done
fi
end=$EPOCHREALTIME
pids=()

of=guests
[[ $demo != cross ]] || of=peers
printf 'run-qemu.sh: %s: %d of %d %s done and verified, %d.%d s\n' "$demo${row:+ $row}" \
	"$good" "$guests" "$of" \
	$(((${end/[.,]/} - ${start/[.,]/}) / 1000000)) \
	$(((${end/[.,]/} - ${start/[.,]/}) / 100000 % 10))
((good == guests))
