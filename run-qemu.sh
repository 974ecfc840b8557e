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
  uefi      two guests that run ivsh.efi in OVMF
  mixed     one of each
  plain     two bare-metal guests, ivshmem-plain and a memory file, no server
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

  --guests N         how many guests, 2 to 8 (2)
  --memory SIZE      the shared memory, with K, M or G (4M)
  --vectors N        doorbell vectors of each peer, 1 to 64 (2)
  --command TEXT     what a guest runs instead of the demo; again for the next guest
  --ram MIB          each guest's own memory (64; 256 under UEFI)
  --timeout SECONDS  when to give up (60)
  --accel NAME       tcg, or kvm; else KVM where a probe shows that it works, or TCG
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

# --- Arguments --------------------------------------------------------------------------------

demo=bare row='' guests=2 memory=4M vectors=2 ram='' accelerator='' timeout=60 build=1 keep=0
commands=() extra=() serving=() options=() # options: all words but the demo's
number() { # $1: option, $2: text, $3: least, $4: most
	if [[ ! $2 =~ ^[0-9]{1,6}$ ]] || ((10#$2 < $3 || 10#$2 > $4)); then
		die 2 "$1 $2: a number from $3 to $4"
	fi
}
while (($#)); do
	case $1 in
	bare | uefi | mixed | plain | hugepages | migrate | hotplug | snapshot | reset)
		demo=$1
		shift
		[[ $demo == migrate && ${1:-} == [a-z]* ]] || continue
		row=$1
		shift
		continue
		;;
	--guests | --memory | --vectors | --command | --ram | --timeout | --accel | --qemu-args | \
		--server-args | --qemu-arg | --server-arg)
		(($# > 1)) || die 2 "$1: needs a value"
		options+=("$1" "$2")
		case $1 in
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
	((guests == 2)) || die 2 "--guests $guests: the demo $demo has two guests"
	((${#commands[@]} == 0)) || die 2 "--command: the demo $demo runs stress"
	;;
esac

# --- What is needed ---------------------------------------------------------------------------

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
exec </dev/null # what runs here asks nobody
trap '' XFSZ     # a file that may not grow is an error with a name
if ((build)); then
	./setup.sh run || exit 1
	make -s -j2 all || die 1 "make: failed"
fi
command -v qemu-system-x86_64 >/dev/null ||
	die 1 "qemu-system-x86_64 is missing: ./setup.sh run, or apt install qemu-system-x86"
[[ $demo != snapshot ]] || command -v qemu-img >/dev/null ||
	die 1 "qemu-img is missing: ./setup.sh run, or apt install qemu-utils"
ovmf=/usr/share/ovmf/OVMF.fd
[[ $demo != uefi && $demo != mixed ]] || [[ -e $ovmf ]] ||
	die 1 "$ovmf is missing: ./setup.sh run, or apt install ovmf"
for file in build/x86_64/ivsh.elf build/uefi-x86_64/ivsh.efi build/host/ivsh-server; do
	[[ -e $file ]] || die 1 "$file is missing: run make"
done

folder() { # $1: what for. A folder of this run's own; or one line, and a status
	local made
	made=$(mktemp -d "$TMPDIR/ivsh-$1.XXXXXX" 2>&1) || die 1 "$made (TMPDIR says where)"
	echo "$made"
}

# --- Huge pages -------------------------------------------------------------------------------

# Two runs of the bare demo. Without pages, and without a way to get any, the status is 77.
pages=/sys/kernel/mm/hugepages/hugepages-2048kB
lent=0 inner=''
hugepages() {
	local have need=$(((size + (2 << 20) - 1) / (2 << 20))) place kind status
	place=$(folder huge) || exit
	# shellcheck disable=SC2064  # this place, and no other
	trap "give_back '$place'" EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	have=$(cat $pages/free_hugepages 2>/dev/null) ||
		die 77 "this kernel has no huge pages of 2M"
	if ((have < need)); then
		lent=$((need - have))
		borrow "$lent" || die 77 "$need huge pages of 2M are needed, $have are free:" \
			"as root, echo $need >$pages/nr_hugepages"
	fi
	mount -t hugetlbfs -o pagesize=2M ivsh "$place" 2>/dev/null ||
		die 77 "a hugetlbfs cannot be mounted: this needs root"
	for kind in "--hugetlb 2M" "-m $place"; do
		echo "run-qemu.sh: on huge pages: ivsh-server $kind"
		"$top/run-qemu.sh" bare "${options[@]}" --no-build --memory "$((size >> 20))M" \
			--server-arg "${kind%% *}" --server-arg "${kind#* }" &
		inner=$!
		wait "$inner"
		status=$?
		inner=''
		((status == 0)) || return "$status"
	done
}
borrow() { # $1: how many pages more, or fewer
	local now
	now=$(cat $pages/nr_hugepages)
	{ echo $((now + $1)) >$pages/nr_hugepages; } 2>/dev/null &&
		(($(cat $pages/nr_hugepages) == now + $1))
}
give_back() { # $1: where the file system was mounted
	trap - EXIT
	[[ -z $inner ]] || { kill "$inner" && wait "$inner"; } 2>/dev/null
	umount "$1" 2>/dev/null
	rmdir "$1"
	((lent == 0)) || borrow "-$lent" || echo "run-qemu.sh: $lent huge pages stay reserved" >&2
}
if [[ $demo == hugepages ]]; then
	((size % (2 << 20) == 0)) || die 2 "--memory $memory: a multiple of 2M is needed here"
	hugepages
	exit
fi

# Each row is a run of its own.
if [[ $row == all ]]; then
	for row in doorbell-off doorbell-on plain-off plain-on plain-on-live both; do
		"$top/run-qemu.sh" migrate "$row" "${options[@]}" --no-build &
		inner=$!
		trap 'kill "$inner"; wait "$inner"; exit 130' INT
		trap 'kill "$inner"; wait "$inner"; exit 143' TERM
		wait "$inner" || exit
	done
	exit 0
fi

# Everything that this run makes is in one folder of its own, so two runs do not meet.
dir=$(folder run) || exit
pids=() filters=() server='' servers=()
cleanup() {
	local pid
	trap - EXIT
	# All of them, also one that is started and not noted yet, and what waits for a guest's
	# first word.
	for pid in $(jobs -p); do
		[[ " ${servers[*]} " == *" $pid "* ]] || kill "$pid" 2>/dev/null
	done
	for pid in "${servers[@]}"; do
		kill -- "-$pid" 2>/dev/null # also what of it outlived its supervisor
	done
	wait
	if ((keep)); then
		echo "run-qemu.sh: kept: $dir"
	else
		rm -rf "$dir"
	fi
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# KVM counts only if a guest reaches main() and ends within a second: /dev/kvm may be there and
# emulate every instruction. TCG drops fences and atomics between machines that have one processor
# and can never have more, hence maxcpus=2 (DESIGN.md, "TCG").
kvm_works() {
	local said
	[[ -r /dev/kvm && -w /dev/kvm ]] || return
	said=$(exec 2>/dev/null && timeout -s KILL 1 qemu-system-x86_64 -accel kvm -cpu host \
		-M q35 -m 64 -nodefaults -display none -no-reboot -serial stdio \
		-kernel build/x86_64/ivsh.elf \
		-append '--exit=verdict help')
	[[ ${said//$'\r'/} == *$'\nexit: 0' ]]
}
accel=(-accel tcg -smp "1,maxcpus=2")
if [[ $accelerator == kvm ]] || { [[ -z $accelerator ]] && kvm_works; }; then
	accel=(-accel kvm -cpu host)
fi

# --- Showing ----------------------------------------------------------------------------------

# One guest's output: without the firmware's escape sequences, each line with the guest's number;
# while OVMF says nothing that matters, a line of progress: what it says is of use if nothing comes
# after it.
show() { # $1: number, $2: 1 under UEFI
	local line booting=$2 boot=()
	((booting)) && echo "[$1] OVMF boots (about 3 s) ..."
	while IFS= read -r line || [[ -n $line ]]; do
		line=${line//$'\r'/}
		while [[ $line =~ ^(.*)$'\e'\[[0-9\;\?=]*[A-Za-z](.*)$ ]]; do
			line=${BASH_REMATCH[1]}${BASH_REMATCH[2]}
		done
		if ((booting)); then
			[[ -z $line ]] && continue
			[[ $line == BdsDxe:* || $line == *Boot[0-9]* ]] &&
				boot+=("$line") && continue
			booting=0
		fi
		echo "[$1] $line"
	done
	((booting)) && for line in "${boot[@]}"; do echo "[$1] $line"; done
}

quote() { # a command line that can be pasted into a shell
	local word out=
	for word; do
		[[ $word =~ ^[A-Za-z0-9_./:=,@%+-]+$ ]] || word="'${word//\'/\'\\\'\'}'"
		out+="$word "
	done
	echo "+ ${out% }"
}

# --- Memory -----------------------------------------------------------------------------------

names=(alpha beta gamma delta epsilon zeta eta theta)
slots=8
# The demos that move what talks. shellcheck reads the files by themselves.
moves='' transport=doorbell count=20000
case $demo in
plain) transport=plain ;;
migrate | hotplug | snapshot | reset)
	moves=1
	# shellcheck source=host/demo/qmp.sh
	. "$top/host/demo/qmp.sh"
	# shellcheck source=host/demo/moves.sh
	. "$top/host/demo/moves.sh"
	transport=$(moves_transport "$demo" "$row")
	[[ ${accel[*]} != *kvm* ]] || count=1000000
	;;
esac

memory_make() { # $1: file. All of it, now: a page that has no room when a guest first writes there
	# would end QEMU (SIGBUS).
	local said line=(fallocate -l "$size" "$1")
	quote "${line[@]}"
	said=$("${line[@]}" 2>&1) ||
		{ [[ $said == *"not supported"* ]] &&
			said=$(head -c "$size" /dev/zero 2>&1 >"$1"); } ||
		die 1 "$1: $size bytes: $said"
}

server_start() { # $1: folder of its sockets
	local i line=(build/host/ivsh-server -F -S "$1/ivsh.sock" -l "$memory" -n "$vectors"
		--slots "$slots")
	for ((i = 0; i < guests; i++)); do
		line+=(--slot "$i=$1/$i.sock")
	done
	line+=("${serving[@]}")
	quote "${line[@]}"
	setsid "${line[@]}" 2>"$1/server.log" & # a process group of its own: cleanup()
	server=$!
	servers+=("$server")
	for ((i = 0; i < 500; i++)); do
		[[ -S $1/$((guests - 1)).sock ]] && break
		kill -0 "$server" 2>/dev/null || die 1 "the server ended: $(cat "$1/server.log")"
		sleep 0.01
	done
}

if [[ $transport == plain ]]; then
	memory_make "$dir/memory"
else
	server_start "$dir"
fi

# --- Guests -----------------------------------------------------------------------------------

# The options of guest $1's QEMU for its device: in (words).
device_plain() {
	local path=${dir//,/,,}
	if [[ $transport == plain ]]; then
		path+=/memory
		words=(-object "memory-backend-file,id=mem,share=on,mem-path=$path,size=$size"
			-device "ivshmem-plain,memdev=mem")
	else
		words=(-chardev "socket,id=ivsh,path=$path/$1.sock"
			-device "ivshmem-doorbell,chardev=ivsh,vectors=$vectors")
	fi
}

# Start guest $1. $2: none, if it has no device yet; on, if the device's memory is migrated with it.
# More words go to QEMU.
guest_start() {
	local i=$1 master=${2:-off} uefi=0 command words
	[[ $demo == uefi || ($demo == mixed && $((i % 2)) == 1) ]] && uefi=1
	if [[ -n $moves ]]; then
		command="stress --peers=1 --count=$count --timeout=$timeout"
	elif ((${#commands[@]} == 0)); then
		command="demo --peers=$((guests - 1)) --timeout=$timeout"
	else
		command=${commands[i < ${#commands[@]} ? i : ${#commands[@]} - 1]}
	fi
	command="--exit=verdict $command"
	[[ $command == *--name=* ]] || command+=" --name=${names[i]}"
	[[ $transport == doorbell ]] || command+=" --slot=$i"
	# vmgenid: so a guest sees that it was migrated, or restored from a snapshot.
	line=(qemu-system-x86_64 "${accel[@]}" -M q35)
	# The machine's RAM first: with another object there, QEMU 10.0 aborts in a migration under
	# TCG ("Bad ram offset", tlb_reset_dirty_range_all).
	[[ -z $moves ]] || line+=(-object "memory-backend-ram,id=ram,size=${ram:-64}M"
		-machine "memory-backend=ram")
	line+=(-nodefaults -display none -serial stdio
		-device "isa-debug-exit,iobase=0xf4,iosize=4" -device "vmgenid,guid=auto")
	[[ $demo == reset ]] || line+=(-no-reboot)
	if ((uefi)); then
		line+=(-m "${ram:-256}" -bios "$ovmf" -kernel build/uefi-x86_64/ivsh.efi)
	else
		line+=(-m "${ram:-64}" -kernel build/x86_64/ivsh.elf)
	fi
	words=()
	if [[ -n $moves ]]; then
		qmp_make "$i" || exit 1
		# A port that is empty at boot gets too little address space by itself.
		line+=("${qmp_words[@]}" -device
			"pcie-root-port,id=port0,chassis=1,pref64-reserve=$((size * 2))")
		if [[ $demo == snapshot && $i == 0 ]]; then
			line+=(-drive "if=none,id=disk,format=qcow2,file=${dir//,/,,}/disk")
		fi
		[[ $master == none ]] || device_words "$i" "$master"
	else
		device_plain "$i"
	fi
	line+=("${words[@]}" "${@:3}" "${extra[@]}" -append "$command")
	quote "${line[@]}"
	serial=$((serial + 1))
	mkfifo "$dir/out.$serial" || exit 1
	show "$i" "$uefi" <"$dir/out.$serial" | tee -a "$dir/guest.$i.log" &
	filters[i]+=" $!"
	"${line[@]}" >"$dir/out.$serial" 2>&1 &
	pids[i]=$!
	printf '%s\n' "${pids[i]}" >>"$dir/pids" # for watch(), which sees no later change of pids
}

if [[ $demo == snapshot ]]; then
	line=(qemu-img create -q -f qcow2 "$dir/disk" 1G)
	quote "${line[@]}"
	"${line[@]}" || die 1 "$dir/disk: qemu-img failed"
fi
start=$EPOCHREALTIME serial=0
for ((i = 0; i < guests; i++)); do
	if [[ -n $moves ]]; then
		if [[ $transport == plain ]]; then backend "$i" "$dir/memory"; else
			backend "$i" "$dir/$i.sock"
		fi
		guest_start "$i" "$(moves_master "$i")"
	else
		guest_start "$i"
	fi
done

# Ends the guests if they are still there when the time is over, or the server gone.
watch() {
	trap 'kill $! 2>/dev/null; exit' TERM
	timeout "$timeout" tail -s 0.2 --pid="${server:-$$}" -f /dev/null &
	wait $!
	if (($? == 124)); then
		echo "run-qemu.sh: timeout: not done after $timeout s" >&2
	else
		echo "run-qemu.sh: the server ended before its guests; its last lines:" >&2
		tail -n 3 "$dir/server.log" >&2
	fi
	: >"$dir/over"
	mapfile -t pids <"$dir/pids"
	kill "${pids[@]}" 2>/dev/null
	sleep 5 & # a QEMU that does not answer
	wait $!
	mapfile -t pids <"$dir/pids"
	kill -KILL "${pids[@]}" 2>/dev/null
}
watch &

# Whether guest $1 says that it is done. What a peer wrote never starts a line: its name stands in
# parentheses, its text behind who sent it.
verdict() {
	local what=demo messages=$((64 * (guests - 1)))
	local log=$dir/guest.$1.log
	[[ -z $moves ]] || what=stress messages=$count
	grep -qxF "[$1] exit: 0" "$log" || return
	((${#commands[@]})) || grep -qxE "\[$1\] $what: slot $1 \(${names[$1]}\): sent [0-9]+\
 bytes in $messages messages, received [0-9]+ bytes in $messages: every byte verified" "$log"
}

[[ -z $moves ]] || moves
good=0
for ((i = 0; i < guests; i++)); do
	wait "${pids[i]}"
	status=$?
	printf '%s\n' "${pids[@]:i+1}" >"$dir/pids"
	# shellcheck disable=SC2086  # a list of numbers
	wait ${filters[i]}
	# QEMU answers SIGTERM, and so the watchdog, with 0.
	if grep -q "^\[$i\] qemu-system-x86_64: terminating on signal" "$dir/guest.$i.log"; then
		why="it had to be ended"
	elif ((status)); then
		why="QEMU's status $status"
	elif verdict "$i"; then
		good=$((good + 1))
		continue
	elif [[ -e $dir/over ]]; then
		why="it had to be ended"
	else
		why="QEMU's status 0, without the guest's own verdict: it crashed, or never ran"
	fi
	if [[ -s $dir/guest.$i.log ]]; then
		echo "run-qemu.sh: guest $i: failed ($why); its last lines:"
		tail -n 3 "$dir/guest.$i.log"
	else
		echo "run-qemu.sh: guest $i: failed ($why); it said nothing"
	fi >&2
done
end=$EPOCHREALTIME
pids=()

printf 'run-qemu.sh: %s: %d of %d guests done and verified, %d.%d s\n' "$demo${row:+ $row}" \
	"$good" "$guests" \
	$(((${end/[.,]/} - ${start/[.,]/}) / 1000000)) \
	$(((${end/[.,]/} - ${start/[.,]/}) / 100000 % 10))
((good == guests))
