# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# memory.sh - the shared memory of a demo: a file, or a server. run-qemu.sh sources it.

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
