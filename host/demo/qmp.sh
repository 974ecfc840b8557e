# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# qmp.sh - commands to a guest's QEMU, by QMP over a pair of FIFOs (a pipe chardev): run-qemu.sh
# sources it. QEMU, docs/interop/qmp-spec.txt. The caller has set (dir), the run's folder.

qmp_in=() qmp_out=() qmp_events=()

# A FIFO pair for guest $1: what QEMU needs of it, in (qmp_words).
qmp_make() { # $1: guest
	qmp_serial=$((${qmp_serial:-0} + 1))
	qmp_path=$dir/qmp.$qmp_serial
	mkfifo "$qmp_path.in" "$qmp_path.out" || return
	qmp_words=(-chardev "pipe,id=qmp,path=${qmp_path//,/,,}"
		-mon "chardev=qmp,mode=control")
	# For reading and writing: neither open waits for QEMU, and its end is no end of file.
	exec {fd_in}<>"$qmp_path.in" {fd_out}<>"$qmp_path.out" || return
	qmp_in[$1]=$fd_in qmp_out[$1]=$fd_out qmp_events[$1]=''
}

# Guest $1's QEMU is there: agree on the protocol.
qmp_begin() {
	qmp_line "$1" '"QMP"' && qmp "$1" qmp_capabilities
}

# The next line of guest $1 that has $2, in (qmp_said); events on the way are kept.
qmp_line() {
	local line part='' end=$((SECONDS + timeout))
	while ((SECONDS < end)) && [[ ! -e $dir/over ]]; do
		IFS= read -r -t 1 -u "${qmp_out[$1]}" line || { part+=$line && continue; }
		line=$part$line part=''
		case $line in
		*'"event": '*) qmp_events[$1]+=$line$'\n' ;;
		esac
		[[ $line == *"$2"* ]] && qmp_said=$line && return
		[[ $line == *'"error": '* ]] && qmp_said=$line && return 1
	done
	qmp_said="no answer within $timeout s"
	return 1
}

# Give guest $1 the command $2 with the arguments $3, the inner text of a JSON object. The answer is
# in (qmp_said). Ends the run where QEMU refuses.
qmp() {
	qmp_try "$@" || die 1 "guest $1: QEMU refuses $2: $qmp_said"
}
qmp_try() {
	printf '{"execute": "%s", "arguments": {%s}}\n' "$2" "${3:-}" >&"${qmp_in[$1]}"
	qmp_line "$1" '"return": '
}

# Wait for event $2 of guest $1 that has $3, since the last call.
qmp_event() {
	local line
	while IFS= read -r line; do
		[[ $line == *"\"event\": \"$2\""*"${3:-}"* ]] && qmp_events[$1]='' && return
	done <<<"${qmp_events[$1]}"
	qmp_line "$1" "\"event\": \"$2\"" || die 1 "guest $1: QEMU sends no $2: $qmp_said"
	qmp_events[$1]=''
}

# Text as a JSON string.
json() {
	local text=${1//\\/\\\\}
	echo "\"${text//\"/\\\"}\""
}
