/* SPDX-License-Identifier: MIT */
/*
 * reset.pml - starting over in a ring, SPEC.md section 6, with either side killed at any step.
 *
 * Theory of operation: numbered messages go through DESCS descriptors. Either side says, up to
 * RESETS times and between any two messages, that it has found damage: the sender begins a new run,
 * the receiver asks for one. Either side is killed, up to KILLS times, between any two of its
 * accesses. The receiver asserts that numbers never go back without a mark, that none is missing
 * unless it found damage since, and that nothing of a run in which it found damage comes while its
 * wish is not answered. The sender asserts that what it finds is never what only a third party could
 * have written. Both assert that they carry no message in a run that the application was not told of,
 * or is about to be. Whoever waits for ever, with messages left to send or a wish unanswered, is an
 * invalid end state.
 *
 * With PAUSE a sender that is "killed" may only have been stopped, between its look at whose the slot is
 * and its store: that store comes at any later time. The next life has claimed the slot: it begins a
 * new run, in which the store must be no message; what of its own was overwritten it finds as damage.
 * A body that comes between another's stores, or loads, of body and head is what remains (R5.6), and
 * not here.
 *
 * run.sh lists the configurations. The mistakes on purpose:
 *
 *   NO_WAIT       the sender sends in the new run before the receiver has acknowledged it
 *   OLD_LAPS      a run starts at index 0, whatever stands in the descriptors
 *   EPOCH_FIRST   the sender stores its epoch before the start of the run
 *   ANSWER_FIRST  the sender stores its ack before its epoch
 *   ACK_FIRST     the receiver stores its ack before its read index
 *   NO_ANSWER     the sender begins the run, but does not say which wish that answers
 *   LATE_ACK      the receiver loads the sender's epoch before its ack
 *   FORGETS       a new life of the receiver does not wait for the answer to the last one's wish
 *   STAYS         a new life of the sender goes on in a ring that is not in step
 *   ONE_LOOK      the receiver does not look for a message again when it has seen a new run
 *   NO_TOLD       SENDER or RECEIVER: its new life does not compare the run with the one told of
 *   SAME_RUN      with PAUSE: a new life that has claimed the slot goes on in the run
 *   TOLD_FIRST    SENDER or RECEIVER: it stores that it has told before it does
 */
#ifndef DESCS
#define DESCS 2
#endif
#ifndef MESSAGES
#define MESSAGES 3
#endif
#ifndef RESETS
#define RESETS 1
#endif
#ifndef KILLS
#define KILLS 1
#endif

#define SENDER 1
#define RECEIVER 2
#ifndef NO_TOLD
#define NO_TOLD 0
#endif
#ifndef TOLD_FIRST
#define TOLD_FIRST 0
#endif
#define LAP(index) ((index) / DESCS + 1)

/* The shared words. Epochs and laps of a run are fewer than 256. */
byte s_epoch, s_ack, s_start, s_told;
byte r_epoch, r_ack, r_read, r_told;
byte head_word[DESCS], body_word[DESCS];

/* What nobody can see, for the assertions. */
byte accepted;        /* messages whose head was stored */
byte last;            /* the highest number that was delivered */
byte run_of[DESCS];   /* the run that stored each descriptor */
byte runs;            /* begun so far */
byte damaged;         /* the run in which the receiver found damage, plus 1 */
bool loss;            /* the receiver has found damage, since the last new message */
byte app[3];          /* the run that each side's application was told of */

#ifdef PAUSE
/* What the stopped life is about to store: a message at (index), of the run (epoch). */
#define GHOST 200
byte ghost_index, ghost_epoch, ghost_runs;
bool ghost_armed, strayed;
active proctype ghost()
{
end:
	do
	:: d_step {
		/* Before that it is a message like any: the model without PAUSE has those. */
		ghost_armed && runs > ghost_runs ->
		ghost_armed = false;
		strayed = true;
		body_word[ghost_index % DESCS] = GHOST;
		head_word[ghost_index % DESCS] = LAP(ghost_index);
		run_of[ghost_index % DESCS] = ghost_runs
	}
	od
}
#endif

bool killed[3];
byte kills[3], resets[3];
active proctype killer()
{
end:
	do
	:: d_step { !killed[SENDER] && kills[SENDER] < KILLS -> kills[SENDER]++; killed[SENDER] = true }
#ifndef PAUSE
	:: d_step { !killed[RECEIVER] && kills[RECEIVER] < KILLS -> kills[RECEIVER]++; killed[RECEIVER] = true }
#endif
	od
}

/* channel.c, ivsh_chan_lost(); news.c, news_lost(). */
inline tell(side, word, number)
{
	if
	:: TOLD_FIRST == side ->
		word = number;
		d_step { app[side] = number; lost = false }
	:: else ->
		d_step { app[side] = number; lost = false };
		word = number
	fi
}

/* --- The sender -------------------------------------------------------------------------------- */

/* reset.c, lap_unused(). */
#if DESCS == 2
#define USED(lap) (head_word[0] == (lap) || head_word[1] == (lap))
#else
#define USED(lap) (head_word[0] == (lap) || head_word[1] == (lap) || head_word[2] == (lap))
#endif

/* reset.c, ivsh_sender_restart(). */
inline sender_restart(asked)
{
	atomic {
#ifdef OLD_LAPS
		start = 0;
#else
		start = LAP(head) + 1;
		do
		:: USED(start) -> start++
		:: else -> break
		od;
		start = (start - 1) * DESCS;
#endif
		epoch++;
		if
		:: epoch == r_ack -> epoch++
		:: else
		fi;
		waiting = true;
		runs++
	};
#ifdef EPOCH_FIRST
	s_epoch = epoch;
	s_start = start;
	ack = asked;
	s_ack = asked
#else
#ifdef ANSWER_FIRST
	s_start = start;
	ack = asked;
	s_ack = asked;
	s_epoch = epoch
#else
	s_start = start;
	s_epoch = epoch;
#ifdef NO_ANSWER
	ack = asked
#else
	ack = asked;
	s_ack = asked
#endif
#endif
#endif
}

/* reset.c, ivsh_sender_follow(), when the receiver has acknowledged the run. */
inline sender_goes_on()
{
	assert(r_read == start);
	atomic { waiting = false; head = start; read = start; lost = true }
}

/* sender.c, ivsh_sender_open(). */
inline sender_open()
{
	asked = r_epoch;
	epoch = s_epoch;
	ack = s_ack;
	start = s_start;
	waiting = false;
	head = 0;
	read = 0;
	if
#ifdef STAYS
	:: false -> skip
#else
	:: asked != ack || r_ack != epoch -> sender_restart(asked)
#endif
	:: else ->
		lost = (s_told != epoch && NO_TOLD != SENDER);
		read = r_read;
		head = read;
		do
		:: head - read < DESCS && head_word[head % DESCS] == LAP(head) -> head++
		:: else -> break
		od;
#ifdef PAUSE
		/* sender.c, (seized). */
		if
		:: kills[SENDER] != 0 ->
#ifdef SAME_RUN
			runs++
#else
			sender_restart(asked)
#endif
		:: else
		fi
#endif
	fi
}

active proctype sender()
{
	byte head, read, epoch, ack, start, asked, seen;
	bool waiting, lost;

life:
	{
		sender_open();
again:
		if
		:: resets[SENDER] < RESETS ->
			atomic { resets[SENDER]++; asked = r_epoch };
			sender_restart(asked);
			goto again
		:: r_epoch != ack ->
			asked = r_epoch;
			sender_restart(asked);
			goto again
#ifdef NO_WAIT
		:: waiting -> atomic { waiting = false; head = start; read = start; lost = true }; goto again
#else
		:: waiting && r_ack == epoch -> sender_goes_on(); goto again
#endif
		/* SPEC R6.5: what the receiver asks for is seen behind a message, or some: here, any. */
		:: !waiting && accepted < MESSAGES && head - read < DESCS ->
#ifndef PAUSE
			body_word[head % DESCS] = accepted + 1;
#endif
			d_step {
				body_word[head % DESCS] = accepted + 1;
				assert(app[SENDER] == epoch || lost);
				head_word[head % DESCS] = LAP(head);
				run_of[head % DESCS] = runs;
				accepted++;
				head++
			};
			goto again
		:: !waiting && accepted < MESSAGES && head - read >= DESCS && r_read != read ->
			seen = r_read;
			/* SPEC R7.5: else the channel breaks. */
			atomic { assert(seen - read <= head - read && seen >= read); read = seen; seen = 0 };
			goto again
#ifdef PAUSE
		/* SPEC R6.6. */
		:: !waiting && strayed && r_read != read ->
			seen = r_read;
			atomic { assert(seen - read <= head - read && seen >= read); read = seen; seen = 0 };
			goto again
		:: !waiting && strayed && read != head && head_word[read % DESCS] != LAP(read) ->
			atomic { strayed = false; loss = true; asked = r_epoch };
			sender_restart(asked);
			goto again
#endif
		:: lost && !waiting -> tell(SENDER, s_told, epoch); goto again
		:: !waiting && !lost && accepted == MESSAGES -> goto idle
		fi;
idle:
end:
		if
		:: r_epoch != ack || resets[SENDER] < RESETS -> goto again
#ifdef PAUSE
		:: strayed && (r_read != read || (read != head && head_word[read % DESCS] != LAP(read))) -> goto again
#endif
		fi
	} unless { killed[SENDER] };
	d_step {
#ifdef PAUSE
		ghost_armed = (!waiting && head - read < DESCS);
		ghost_index = head; ghost_epoch = epoch; ghost_runs = runs;
#endif
		killed[SENDER] = false;
		head = 0; read = 0; epoch = 0; ack = 0; start = 0; asked = 0; seen = 0; waiting = false; lost = false
	};
	goto life
}

/* --- The receiver ------------------------------------------------------------------------------ */

/* reset.c, receiver_ask(). */
inline receiver_ask()
{
	atomic {
		epoch++;
		if
		:: epoch == s_ack -> epoch++
		:: else
		fi;
		waiting = true
	};
	d_step { r_epoch = epoch; damaged = run_of[read % DESCS] + 1; loss = true }
}

/* reset.c, ivsh_receiver_follow(). */
inline receiver_follow()
{
#ifdef LATE_ACK
	begun = s_epoch;
	answered = s_ack;
#else
	answered = s_ack;
	begun = s_epoch;
#endif
	waiting = (answered != epoch);
	if
	:: begun != ack ->
		read = s_start;
		marked = 0;
		ack = begun;
#ifdef ACK_FIRST
		d_step { r_ack = ack; lost = true };
		r_read = read
#else
		r_read = read;
		d_step { r_ack = ack; lost = true }
#endif
	:: else
	fi
}

/* Looking for what is not there yet changes nothing, but for the mistake. */
#ifdef LATE_ACK
#define POLL waiting
#else
#define POLL (waiting && s_ack == epoch)
#endif

active proctype receiver()
{
	byte read, epoch, ack, answered, begun, marked, value;
	bool waiting, born, lost;

life:
	{
		read = r_read;
		marked = 0;
		if
		:: born ->
			do
			:: marked < DESCS && head_word[(read + marked) % DESCS] == LAP(read + marked) -> marked++
			:: else -> break
			od
		:: else
		fi;
		epoch = r_epoch;
		ack = r_ack;
		lost = (r_told != ack && NO_TOLD != RECEIVER);
		waiting = false;
#ifndef FORGETS
		/* SPEC R6.4. A wish that was answered before is not remembered: what is left of the
		 * run before is checked again, taken, or found damaged again. */
		d_step {
			waiting = (s_ack != epoch);
			damaged = (waiting -> damaged : 0)
		};
#endif
again:
		if
		:: !waiting && head_word[read % DESCS] == LAP(read) ->
			if
			:: resets[RECEIVER] < RESETS ->
				/* receiver.c, damage(): of a run that was left it is only the end. */
				resets[RECEIVER]++;
				if
				:: s_epoch == ack -> receiver_ask()
				:: else -> loss = true; receiver_follow()
				fi
			:: true ->
#ifndef PAUSE
				value = body_word[read % DESCS];
#else
				d_step { value = (head_word[read % DESCS] == LAP(read) -> body_word[read % DESCS] : 0) };
				if
				:: value == 0 -> goto again
				:: value == GHOST ->
					/* Of the run that it was meant for it is the last message. */
					d_step { assert(value < GHOST || ack == ghost_epoch); value = 0; read++ };
					r_read = read;
					goto again
				:: else
				fi;
#endif
				d_step {
					assert(value > last || (value > 0 && marked > 0));
					assert(value <= last + 1 || loss);
					assert(run_of[read % DESCS] >= damaged);
					assert(app[RECEIVER] == ack || lost);
					loss = (value > last -> false : loss);
					last = (value > last -> value : last);
					value = 0;
					marked = (marked > 0 -> marked - 1 : 0);
					read++
				};
				r_read = read
			fi;
			goto again
		:: lost -> tell(RECEIVER, r_told, ack); goto again
		:: waiting && (POLL || s_epoch != ack) -> receiver_follow(); goto again
		:: !waiting && head_word[read % DESCS] != LAP(read) ->
			/* receiver.c, run_follow(): the last look, the epoch, and one look more. */
			if
			:: s_epoch == ack && lost -> goto again
			:: s_epoch == ack && !lost -> goto idle
			:: s_epoch != ack ->
				if
#ifdef ONE_LOOK
				:: true -> receiver_follow()
#else
				:: head_word[read % DESCS] != LAP(read) -> receiver_follow()
				:: else
#endif
				fi;
				goto again
			fi
		fi;
idle:
end:
		if
		:: head_word[read % DESCS] == LAP(read) || s_epoch != ack -> goto again
		fi
	} unless { killed[RECEIVER] };
	d_step {
		killed[RECEIVER] = false; born = true;
		read = 0; epoch = 0; ack = 0; answered = 0; begun = 0; marked = 0; value = 0; waiting = false; lost = false
	};
	goto life
}
