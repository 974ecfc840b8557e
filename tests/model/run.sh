#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh - lets spin go through every state of bell.pml in each configuration below, and compares
# what it finds with what is expected: that all is well, or that a mistake made on purpose is seen.
# IVSH_SOAK=1 adds larger ones.
set -eu
cd "$(dirname "$0")"
command -v spin >/dev/null || {
	echo "run.sh: spin is missing: apt install spin" >&2
	exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cp bell.pml "$work"
cd "$work"
passed=0 failed=0

# Expected (well; lost: a wakeup; order: of messages), switches of bell.pml, and what they mean.
configurations() {
	cat <<-'END'
	well  -DMESSAGES=4                        |sequentially consistent
	well  -DBUFFER=2 -DMESSAGES=4             |store buffers of 2
	well  -DBUFFER=3                          |store buffers of 3
	well  -DBUFFER=2 -DDESCS=3 -DMESSAGES=4   |ring of 3
	well  -DBUFFER=2 -DLAZY=0                 |every release publishes
	well  -DBUFFER=2 -DLAZY=2                 |only an empty ring and a wish publish
	well  -DBUFFER=2 -DSTRAYS=1 -DDESCS=1 -DMESSAGES=2  |a bell for something else
	well  -DKILL_SENDER -DBUFFER=2 -DDESCS=1 -DMESSAGES=2    |sender killed, rings
	well  -DKILL_RECEIVER -DBUFFER=2 -DDESCS=1 -DMESSAGES=2  |receiver killed, rings
	well  -DTIMER -DNO_OPEN_RING -DKILL_SENDER               |sender killed, does not ring: the timer rescues
	well  -DTIMER -DNO_OPEN_RING -DKILL_RECEIVER             |receiver killed, does not ring: the timer rescues
	well  -DTIMER -DBUFFER=2 -DNO_FENCE       |no fence at all: the timer rescues
	well  -DTIMER -DCOUNTS=2                  |a count that comes round: the timer rescues
	lost  -DBUFFER=2 -DNO_FENCE_HEAD          |no fence behind the head
	lost  -DBUFFER=2 -DNO_FENCE_READ          |no fence behind the read index
	lost  -DBUFFER=2 -DNO_FENCE_BELL_WISH     |no fence behind want_bell
	lost  -DBUFFER=2 -DNO_FENCE_SPACE_WISH    |no fence behind want_space
	lost  -DNO_LOOK=SENDER                    |sender does not look behind its wish
	lost  -DNO_LOOK=RECEIVER                  |receiver does not look behind its wish
	lost  -DLOOK_FIRST=SENDER                 |sender looks before its wish
	lost  -DLOOK_FIRST=RECEIVER               |receiver looks before its wish
	lost  -DLATE_SEEN=SENDER                  |sender takes (seen) behind its look
	lost  -DLATE_SEEN=RECEIVER                |receiver takes (seen) behind its look
	lost  -DNO_PUBLISH -DLAZY=2               |receiver sleeps and keeps its read index
	lost  -DSAME_COUNT                        |wishes do not count
	lost  -DCOUNTS=2                          |the count comes round
	lost  -DLOST_COUNT -DKILL_SENDER -DDESCS=1  |sender's next life counts from 0
	lost  -DLOST_COUNT -DKILL_RECEIVER          |receiver's next life counts from 0
	lost  -DNO_OPEN_RING -DKILL_SENDER                       |sender's next life does not ring
	lost  -DNO_OPEN_RING -DKILL_RECEIVER                     |receiver's next life does not ring
	order -DHEAD_FIRST                        |the head is stored before the body
	END
	[ -z "${IVSH_SOAK:-}" ] || cat <<-'END'
	well  -DBUFFER=3 -DMESSAGES=4             |store buffers of 3, 4 messages
	well  -DBUFFER=2 -DSTRAYS=1               |a bell for something else, ring of 2
	well  -DSTRAYS=2                          |two bells for something else
	well  -DKILL_SENDER -DBUFFER=2     |sender killed, ring of 2
	well  -DKILL_RECEIVER -DBUFFER=2   |receiver killed, ring of 2
	well  -DKILL_SENDER -DKILL_RECEIVER -DDESCS=1 -DMESSAGES=2  |both killed
	END
}

# The verdict in $work/out. Not optimized: the compiler would take longer than it saves.
verdict() {
	if grep -q 'max search depth too small' out; then
		echo 'cut short'
	elif grep -q 'errors: 0$' out; then
		echo well
	elif grep -q '^pan:1: invalid end state' out; then
		echo lost
	elif grep -q '^pan:1: assertion violated (want==(read+1))' out; then
		echo order
	else
		grep -m1 -E '^pan:|rror' out || echo nothing
	fi
}

configurations >table
while IFS='|' read -r words title; do
	# shellcheck disable=SC2086  # a list of words
	set -- $words
	want=$1
	shift
	rm -f pan bell.pml.trail
	{
		spin "$@" -a bell.pml && gcc -O0 -w -DSAFETY -o pan pan.c && ./pan -m100000 -w22
	} >out 2>&1 || true
	got=$(verdict)
	states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' out)
	seconds=$(sed -n 's/^pan: elapsed time \(.*\) seconds.*/\1/p' out)
	if [ "$got" = "$want" ]; then
		passed=$((passed + 1))
		echo "ok   $got, ${states:-?} states, ${seconds:-0} s: $title"
	else
		failed=$((failed + 1))
		echo "FAIL: model: $title: got $got, want $want, ${states:-?} states: $*"
		[ ! -e bell.pml.trail ] || spin "$@" -t -p -g -l bell.pml | tail -n 60
	fi
done <table
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
