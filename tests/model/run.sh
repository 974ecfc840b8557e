#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh - lets spin go through every state of each model in each configuration below, and compares
# what it finds with what is expected: that all is well, or that a mistake made on purpose is seen.
# Of SPEC.md they hold, among others, R8.2 and R8.7 (bell).
# IVSH_SOAK=1 adds larger ones.
set -eu
unset CDPATH
cd "$(dirname "$0")"
command -v spin >/dev/null || {
	echo "run.sh: spin is missing: apt install spin" >&2
	exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cp ./*.pml "$work"
cd "$work"
passed=0 failed=0

# Expected, the model's switches, and what they mean. A line "model" says whose they are. Expected is
# well; lost: somebody waits for ever; order: of messages, which are missing, or repeat unmarked; own:
# a run goes on elsewhere, or with what was given up; double: two have a slot; steal: from the
# living; late: two have it for too long; silent: nobody was told of a reset.
configurations() {
	cat <<-'END'
	model bell
	well  -DMESSAGES=4                        |sequentially consistent
	well  -DBUFFER=2                          |store buffers of 2
	well  -DBUFFER=3                          |store buffers of 3
	well  -DBUFFER=2 -DDESCS=3 -DMESSAGES=4   |ring of 3
	well  -DBUFFER=2 -DLAZY=0                 |every release publishes
	well  -DBUFFER=2 -DLAZY=2                 |only an empty ring and a wish publish
	well  -DBUFFER=2 -DSTRAYS=1 -DDESCS=1 -DMESSAGES=2  |a bell for something else
	well  -DKILL_SENDER -DBUFFER=2 -DDESCS=1 -DMESSAGES=2    |sender killed, rings
	well  -DKILL_RECEIVER -DBUFFER=2 -DDESCS=1 -DMESSAGES=2  |receiver killed, rings
	well  -DTIMER -DNO_OPEN_RING -DKILL_SENDER               |sender killed, does not ring: the timer rescues
	well  -DTIMER -DNO_OPEN_RING -DKILL_RECEIVER             |receiver killed, does not ring: the timer rescues
	well  -DTIMER -DBUFFER=2 -DNO_FENCE -DMESSAGES=2  |no fence at all: the timer rescues
	well  -DTIMER -DCOUNTS=2                  |a count that comes round: the timer rescues
	lost  -DBUFFER=2 -DLONG_AT_ONCE           |the first sleep is long
	lost  -DBUFFER=2 -DTIME_LATE              |a first sleep is made long behind its look
	lost  -DASKS_FIRST=SENDER                 |sender loads asks before it stores the head
	lost  -DASKS_FIRST=RECEIVER               |receiver loads asks before it stores the read index
	lost  -DSTILL_ASKED -DKILL_SENDER         |sender's next life does not ask
	lost  -DSTILL_ASKED -DKILL_RECEIVER       |receiver's next life does not ask
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
	model ring
	well  -DKILLS=2                           |each side killed twice
	well  -DDESCS=3 -DMESSAGES=5              |ring of 3, each side killed
	well  -DLAZY=0                            |every release publishes
	well  -DLAZY=2 -DDESCS=3                  |only an empty ring publishes
	order -DHEAD_FIRST                        |the head is stored before the body
	lost  -DNO_SCAN                           |sender's next life does not look for the end
	lost  -DSCAN_PAST                         |sender's next life goes past the end
	order -DNO_MARK                           |receiver's next life marks nothing
	order -DMARK_ONE                          |receiver's next life marks one message
	lost  -DEARLY_READ                        |the read index is published before the message is read
	order -DNO_LAP                            |heads have no laps
	lost  -DTRUST_OWN                         |sender takes room that was not given back
	model reset
	well                                      |both ask for a reset, both are killed
	well  -DKILLS=0 -DRESETS=2                |two resets by each side
	well  -DDESCS=3 -DKILLS=0 -DRESETS=2      |ring of 3
	order -DNO_WAIT                           |sender does not wait for the receiver
	own   -DOLD_LAPS                          |a run whose laps stand in the ring
	own   -DEPOCH_FIRST                       |epoch before start
	own   -DANSWER_FIRST                      |ack before epoch
	own   -DACK_FIRST                         |receiver's ack before its read index
	lost  -DNO_ANSWER                         |sender does not acknowledge the wish
	own   -DLATE_ACK                          |receiver loads epoch before ack
	own   -DFORGETS                           |receiver's next life forgets the wish
	order -DSTAYS                             |sender's next life goes on out of step
	order -DONE_LOOK                          |receiver sees the new run, and does not look again
	silent -DNO_TOLD=SENDER                   |sender's next life tells of no reset
	silent -DNO_TOLD=RECEIVER                 |receiver's next life tells of no reset
	silent -DTOLD_FIRST=SENDER                |sender's word says told before it has
	silent -DTOLD_FIRST=RECEIVER              |receiver's word says told before it has
	well  -DPAUSE -DRESETS=0                  |sender stopped, another claims its slot
	well  -DPAUSE -DRESETS=0 -DDESCS=3        |the same, ring of 3
	well  -DPAUSE -DRESETS=0 -DMESSAGES=5     |the same, 5 messages
	own   -DPAUSE -DRESETS=0 -DSAME_RUN       |who has claimed goes on in the run
	model claim
	well                                      |two claim, and die
	well  -DPAUSE                             |one pauses: a double claim ends soon
	double -DNO_WAIT                          |no wait behind the nonce
	steal -DNO_LOOK                           |no look before the nonce
	double -DNO_LAST_LOOK                     |no look for a rival who was earlier
	late  -DPAUSE -DNO_CHECK                  |an owner does not look for its nonce
	END
	[ -z "${IVSH_SOAK:-}" ] || cat <<-'END'
	model reset
	well  -DRESETS=2                          |two resets by each side, both killed
	well  -DKILLS=2                           |both killed twice
	well  -DDESCS=3                           |ring of 3, both killed
	model claim
	well  -DPEERS=3                           |three claim
	model bell
	well  -DBUFFER=2 -DMESSAGES=4             |store buffers of 2, 4 messages
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
	elif grep -qE '^pan:1: assertion violated \(+(want==\(read|value[=><])' out; then
		echo order
	elif grep -qE '^pan:1: assertion violated \(+(run_of|r_read==|seen-read)' out; then
		echo own
	elif grep -q '^pan:1: assertion violated ((app\[' out; then
		echo silent
	elif grep -q '^pan:1: assertion violated ((owners==1)' out; then
		echo double
	elif grep -q '^pan:1: assertion violated ((paused||' out; then
		echo steal
	elif grep -q '^pan:1: assertion violated (doubles<=' out; then
		echo late
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
	if [ "$want" = model ]; then
		model=$1
		continue
	fi
	rm -f pan ./*.trail
	{
		spin "$@" -a "$model.pml" && gcc -O0 -w -DSAFETY -o pan pan.c && ./pan -m100000 -w22
	} >out 2>&1 || true
	got=$(verdict)
	states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' out)
	seconds=$(sed -n 's/^pan: elapsed time \(.*\) seconds.*/\1/p' out)
	if [ "$got" = "$want" ]; then
		passed=$((passed + 1))
		echo "ok   $got, ${states:-?} states, ${seconds:-0} s: $model: $title"
	else
		failed=$((failed + 1))
		echo "FAIL: model: $model: $title: got $got, want $want, ${states:-?} states: $*"
		[ ! -e "$model.pml.trail" ] || spin "$@" -t -p -g -l "$model.pml" | tail -n 60
	fi
done <table
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
