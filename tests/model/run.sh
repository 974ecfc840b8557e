#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh - lets spin visit every state of each model in each configuration below, and compares what
# it finds with what is expected: that all is well, or that it finds a mistake made on purpose.
# Of SPEC.md they hold, among others, R8.2 and R8.7 (notify), R7.12 (packed), R5.11, R5.12 and R5.13
# (moved), R18.1 and R18.2 (one_way), chapter 19 (bridge), R19.3.5 and R19.3.6 (twin),
# and R7.3, R7.10, R6.3, R6.8.4 and R5.6.4 where accesses are made out of order (weak).
# IVSH_SOAK=1 adds larger ones.
set -eu
unset CDPATH
cd "$(dirname "$0")"
for tool in spin tcc; do
	command -v "$tool" >/dev/null || {
		echo "run.sh: $tool is missing: apt install $tool" >&2
		exit 1
	}
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cp ./*.pml "$work"
cd "$work"
passed=0 failed=0

# Expected, the model's switches, and what they mean. A line "model" names the model of the lines
# below it. Expected is well; ends: no state comes again, so that a side that waits for ever is
# always found; lost: a side waits for ever; order: messages are missing, out of order, or repeat
# unmarked; own: a generation goes on elsewhere, or with what a side has left; double: two peers
# have a slot; steal: from a living peer; late: two peers have it for too long; silent: a side did
# not report a reset, or messages that are missing; payload: a message with another one's bytes;
# needless: a loss where nothing is missing; endless: nobody keeps the slot; twins: two keep it;
# unread: more than one message goes where nobody reads; refused: a message to one that reads; room:
# more is under way than the other side has room for; gone: a message is lost that a stream keeps;
# alone: a bridge has a twin that did not run beside it.
configurations() {
	cat <<-'END'
	model notify
	well  -DMESSAGES=4                           |sequentially consistent
	well  -DBUFFER=2                             |store buffers of 2
	well  -DBUFFER=2 -DLAZY=0                    |every release publishes
	well  -DBUFFER=2 -DLAZY=2                    |only an empty ring and a request publish
	well  -DBUFFER=2 -DSTRAYS=1 -DDESCS=1 -DMESSAGES=2  |a doorbell for something else
	well  -DKILL_SENDER -DBUFFER=2 -DDESCS=1 -DMESSAGES=2  |sender killed, notifies
	well  -DKILL_RECEIVER -DBUFFER=2 -DDESCS=1 -DMESSAGES=2  |receiver killed, notifies
	well  -DTIMER -DNO_OPEN_NOTIFY -DKILL_SENDER |sender killed, silent: the timer wakes
	well  -DTIMER -DNO_OPEN_NOTIFY -DKILL_RECEIVER  |receiver killed, silent: the timer wakes
	well  -DTIMER -DBUFFER=2 -DNO_FENCE -DMESSAGES=2  |no fence at all: the timer wakes
	well  -DTIMER -DCOUNTS=2                     |a count that comes round: the timer wakes
	lost  -DBUFFER=2 -DLONG_AT_ONCE              |the first sleep is long
	lost  -DBUFFER=2 -DTIME_LATE                 |a first sleep is made long behind its check
	lost  -DFLAGS_FIRST=SENDER                   |sender loads flags before its store
	lost  -DFLAGS_FIRST=RECEIVER                 |receiver loads flags before its store
	lost  -DFLAGS_STAY_CLEAR -DKILL_SENDER       |sender's next incarnation sets no flags
	lost  -DFLAGS_STAY_CLEAR -DKILL_RECEIVER     |receiver's next incarnation sets no flags
	lost  -DBUFFER=2 -DNO_FENCE_CONTROL          |no fence behind the control word
	lost  -DBUFFER=2 -DNO_FENCE_READ             |no fence behind the read index
	lost  -DBUFFER=2 -DNO_FENCE_MESSAGE_REQUEST  |no fence behind the receiver's request
	lost  -DBUFFER=2 -DNO_FENCE_SPACE_REQUEST    |no fence behind the sender's request
	lost  -DNO_CHECK=SENDER                      |sender does not check behind its request
	lost  -DNO_CHECK=RECEIVER                    |receiver does not check behind its request
	lost  -DCHECK_FIRST=SENDER                   |sender checks before its request
	lost  -DCHECK_FIRST=RECEIVER                 |receiver checks before its request
	lost  -DLATE_SEEN=SENDER                     |sender takes (seen) behind its check
	lost  -DLATE_SEEN=RECEIVER                   |receiver takes (seen) behind its check
	lost  -DNO_PUBLISH -DLAZY=2                  |receiver sleeps and keeps its read index
	lost  -DSAME_COUNT                           |requests do not count
	lost  -DCOUNTS=2                             |the count comes round
	lost  -DLOST_COUNT -DKILL_SENDER -DDESCS=1   |sender's next incarnation counts from 0
	lost  -DLOST_COUNT -DKILL_RECEIVER           |receiver's next incarnation counts from 0
	lost  -DNO_OPEN_NOTIFY -DKILL_SENDER         |sender's next incarnation does not notify
	lost  -DNO_OPEN_NOTIFY -DKILL_RECEIVER       |receiver's next incarnation does not notify
	order -DCONTROL_FIRST                        |the control word is stored before the body
	model ring
	well  -DKILLS=2                              |each side killed twice
	well  -DDESCS=3 -DMESSAGES=5                 |ring of 3, each side killed
	well  -DLAZY=0                               |every release publishes
	well  -DLAZY=2 -DDESCS=3                     |only an empty ring publishes
	order -DCONTROL_FIRST                        |the control word is stored before the body
	lost  -DNO_SCAN                              |sender's next incarnation does not scan
	lost  -DSCAN_PAST                            |sender's next incarnation goes past the end
	order -DNO_MARK                              |receiver's next incarnation marks nothing
	order -DMARK_ONE                             |receiver's next incarnation marks one message
	lost  -DEARLY_READ                           |the read index is published too early
	order -DNO_WRAP                              |control words have no wrap counters
	lost  -DTRUST_OWN                            |sender takes room that was not released
	well  -DBATCH=2                              |batches of 2
	well  -DBATCH=3 -DDESCS=3 -DMESSAGES=5 -DKILLS=2  |batches of 3, each side killed twice
	order -DBATCH=2 -DNO_RETIRE                  |what a cut batch left stays valid
	order -DBATCH=3 -DDESCS=3 -DNO_RETIRE -DFIRST_FIRST  |the same, the first is stored first
	order -DBATCH=2 -DRETIRE_LATE                |what a cut batch left is retired too late
	order -DBATCH=3 -DDESCS=3 -DRETIRE_STOPS     |... and up to the first that is not valid
	model packed
	well  -DKILLS=2                              |records of 1 and 2, each side killed twice
	well  -DDESCS=3 -DMESSAGES=6                 |ring of 3
	lost  -DREAD_FIRST                           |the read index passes a record with its first
	order -DMARK_FIRST                           |the first message of a record alone is marked
	order -DMARK_COUNT                           |as many messages as there are records
	order -DCOUNT_LATE                           |the number of messages behind the wrap counter
	lost  -DSCAN_COUNT                           |sender's next incarnation counts messages
	model one_way
	well                                         |receivers of each kind, killed at each step
	well  -DLIVES=5 -DSENDS=9                    |one more, and more messages
	unread  -DNO_FLAG                            |the receiver sets no ONE_WAY
	refused -DA_BIT                              |one_way is a bit, and no incarnation
	refused -DNO_CLEAR                           |one that reads leaves one_way as it was
	refused -DNO_NUMBER                          |the sender does not compare the incarnation
	model weak
	well                                         |loads and stores out of order, ring of 2
	well  -DDESCS=3 -DMESSAGES=6                 |loads and stores out of order, ring of 3
	order -DNO_RELEASE_CONTROL                   |the control word without release
	order -DNO_ACQUIRE_CONTROL                   |the control word without acquire
	order -DNO_RELEASE_READ                      |the read index without release
	lost  -DNO_FENCE_MESSAGE                     |no fence behind the control word
	lost  -DNO_FENCE_REQUEST                     |no fence behind the request
	well  -DOWNER -DDESCS=1 -DMESSAGES=2         |a slot is claimed in a copy
	well  -DOWNER -DDESCS=2 -DMESSAGES=4         |a slot is claimed in a copy, ring of 2
	order -DOWNER -DDESCS=1 -DMESSAGES=2 -DEARLY_CHECK  |no fence behind the copy
	order -DOWNER -DDESCS=1 -DMESSAGES=2 -DNO_ACQUIRE_CONTROL  |nor an acquire before it
	well  -DRESET                                |a reset
	own   -DRESET -DNO_RELEASE_START             |start without release
	own   -DRESET -DNO_RELEASE_GENERATION        |generation without release
	own   -DRESET -DNO_ACQUIRE_ANSWER            |reset_ack without acquire
	own   -DRESET -DNO_ACQUIRE_GENERATION        |generation without acquire
	own   -DRESET -DNO_RELEASE_FOLLOWED          |generation_ack without release
	own   -DRESET -DNO_ACQUIRE_FOLLOWED          |generation_ack without acquire
	own   -DRESET -DNO_RELEASE_FLAG              |RESET without release
	order -DRESET -DNO_RELEASE_CONTROL           |the first control word without release
	order -DRESET -DNO_ACQUIRE_CONTROL           |the first control word without acquire
	model reset
	well                                         |both request a reset, both are killed
	well  -DKILLS=0 -DRESETS=2                   |two resets by each side
	well  -DDESCS=3 -DKILLS=0 -DRESETS=2         |ring of 3
	order -DNO_WAIT                              |sender does not wait for the receiver
	own   -DOLD_WRAPS                            |a generation with wrap counters in the ring
	own   -DGENERATION_FIRST                     |generation before start
	own   -DANSWER_FIRST                         |reset_ack before generation
	own   -DACK_FIRST                            |generation_ack before the read index
	lost  -DNO_ANSWER                            |sender does not acknowledge the request
	own   -DLATE_ACK                             |receiver loads generation before reset_ack
	own   -DFORGETS                              |receiver's next incarnation forgets it
	order -DSTAYS                                |sender's next incarnation goes on out of step
	order -DONE_CHECK                            |receiver does not check again
	silent -DNO_REPORT=SENDER                    |sender's next incarnation reports no reset
	silent -DNO_REPORT=RECEIVER                  |receiver's next incarnation reports no reset
	silent -DREPORTED_FIRST=SENDER               |sender's word says reported before it has
	silent -DREPORTED_FIRST=RECEIVER             |receiver's word says reported before it has
	well  -DPAUSE -DRESETS=0                     |sender stopped, another claims its slot
	well  -DPAUSE -DRESETS=0 -DDESCS=3           |the same, ring of 3
	well  -DPAUSE -DRESETS=0 -DMESSAGES=5        |the same, 5 messages
	own   -DPAUSE -DRESETS=0 -DSAME_GENERATION   |claimant goes on in the generation
	model bridge
	well                                         |both killed, the bus loses one
	well  -DNEAR_KILLS=0 -DFAR_KILLS=0 -DLOSSES=0  |no fault: no loss is reported
	well  -DNEAR_KILLS=2 -DFAR_KILLS=0           |near killed twice
	well  -DFRAME=1 -DMESSAGES=4 -DFAR_KILLS=0   |frames of one message
	well  -DLARGE=2 -DBREAKS=1 -DFAR_KILLS=0     |a large message, and the near ring breaks
	well  -DWIPES=1 -DNEAR_KILLS=0               |near killed, and its file is gone
	ends  -DFRAME=1                              |the same, with no step again and again
	well  -DOUTAGES=1 -DNEAR_KILLS=0             |near's machine loses its power
	silent -DRELEASE_FIRST                       |near releases before it records
	order -DRECORD_FIRST                         |near records before it copies
	lost  -DWIPES=1 -DNEAR_KILLS=0 -DSAME_EPOCH  |its file is gone, and the epoch stays
	silent -DWIPES=1 -DNEAR_KILLS=0 -DNO_READ_CHECK  |... and a ring that was read is new
	order -DWIPES=1 -DNEAR_KILLS=0 -DEPOCHS_MEET  |not promised: an epoch's behind the next's
	silent -DLARGE=2 -DBREAKS=1 -DOWES_LATE      |near records a new generation, then the loss
	silent -DLARGE=2 -DBREAKS=1 -DNO_SKIP        |a loss has a large message's number
	silent -DOUTAGES=1 -DNEAR_KILLS=0 -DGOES_ON   |near goes on in the epoch of older records
	silent -DOUTAGES=1 -DNEAR_KILLS=0 -DONE_MORE  |... or where they are older by one
	order -DOUTAGES=1 -DNEAR_KILLS=0 -DRENEWS_EARLY  |near gives a kept frame new numbers
	room  -DFRAME=1 -DMESSAGES=4 -DFAR_KILLS=0 -DFORGETS_WINDOW  |near takes it for received
	room  -DSAYS_TAKEN                           |far's state says what was published
	lost  -DSAYS_PUT                             |far's state says nothing of losses
	order -DNUMBER_LATE                          |far keeps a number behind the publish
	silent -DNO_END                              |far keeps no end of the ring
	silent -DNUMBER_FRAME                        |far keeps a frame's last number with the first
	lost  -DNO_TAIL                              |far does not compare a state's number
	silent -DREPORT_LATE                         |far keeps a number, then reports
	well  -DJETSTREAM                            |both killed, the bus loses one
	well  -DJETSTREAM -DSTREAM=1                 |a stream that is often full
	well  -DJETSTREAM -DLATES=1 -DFAR_KILLS=0    |an answer is late, or a frame is taken twice
	well  -DJETSTREAM -DREBUILD                  |near adds to a frame that was published
	well  -DJETSTREAM -DLARGE=2 -DBREAKS=1 -DFAR_KILLS=0  |... and the ring breaks
	well  -DJETSTREAM -DWIPES=1 -DNEAR_KILLS=0   |near killed, and its file is gone
	well  -DJETSTREAM -DOUTAGES=1 -DNEAR_KILLS=0  |near's machine loses its power
	silent -DJETSTREAM -DOUTAGES=1 -DNEAR_KILLS=0 -DGOES_ON  |near goes on in the epoch then
	silent -DJETSTREAM -DNOTE_FIRST              |near notes before the acknowledgement
	silent -DJETSTREAM -DREBUILD -DPLAIN_ID      |... and an id has no number of messages
	silent -DJETSTREAM -DLARGE=2 -DBREAKS=1 -DNO_SKIP  |a loss has a large message's id
	ends  -DJETSTREAM -DFRAME=1                  |the same, with no step again and again
	gone  -DJETSTREAM -DSEQUENCE_FIRST           |far keeps a frame's sequence with the first
	silent -DJETSTREAM -DSEQUENCE_STAYS          |far takes a number back, not the sequence
	order -DJETSTREAM -DWIPES=1 -DNEAR_KILLS=0 -DREADS_LAST  |far reads the last frame again
	gone  -DJETSTREAM -DNO_PLACE                 |far does not see that one did not come
	lost  -DJETSTREAM -DNO_AGAIN                 |... where it was the last one
	well  -DMODES=2 -DNEAR_KILLS=0 -DFAR_KILLS=0 -DLOSSES=0  |the mode changes twice
	well  -DMODES=1 -DNEAR_KILLS=0 -DMESSAGES=2  |... once, far killed, the bus loses one
	well  -DMODES=1 -DFAR_KILLS=0 -DMESSAGES=2   |... once, near killed, the bus loses one
	well  -DMODES=1 -DNEAR_KILLS=0 -DMESSAGES=2 -DSILENT  |... and a stream is late
	lost  -DMODES=1 -DNEAR_KILLS=0 -DMESSAGES=2 -DNO_CORE  |no state says CORE
	gone  -DMODES=1 -DNEAR_KILLS=0 -DFAR_KILLS=0 -DLOSSES=0 -DSTAYS_CORE  |each does
	gone  -DMODES=1 -DNEAR_KILLS=0 -DFAR_KILLS=0 -DLOSSES=0 -DTELLS_ALL  |all are believed
	gone  -DMODES=1 -DNEAR_KILLS=0 -DFAR_KILLS=0 -DLOSSES=0 -DFORGETS_STREAM  |far reads nothing
	gone  -DMODES=1 -DNEAR_KILLS=0 -DFAR_KILLS=0 -DLOSSES=0 -DCLEARS  |far drops all
	gone  -DMODES=1 -DNEAR_KILLS=0 -DFAR_KILLS=0 -DLOSSES=0 -DNO_BASE  |near waits for none
	lost  -DMODES=1 -DNEAR_KILLS=0 -DFAR_KILLS=0 -DLOSSES=0 -DSHUT_FOR_NONE  |... or for ever
	lost  -DMODES=1 -DNEAR_KILLS=0 -DFAR_KILLS=0 -DLOSSES=0 -DPURGES_READING  |far purges none
	model twin
	well  -DFAULTS=1                             |two of one name, one connects anew, or ends
	well  -DLATES=1                              |two of these
	alone -DTAKES_ALL                            |who is heard is a twin
	alone -DSAME_IDENTITY                        |a bridge keeps its identity
	lost  -DNAMES_FIRST                          |... or names who it has heard first
	model claim
	well                                         |two claim, and die
	well  -DPAUSE                                |one pauses: a double claim ends soon
	double -DNO_WAIT                             |no wait behind the nonce
	steal -DNO_PROBE                             |no check before the nonce
	double -DNO_LAST_PROBE                       |no check for a rival that was earlier
	late  -DPAUSE -DNO_CHECK                     |an owner does not check its nonce
	model moved
	well                                         |sender restored, seen at once
	well  -DMOVES=2                              |receiver restored, seen at once
	well  -DSEEN=LATE                            |sender restored, seen late
	well  -DMOVES=2 -DSEEN=LATE                  |receiver restored, seen late
	well  -DSEEN=NEVER                           |sender restored, never seen: the heartbeat
	well  -DMOVES=2 -DSEEN=NEVER                 |receiver restored, never seen: the heartbeat
	well  -DTORN                                 |sender restored, pages of different times
	well  -DMOVES=2 -DTORN                       |receiver restored, pages of different times
	well  -DMIGRATE -DAREA=1                     |sender migrated, peer alive
	well  -DMOVES=2 -DMIGRATE                    |receiver migrated, peer alive
	well  -DLEAVES                               |sender migrated, peer away: nothing lost
	well  -DMOVES=2 -DLEAVES                     |receiver migrated, peer away: nothing lost
	well  -DLEAVES_LATE -DAREA=1                 |sender migrated, peer leaves meanwhile
	well  -DMOVES=2 -DLEAVES_LATE                |receiver migrated, peer leaves meanwhile
	well  -DTWINS=1                              |sender and its copy in one memory
	well  -DMOVES=2 -DTWINS=1                    |receiver and its copy in one memory
	payload -DMOVES=2 -DNO_CHECK -DTORN          |nobody compares the VM generation
	payload -DMOVES=2 -DCHECK_FIRST -DMIGRATE    |receiver compares before it copies out
	payload -DCHECK_LATE -DTWINS=1               |sender compares behind its payload
	silent -DSEEN=NEVER -DNO_HEARTBEAT           |the peer does not compare its heartbeat
	silent -DMOVES=2 -DSEEN=NEVER -DNO_HEARTBEAT -DNO_WORDS  |nor its own words
	needless -DNO_QUIET -DLEAVES                 |rings of an absent peer begin anew
	silent -DMOVES=2 -DQUIET_FULL -DLEAVES_LATE  |messages of an absent peer are believed
	payload -DQUIET_STALE -DLEAVES_LATE -DAREA=1  |an absent peer's read index is not compared
	endless -DNO_OWNER -DTWINS=1                 |twins take the slot from each other
	payload -DMOVES=2 -DSEEN=LATE -DMIGRATE      |not promised: migrated, seen late
	payload -DMOVES=2 -DSEEN=NEVER -DTORN        |not promised: torn snapshot, never seen
	payload -DMID_COPY                           |not promised: memory goes back in a copy
	payload -DEARLY -DMIGRATE -DAREA=1           |not promised: peer is back too soon
	payload -DNO_CLEAR -DMIGRATE -DAREA=1        |not promised: a torn backlog
	silent -DMOVES=2 -DQUIET_GUESS -DLEAVES_LATE |not promised: peer leaves meanwhile
	payload -DPAUSE -DTWINS=1                    |not promised: twin stopped before its stores
	twins -DSEEN=NEVER -DTWINS=1                 |not promised: twins that see no move
	END
	[ -z "${IVSH_SOAK:-}" ] || cat <<-'END'
	model bridge
	well  -DMESSAGES=4 -DWINDOW=3                |more messages, a larger window
	well  -DNEAR_KILLS=2                         |near killed twice, far once
	well  -DFAR_KILLS=2                          |far killed twice
	well  -DLARGE=2 -DBREAKS=1                   |a large message, the ring breaks, both killed
	well  -DWIPES=1                              |near killed, and once its file is gone
	well  -DJETSTREAM -DMESSAGES=4               |more messages
	well  -DJETSTREAM -DNEAR_KILLS=2 -DLATES=1   |near killed twice, answers late
	well  -DJETSTREAM -DLARGE=2 -DBREAKS=1 -DLATES=1  |the ring breaks, answers late
	well  -DMODES=1 -DMESSAGES=2                 |the mode changes, both killed
	well  -DMODES=2 -DNEAR_KILLS=0 -DMESSAGES=2  |the mode changes twice, far killed
	well  -DMODES=2 -DFAR_KILLS=0 -DLOSSES=0 -DMESSAGES=2 -DCLUSTER  |... near killed, a cluster
	well  -DMODES=2 -DNEAR_KILLS=0 -DFAR_KILLS=0 -DLOSSES=0 -DLATES=1  |... and answers are late
	well  -DMODES=2 -DLARGE=2 -DBREAKS=1 -DNEAR_KILLS=0 -DFAR_KILLS=0  |... and the ring breaks
	model twin
	well                                         |... and more comes late
	model reset
	well  -DRESETS=2                             |two resets by each side, both killed
	well  -DKILLS=2                              |both killed twice
	well  -DDESCS=3                              |ring of 3, both killed
	model claim
	well  -DPEERS=3                              |three claim
	model moved
	well  -DTWINS=2 -DMESSAGES=1                 |two senders restored in one memory
	well  -DMOVES=2 -DTWINS=2 -DMESSAGES=1       |two receivers restored in one memory
	model notify
	well  -DBUFFER=3                             |store buffers of 3
	well  -DBUFFER=2 -DDESCS=3 -DMESSAGES=4      |ring of 3
	well  -DBUFFER=2 -DMESSAGES=4                |store buffers of 2, 4 messages
	well  -DBUFFER=3 -DMESSAGES=4                |store buffers of 3, 4 messages
	well  -DBUFFER=2 -DSTRAYS=1                  |a doorbell for something else, ring of 2
	well  -DSTRAYS=2                             |two doorbells for something else
	well  -DKILL_SENDER -DBUFFER=2               |sender killed, ring of 2
	well  -DKILL_RECEIVER -DBUFFER=2             |receiver killed, ring of 2
	well  -DKILL_SENDER -DKILL_RECEIVER -DDESCS=1 -DMESSAGES=2  |both killed
	END
}

# The verdict in $work/out. By tcc: spin writes 15,000 lines for each configuration, and gcc takes
# longer to compile them than they take to visit every state.
verdict() {
	if grep -q 'max search depth too small' out; then
		echo 'cut short'
	elif grep -q 'errors: 0$' out; then
		echo well
	elif grep -q '^pan:1: invalid end state' out; then
		echo lost
	elif grep -qE '^pan:1: assertion violated \(+(got==\(read|value[=><])' out; then
		echo order
	elif grep -qE '^pan:1: assertion violated \(+(generation_of|r_read==|seen-read)' out; then
		echo own
	elif grep -q '^pan:1: assertion violated ( !(flag)' out; then
		echo own
	elif grep -qE '^pan:1: assertion violated \(\((answered|begun)==0\)' out; then
		echo own
	elif grep -q '^pan:1: assertion violated ((app\[' out; then
		echo silent
	elif grep -q '^pan:1: assertion violated (r\[i\].value==' out; then
		echo payload
	elif grep -q '^pan:1: assertion violated ((due_s+due_r)==0)' out; then
		echo silent
	elif grep -q '^pan:1: assertion violated (losses==0)' out; then
		echo needless
	elif grep -q '^pan:1: assertion violated (nonces<' out; then
		echo endless
	elif grep -q '^pan:1: assertion violated (((running\[' out; then
		echo twins
	elif grep -q '^pan:1: assertion violated ((owners==1)' out; then
		echo double
	elif grep -q '^pan:1: assertion violated ((paused||' out; then
		echo steal
	elif grep -q '^pan:1: assertion violated (is_reported||' out; then
		echo silent
	elif grep -q '^pan:1: assertion violated (there\[me' out; then
		echo alone
	elif grep -q '^pan:1: assertion violated (held<=' out; then
		echo room
	elif grep -q '^pan:1: assertion violated (broken>0)' out; then
		echo gone
	elif grep -q '^pan:1: assertion violated (after<=1)' out; then
		echo unread
	elif grep -q '^pan:1: assertion violated  *!(((is_refused' out; then
		echo refused
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
		if [ "$want" = ends ]; then
			spin "$@" -a "$model.pml" && tcc -w -DNP -o pan pan.c &&
				./pan -l -m100000 -w22
		else
			spin "$@" -a "$model.pml" && tcc -w -DSAFETY -o pan pan.c &&
				./pan -m100000 -w22
		fi
	} >out 2>&1 || true
	got=$(verdict)
	[ "$want $got" != 'ends well' ] || got=ends
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
