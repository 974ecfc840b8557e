# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# guest.sh - the peers of a demo: guests, each in a QEMU, and one of the host; started, watched and
# judged. run-qemu.sh sources it.

names=(alpha beta gamma delta epsilon zeta eta theta)
pids=() filters=() serial=0

# What peer $1 runs: in (command). Guests get it in one text, QEMU's -append.
command_of() {
	if [[ -n $moves ]]; then
		command="stress --peers=1 --count=$count --timeout=$timeout"
	elif ((${#commands[@]} == 0)); then
		command="demo --peers=$((guests - 1)) --timeout=$timeout"
	else
		command=${commands[$1 < ${#commands[@]} ? $1 : ${#commands[@]} - 1]}
	fi
	[[ $command == *--name=* ]] || command+=" --name=${names[$1]}"
}

# The options of guest $1's QEMU for its devices: in (words).
device_plain() {
	local path=${homes[$1]:-$dir} file=/memory,size=$size
	path=${path//,/,,}
	((split == 0)) || file=/memory/common,size=8192,readonly=on
	if [[ $transport == plain ]]; then
		path+=$file
		words=(-object "memory-backend-file,id=mem,share=on,mem-path=$path"
			-device "ivshmem-plain,memdev=mem")
	else
		words=(-chardev "socket,id=ivsh,path=$path/$1.sock"
			-device "ivshmem-doorbell,chardev=ivsh,vectors=$vectors")
	fi
	((split == 0)) || split_words "$1" "$dir"
}

is_uefi() { # $1: guest
	[[ $demo == uefi || ($demo == mixed && $(($1 % 2)) == 1) ]]
}

is_linux() { # $1: guest
	[[ $demo == linux && $(($1 % 2)) == 1 ]]
}

# What a guest boots, with the command $3: in (words). $1: its architecture, or linux, $2: 1 under
# UEFI. no_timer_check: on a host that is busy the kernel sees too few timer interrupts under TCG at
# its start, and panics.
image_words() {
	local text
	case $1 in
	linux)
		text="console=ttyS0 quiet loglevel=1 panic=-1 no_timer_check intel_iommu=on"
		words=(-kernel build/linux/vmlinuz -initrd build/linux/initramfs
			-append "$text -- $3")
		;;
	*) words=(-kernel "$(machine_image "$1" "$2")" -append "$3") ;;
	esac
}

# Start guest $1. $2: none, if it has no device yet; on, if the device's memory is migrated with it.
# More words go to QEMU.
guest_start() {
	local i=$1 master=${2:-off} arch=${arch_of[$1]} uefi=0 command words image line boots=''
	is_uefi "$i" && uefi=1 boots=${firmware_says[$arch]}
	is_linux "$i" && arch=linux boots="Linux boots (about 3 s) ..."
	command_of "$i"
	[[ $arch != linux ]] || command="--pci=auto $command"
	command="--exit=verdict $command"
	# A guest in a split region has the slot of the part that it can write.
	[[ $transport == doorbell ]] || ((split)) || command+=" --slot=$i"
	serial=$((serial + 1))
	machine_line "$arch"
	# The machine's RAM first: with another object there, QEMU 10.0 aborts in a migration under
	# TCG ("Bad ram offset", tlb_reset_dirty_range_all).
	[[ -z $moves ]] || line+=(-object "memory-backend-ram,id=ram,size=${ram:-64}M"
		-machine "memory-backend=ram")
	machine_devices "$arch" "${dir##*/}.$serial"
	line+=("${words[@]}")
	[[ $demo == reset ]] || line+=(-no-reboot)
	if ((uefi)); then
		line+=(-m "${ram:-256}" -bios "${firmware[$arch]}")
	elif [[ $arch == linux ]]; then
		line+=(-m "${ram:-256}")
	else
		line+=(-m "${ram:-64}")
	fi
	image_words "$arch" "$uefi" "$command"
	image=("${words[@]}")
	words=()
	if [[ -n $moves ]]; then
		qmp_make "$i" || exit 1
		# A port that is empty at boot gets too little address space by itself.
		line+=("${qmp_words[@]}" -device
			"pcie-root-port,id=port0,chassis=1,pref64-reserve=$((size * 2))")
		if [[ $demo == snapshot && $i == 0 ]]; then
			line+=(-drive "if=none,id=disk,format=qcow2,file=${dir//,/,,}/disk")
		fi
		parts_words "$i" "$master"
		line+=("${words[@]}")
		words=()
		[[ $master == none ]] || device_words "$i" "$master"
	else
		device_plain "$i"
	fi
	line+=("${words[@]}" "${@:3}" "${extra[@]}" "${image[@]}")
	peer_run "$i" "$boots" "${inside[@]}" "${line[@]}"
}

# Start the host's peer, $1. Its lines come as it prints them.
host_start() {
	local command line
	command_of "$1"
	read -ra line <<<"$command"
	peer_run "$1" '' stdbuf -oL build/host/ivsh -S "$dir/$1.sock" "${line[@]}"
}

peer_run() { # $1: peer, $2: what show() prints while it boots, then its command
	quote "${@:3}"
	mkfifo "$dir/out.$serial.$1" || exit 1
	# One process: a signal that comes while bash builds a pipeline may leave it waiting for the
	# first part of it.
	show "$1" "$2" <"$dir/out.$serial.$1" 3>>"$dir/guest.$1.log" &
	filters[$1]+=" $!"
	"${@:3}" >"$dir/out.$serial.$1" 2>&1 &
	pids[$1]=$!
	printf '%s\n' "${pids[$1]}" >>"$dir/pids" # for watch(), which sees no later change of pids
}

# Ends the guests if they are still there when the time is over, or the server gone.
watch() {
	local status
	on_signal TERM 'kill $! 2>/dev/null; exit'
	timeout "$timeout" tail -s 0.2 --pid="${server:-$$}" -f /dev/null &
	wait $!
	status=$?
	kill -0 "$$" 2>/dev/null || exit # the script was killed: after.sh
	if ((status == 124)); then
		echo "run-qemu.sh: timeout: not done after $timeout s" >&2
	else
		echo "run-qemu.sh: the server ended before its guests; its last lines:" >&2
		tail -n 3 "$server_log" >&2
	fi
	: >"$dir/over"
	mapfile -t pids <"$dir/pids"
	kill "${pids[@]}" 2>/dev/null
	sleep 5 & # a QEMU that does not answer
	wait $!
	mapfile -t pids <"$dir/pids"
	kill -KILL "${pids[@]}" 2>/dev/null
}

# Whether peer $1, which ended with 0, says that it is done. What a peer wrote never starts a line:
# its name stands in parentheses, its text behind who sent it.
verdict() {
	local what=demo messages=$((64 * (guests - 1)))
	local log=$dir/guest.$1.log
	[[ -z $moves ]] || what=stress messages=$count
	[[ ${arch_of[$1]} == host ]] || grep -qxF "[$1] exit: 0" "$log" || return
	((${#commands[@]})) || grep -qxE "\[$1\] $what: slot $1 \(${names[$1]}\): sent [0-9]+\
 bytes in $messages messages, received [0-9]+ bytes in $messages: every byte verified" "$log"
}

# Wait for the end of peer $1, and say what was wrong with it, if anything.
judge() {
	local status why who=QEMU log=$dir/guest.$1.log
	[[ ${arch_of[$1]} != host ]] || who=ivsh
	wait "${pids[$1]}"
	status=$?
	printf '%s\n' "${pids[@]:$1+1}" >"$dir/pids"
	# shellcheck disable=SC2086  # a list of numbers
	wait ${filters[$1]}
	# QEMU answers SIGTERM, and so the watchdog, with 0.
	if grep -q "^\[$1\] qemu-system-[a-z0-9_]*: terminating on signal" "$log"; then
		why="it had to be ended"
	elif ((status)); then
		why="$who's status $status"
	elif verdict "$1"; then
		return
	elif [[ -e $dir/over ]]; then
		why="it had to be ended"
	else
		why="$who's status 0, without the guest's own verdict: it crashed, or never ran"
	fi
	if [[ -s $log ]]; then
		echo "run-qemu.sh: guest $1: failed ($why); its last lines:"
		tail -n 3 "$log"
	else
		echo "run-qemu.sh: guest $1: failed ($why); it said nothing"
	fi >&2
	return 1
}
