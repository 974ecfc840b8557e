# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# memory.sh - the shared memory of a demo: a file, or a server. run-qemu.sh sources it.

memory_make() { # $1: file, or the folder of a split region. All of it, now: a page that has no room
	# when a guest first writes there would end QEMU (SIGBUS).
	local said line=(fallocate -l "$size" "$1")
	if ((split)); then
		line=(build/host/ivsh mem create --split "$1" "$size" "--slots=$slots")
		quote "${line[@]}"
		said=$("${line[@]}" 2>&1) || die 1 "$said"
		return
	fi
	quote "${line[@]}"
	said=$("${line[@]}" 2>&1) ||
		{ [[ $said == *"not supported"* ]] &&
			said=$(head -c "$size" /dev/zero 2>&1 >"$1"); } ||
		die 1 "$1: $size bytes: $said"
}

server_start() { # $1: folder of its sockets
	local i line=("${inside[@]}" build/host/ivsh-server -F -S "$1/ivsh.sock" -l "$memory"
		-n "$vectors" --slots "$slots")
	for ((i = 0; i < guests; i++)); do
		line+=(--slot "$i=$1/$i.sock")
	done
	((split == 0)) || line+=(--split)
	line+=("${serving[@]}")
	quote "${line[@]}"
	setsid "${line[@]}" 2>"$1/server.log" & # a process group of its own: cleanup()
	server=$! server_log=$1/server.log
	servers+=("$server")
	for ((i = 0; i < 500; i++)); do
		[[ -S $1/$((guests - 1)).sock ]] && break
		kill -0 "$server" 2>/dev/null || die 1 "the server ended: $(cat "$1/server.log")"
		sleep 0.01
	done
}

# The file of slot $1's part. $2: the folder of the server's sockets, or of the memory.
part_path() {
	local folder=ivsh.sock.split
	[[ $transport == doorbell ]] || folder=memory
	echo "$2/$folder/part-$1"
}

# Guest $1's devices for the parts of all guests' slots, of which it can write its own alone: added
# to (words). Each stands at the address of its slot, so that the guest knows whose it is. $2: as
# above.
split_words() {
	local slot path where readonly bytes
	for ((slot = 0; slot < guests; slot++)); do
		path=$(part_path "$slot" "$2") readonly=on
		((slot != $1)) || readonly=off
		bytes=$(stat -c %s "$path") || die 1 "$path: a part of the split region is missing"
		printf -v where '%x.%x' $((16 + slot / 8)) $((slot % 8))
		path=${path//,/,,},size=$bytes,readonly=$readonly
		words+=(-object "memory-backend-file,id=part$slot,share=on,mem-path=$path"
			-device "ivshmem-plain,memdev=part$slot,addr=$where,multifunction=on")
	done
}
