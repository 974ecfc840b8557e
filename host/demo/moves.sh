# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# moves.sh - the demos in which a machine is migrated, restored or reset, or its device unplugged,
# while it talks: run-qemu.sh sources it. What QEMU allows of this, and how, is in DESIGN.md,
# "Machines that are moved".
#
# Both guests run stress, whose exchange begins again when either side is in another incarnation. So
# they end only when every byte of one whole exchange was verified.

say() {
	echo "run-qemu.sh: $*"
}

# --- One guest's device and its backend ---------------------------------------------------------

# What guest $1 has its device from now: a file of memory, or a socket. Each backend of a QEMU has
# an ID of its own: QEMU 7.2 aborts where a memdev is used again, and hangs where a chardev is.
backend() { # $1: guest, $2: file or socket
	backend_of[$1]=$2
	backend_serial=$((${backend_serial:-0} + 1))
	backend_id[$1]=shared$backend_serial
}
backend_of=() backend_id=()

is_plain() {
	[[ $transport == plain ]]
}

# The options of guest $1's QEMU for its device: in (words). $2: on, if its memory is migrated.
device_words() {
	local path=${backend_of[$1]//,/,,} id=${backend_id[$1]}
	if is_plain; then
		if ((split)); then path+=/common,size=8192,readonly=on; else path+=,size=$size; fi
		words=(-object "memory-backend-file,id=$id,share=on,mem-path=$path"
			-device "ivshmem-plain,id=ivsh,bus=port0,memdev=$id,master=${2:-off}")
	else
		words=(-chardev "socket,id=$id,path=$path"
			-device "ivshmem-doorbell,id=ivsh,bus=port0,chardev=$id,vectors=$vectors")
		words[3]+=,master=${2:-off}
	fi
}

# Of guest $1's part of slot $2 what a command line and QMP need: in (part) its file, size, whether
# it can only be read, the object's ID, and the port.
part_of() {
	part=("$(part_path "$2" "$dir")" "" on "part$2.${backend_id[$1]}" "part$2")
	part[1]=$(stat -c %s "${part[0]}") || die 1 "${part[0]}: a part is missing"
	(($1 != $2)) || part[2]=off
}

# Guest $1's ports for the parts of a split region, and unless $2 is none, the parts: in (words).
# QEMU migrates no guest that has them, since their memory stays with the host; so they go and come,
# too.
parts_words() {
	local slot part port path
	words=()
	for ((slot = 0; split && slot < guests; slot++)); do
		part_of "$1" "$slot"
		port=chassis=$((slot + 2)),pref64-reserve=$((part[1] * 2))
		words+=(-device "pcie-root-port,id=${part[4]},$port")
		[[ $2 != none ]] || continue
		path=${part[0]//,/,,},size=${part[1]},readonly=${part[2]}
		words+=(-object "memory-backend-file,id=${part[3]},share=on,mem-path=$path"
			-device "ivshmem-plain,id=ivsh$slot,bus=${part[4]},memdev=${part[3]}")
	done
}

unplug() { # $1: guest
	local slot part
	say "guest $1: device_del: the guest leaves its slot, and lets the device go"
	unplug_one "$1" ivsh
	if is_plain; then
		qmp "$1" object-del "\"id\": \"${backend_id[$1]}\""
	else
		qmp "$1" chardev-remove "\"id\": \"${backend_id[$1]}\""
	fi
	for ((slot = 0; split && slot < guests; slot++)); do
		part_of "$1" "$slot"
		unplug_one "$1" "ivsh$slot"
		qmp "$1" object-del "\"id\": \"${part[3]}\""
	done
}
unplug_one() { # $1: guest, $2: device
	qmp "$1" device_del "\"id\": \"$2\""
	qmp_event "$1" DEVICE_DELETED "\"$2\""
}

plug() { # $1: guest, $2: file, or folder of a split region, or socket
	local device id slot part
	backend "$1" "$2"
	id=${backend_id[$1]}
	say "guest $1: device_add: $2"
	for ((slot = 0; split && slot < guests; slot++)); do
		part_of "$1" "$slot"
		plug_memory "$1" "${part[3]}" "${part[0]}" "${part[1]}" "${part[2]}"
		qmp "$1" device_add "\"id\": \"ivsh$slot\", \"bus\": \"${part[4]}\",
			\"driver\": \"ivshmem-plain\", \"memdev\": \"${part[3]}\""
	done
	if is_plain; then
		if ((split)); then
			plug_memory "$1" "$id" "$2/common" 8192 on
		else
			plug_memory "$1" "$id" "$2" "$size" off
		fi
		device="\"driver\": \"ivshmem-plain\", \"memdev\": \"$id\""
	else
		qmp "$1" chardev-add "\"id\": \"$id\", \"backend\": {\"type\": \"socket\",
			\"data\": {\"server\": false,
			\"addr\": {\"type\": \"unix\", \"data\": {\"path\": $(json "$2")}}}}"
		device="\"driver\": \"ivshmem-doorbell\", \"chardev\": \"$id\",
			\"vectors\": $vectors"
	fi
	qmp "$1" device_add "\"id\": \"ivsh\", \"bus\": \"port0\", $device"
}
plug_memory() { # $1: guest, $2: ID, $3: file, $4: its size, $5: readonly, on or off
	local readonly=false
	[[ $5 == off ]] || readonly=true
	qmp "$1" object-add "\"qom-type\": \"memory-backend-file\", \"id\": \"$2\",
		\"share\": true, \"size\": $4, \"readonly\": $readonly, \"mem-path\": $(json "$3")"
}

# --- Moving -------------------------------------------------------------------------------------

# Wait until each of these guests has verified more than it has now.
progress() {
	local guest before=()
	for guest; do before[guest]=$(grep -c ': message [0-9]* of ' "$dir/guest.$guest.log"); done
	for guest; do progress_beyond "$guest" "${before[guest]}"; done
}
progress_beyond() { # $1: guest, $2: lines that it had
	local now
	while [[ ! -e $dir/over ]]; do
		now=$(grep -c ': message [0-9]* of ' "$dir/guest.$1.log")
		((now > $2)) && return
		grep -q '^\[[0-9]*\] exit: ' "$dir/guest.$1.log" &&
			die 1 "guest $1 was done before the demo could move it"
		sleep 0.02
	done
	exit 1
}

# Migrate guest $1 to another QEMU. $2: on, if the destination has the device from the start.
migrate() {
	local old=${pids[$1]} in=${qmp_in[$1]} out=${qmp_out[$1]} events=${qmp_events[$1]}
	local to_in to_out path="$dir/migrate.$1.${backend_serial:-0}" said
	say "guest $1: another QEMU is started, and waits for the machine"
	guest_start "$1" "${2:-none}" -incoming defer
	qmp_begin "$1"
	to_in=${qmp_in[$1]} to_out=${qmp_out[$1]}
	qmp "$1" migrate-incoming "\"uri\": $(json "unix:$path")"
	qmp_in[$1]=$in qmp_out[$1]=$out qmp_events[$1]=$events
	say "guest $1: migrate"
	qmp "$1" migrate "\"uri\": $(json "unix:$path")"
	while :; do
		qmp "$1" query-migrate
		said=$qmp_said
		[[ $said == *'"status": "completed"'* ]] && break
		[[ $said == *'"status": "failed"'* || -e $dir/over ]] &&
			die 1 "guest $1: the migration failed: $said"
		sleep 0.02
	done
	say "guest $1: the machine runs in the other QEMU; the first one ends"
	printf '{"execute": "quit"}\n' >&"$in"
	wait "$old"
	printf '%s\n' "${pids[@]}" >"$dir/pids"
	qmp_in[$1]=$to_in qmp_out[$1]=$to_out qmp_events[$1]=''
}

# --- The demos ----------------------------------------------------------------------------------

moves_transport() { # $1: demo, $2: row
	case $1-$2 in
	migrate-plain* | migrate-both | snapshot-*) echo plain ;;
	*) echo doorbell ;;
	esac
}

# Whether guest $1 has its memory migrated, or in a snapshot: on or off.
moves_master() {
	[[ $1 == 0 && ($demo == snapshot || $row == *-on*) ]] && echo on || echo off
}

moves() {
	qmp_begin 0
	qmp_begin 1
	progress 0 1
	"moves_$demo"
	say "$demo${row:+ $row}: all steps are done; the guests talk until all is verified"
}

moves_migrate() {
	local first=${backend_of[0]} second=${backend_of[1]}
	case $row in
	doorbell-off | plain-off)
		unplug 0
		migrate 0
		plug 0 "$first"
		;;
	plain-on)
		unplug 1
		memory_make "$dir/memory2"
		backend_of[0]=$dir/memory2 # the ID is that of the RAM that is migrated
		migrate 0 on
		plug 1 "$dir/memory2"
		;;
	plain-on-live)
		memory_make "$dir/memory2"
		backend_of[0]=$dir/memory2 # the ID is that of the RAM that is migrated
		migrate 0 on
		unplug 1
		plug 1 "$dir/memory2"
		;;
	doorbell-on)
		mkdir "$dir/second"
		unplug 1 # the first server reports the end of the source, and that is no move
		server_start "$dir/second"
		backend_of[0]=$dir/second/0.sock
		migrate 0 on
		plug 1 "$dir/second/1.sock"
		;;
	both)
		unplug 0
		migrate 0
		plug 0 "$first"
		progress 0 1
		unplug 1
		migrate 1
		plug 1 "$second"
		;;
	esac
}

moves_hotplug() {
	local first=${backend_of[0]} second=${backend_of[1]}
	unplug 1
	plug 1 "$second"
	progress 1
	unplug 0
	plug 0 "$first"
	progress 0
	unplug 0
	unplug 1
	plug 1 "$second"
	plug 0 "$first"
}

moves_snapshot() {
	say "guest 0: savevm: machine and memory are stored, while guest 1 talks on"
	snapshot_command savevm
	progress 1
	if [[ $arch == x86_64 ]]; then
		say "guest 0: loadvm: machine and memory are as they were, guest 1 is not"
		snapshot_command loadvm
		return
	fi
	# What shows these machines a restore is a text that one QEMU has for all its life.
	say "guest 0: its QEMU ends"
	printf '{"execute": "quit"}\n' >&"${qmp_in[0]}"
	wait "${pids[0]}"
	say "guest 0: -loadvm: machine and memory are as they were, guest 1 is not"
	guest_start 0 on -loadvm moved
	qmp_begin 0
}
snapshot_command() { # HMP answers with text, which is empty if all is well
	qmp 0 human-monitor-command "\"command-line\": \"$1 moved\""
	[[ $qmp_said == *'"return": ""'* ]] || die 1 "guest 0: $1: $qmp_said"
}

moves_reset() {
	local guest
	for guest in 0 1; do
		say "guest $guest: system_reset: it starts again, in the same slot"
		qmp "$guest" system_reset
		progress "$guest"
	done
}
