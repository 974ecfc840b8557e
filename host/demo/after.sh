#!/bin/bash -p
# SPDX-License-Identifier: MIT
#
# after.sh - ends and removes what a run of run-qemu.sh leaves behind when it is killed (SIGKILL)
# and cannot do so itself. run-qemu.sh starts it, and ends it when nothing is left.
#
# usage: after.sh PID FOLDER KEEP
#
#   PID     the run's process
#   FOLDER  that run's own: each program that it starts has a path in there among its arguments
#   KEEP    1: leave the folder
set -u
unset CDPATH
pid=$1 dir=$2 keep=$3
# shellcheck source=host/demo/signal.sh
. host/demo/signal.sh

# In a session of its own: what ends the run's process group does not end this.
trap '' HUP INT
on_signal TERM 'kill $! 2>/dev/null; exit'
tail -s 0.2 --pid="$pid" -f /dev/null &
wait $!

# The programs of that run that are still there: in (left).
look() {
	local file
	left=()
	while read -r file; do
		file=${file#/proc/}
		[[ ${file%/*} == "$$" ]] || left+=("${file%/*}")
	done < <(grep -lzF -f - /proc/[0-9]*/cmdline <<<"$dir/" 2>/dev/null)
}

look
((${#left[@]})) || [[ -e $dir ]] || exit 0
# A server's second signal would cut its own end short. One that was stopped ends, too.
kill "${left[@]}" 2>/dev/null
kill -CONT "${left[@]}" 2>/dev/null
for ((try = 0; try < 120; try++)); do
	((try < 100)) || kill -KILL "${left[@]}" 2>/dev/null
	look
	((${#left[@]})) || break
	sleep 0.05
done
if ((keep)); then
	echo "run-qemu.sh: it was killed; its guests and servers are ended; kept: $dir"
else
	rm -rf "$dir"
	echo "run-qemu.sh: it was killed; its guests and servers are ended, its files removed"
fi >&2
