/* SPDX-License-Identifier: MIT */
/*
 * reset.pml - starting over in a ring, SPEC.md section 6; either side is killed at any step.
 *
 * Theory of operation: numbered messages go through DESCS descriptors. Up to RESETS times, and
 * between any two messages, either side says that it has found damage: the sender begins a new
 * generation, the receiver requests one. Either side is killed, up to KILLS times, between any two
 * of its accesses. The receiver asserts that numbers never go back without a mark, that none is
 * missing unless it found damage since, and that nothing of a generation in which it found damage
 * comes while its request is not answered. The sender asserts that what it finds is never what only
 * a third party could have written. Both assert that they carry no message in a generation that
 * their application does not know of, unless they are about to report it. A side that waits for
 * ever, with messages left to send or a request without an answer, is an invalid end state.
 *
 * With PAUSE a sender that is "killed" may only have been stopped, between its check of the nonce
 * and its store: that store comes at any later time. The next incarnation has claimed the slot. It
 * begins a new generation, in which the late store must be no message; where the store replaced one
 * of its own messages, it finds damage. A body that comes between another's stores, or loads, of
 * body and control word is what remains (R5.6), and is not in this model.
 *
 * run.sh lists the configurations. The mistakes on purpose:
 *
 *   NO_WAIT           the sender sends in the new generation before the receiver has acknowledged
 *                     it
 *   OLD_WRAPS         a generation starts at index 0, whatever stands in the descriptors
 *   GENERATION_FIRST  the sender stores its generation before the start
 *   ANSWER_FIRST      the sender stores its reset_ack before its generation
 *   ACK_FIRST         the receiver stores its generation_ack before its read index
 *   NO_ANSWER         the sender begins the generation, but does not say which request that answers
 *   LATE_ACK          the receiver loads the sender's generation before its reset_ack
 *   FORGETS           a new incarnation of the receiver does not wait for the answer to the last
 *                     one's request
 *   STAYS             a new incarnation of the sender goes on in a ring that is not in step
 *   ONE_CHECK         the receiver does not check for a message again when it has seen a new
 *                     generation
 *   NO_REPORT         SENDER or RECEIVER: its new incarnation does not compare the generation with
 *                     the one that was reported
 *   SAME_GENERATION   with PAUSE: a new incarnation that has claimed the slot goes on in the
 *                     generation
 *   REPORTED_FIRST    SENDER or RECEIVER: it stores that it has reported before it does
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
#ifndef NO_REPORT
#define NO_REPORT 0
#endif
#ifndef REPORTED_FIRST
#define REPORTED_FIRST 0
#endif
#define WRAP(index) ((index) / DESCS + 1)

/* The shared words. There are fewer than 256 generations and wrap counters. */
byte s_generation, s_reset_ack, s_start, s_reported;
byte r_request, r_generation_ack, r_read, r_reported;
byte control_word[DESCS], body_word[DESCS];

/* What no side can see, for the assertions. */
byte accepted;             /* messages whose control word was stored */
byte last;                 /* the highest number that was delivered */
byte generation_of[DESCS]; /* the generation that stored each descriptor */
byte generations;          /* begun so far */
byte damaged;              /* the generation in which the receiver found damage, plus 1 */
bool loss;                 /* the receiver has found damage, since the last new message */
byte app[3];               /* the generation that each side's application knows of */

#ifdef PAUSE
/* What the stopped incarnation is about to store: a message of a generation, at an index. */
#define GHOST 200
byte ghost_index, ghost_generation, ghost_generations;
bool ghost_armed, strayed;
active proctype ghost()
{
end:
	do
	:: d_step {
		/* Before that it is a message like any other: the model without PAUSE has those. */
		ghost_armed && generations > ghost_generations ->
		ghost_armed = false;
		strayed = true;
		body_word[ghost_index % DESCS] = GHOST;
		control_word[ghost_index % DESCS] = WRAP(ghost_index);
		generation_of[ghost_index % DESCS] = ghost_generations
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
	:: d_step {
		!killed[SENDER] && kills[SENDER] < KILLS ->
		kills[SENDER]++;
		killed[SENDER] = true
	}
#ifndef PAUSE
	:: d_step {
		!killed[RECEIVER] && kills[RECEIVER] < KILLS ->
		kills[RECEIVER]++;
		killed[RECEIVER] = true
	}
#endif
	od
}

/* condition.c, ivsh_chan_lost(); peer_event.c, lost_find(). */
inline report(side, word, number)
{
	if
	:: REPORTED_FIRST == side ->
		word = number;
		d_step { app[side] = number; lost = false }
	:: else ->
		d_step { app[side] = number; lost = false };
		word = number
	fi
}

/* --- The sender ---------------------------------------------------------------------------- */

/* reset.c, wrap_unused(). */
#if DESCS == 2
#define USED(wrap) (control_word[0] == (wrap) || control_word[1] == (wrap))
#else
#define USED(wrap) \
	(control_word[0] == (wrap) || control_word[1] == (wrap) || control_word[2] == (wrap))
#endif

/* reset.c, ivsh_sender_restart(). */
inline sender_restart(requested)
{
	atomic {
#ifdef OLD_WRAPS
		start = 0;
#else
		start = WRAP(head) + 1;
		do
		:: USED(start) -> start++
		:: else -> break
		od;
		start = (start - 1) * DESCS;
#endif
		generation++;
		if
		:: generation == r_generation_ack -> generation++
		:: else
		fi;
		waiting = true;
		generations++
	};
#ifdef GENERATION_FIRST
	s_generation = generation;
	s_start = start;
	reset_ack = requested;
	s_reset_ack = requested
#else
#ifdef ANSWER_FIRST
	s_start = start;
	reset_ack = requested;
	s_reset_ack = requested;
	s_generation = generation
#else
	s_start = start;
	s_generation = generation;
#ifdef NO_ANSWER
	reset_ack = requested
#else
	reset_ack = requested;
	s_reset_ack = requested
#endif
#endif
#endif
}

/* reset.c, ivsh_sender_follow(), when the receiver has acknowledged the generation. */
inline sender_goes_on()
{
	assert(r_read == start);
	atomic { waiting = false; head = start; read = start; lost = true }
}

/* sender.c, ivsh_sender_open(). */
inline sender_open()
{
	requested = r_request;
	generation = s_generation;
	reset_ack = s_reset_ack;
	start = s_start;
	waiting = false;
	head = 0;
	read = 0;
	if
#ifdef STAYS
	:: false -> skip
#else
	:: requested != reset_ack || r_generation_ack != generation -> sender_restart(requested)
#endif
	:: else ->
		lost = (s_reported != generation && NO_REPORT != SENDER);
		read = r_read;
		head = read;
		do
		:: head - read < DESCS && control_word[head % DESCS] == WRAP(head) -> head++
		:: else -> break
		od;
#ifdef PAUSE
		/* sender.c, (seized). */
		if
		:: kills[SENDER] != 0 ->
#ifdef SAME_GENERATION
			generations++
#else
			sender_restart(requested)
#endif
		:: else
		fi
#endif
	fi
}

active proctype sender()
{
	byte head, read, generation, reset_ack, start, requested, seen;
	bool waiting, lost;

incarnation:
	{
		sender_open();
again:
		if
		:: resets[SENDER] < RESETS ->
			atomic { resets[SENDER]++; requested = r_request };
			sender_restart(requested);
			goto again
		:: r_request != reset_ack ->
			requested = r_request;
			sender_restart(requested);
			goto again
#ifdef NO_WAIT
		:: waiting ->
			atomic { waiting = false; head = start; read = start; lost = true };
			goto again
#else
		:: waiting && r_generation_ack == generation -> sender_goes_on(); goto again
#endif
		/* SPEC R6.8.6: the sender sees a request behind some message: here, behind any. */
		:: !waiting && accepted < MESSAGES && head - read < DESCS ->
#ifndef PAUSE
			body_word[head % DESCS] = accepted + 1;
#endif
			d_step {
				body_word[head % DESCS] = accepted + 1;
				assert(app[SENDER] == generation || lost);
				control_word[head % DESCS] = WRAP(head);
				generation_of[head % DESCS] = generations;
				accepted++;
				head++
			};
			goto again
		:: !waiting && accepted < MESSAGES && head - read >= DESCS && r_read != read ->
			seen = r_read;
			/* SPEC R7.5.4: the channel breaks otherwise. */
			atomic {
				assert(seen - read <= head - read && seen >= read);
				read = seen;
				seen = 0
			};
			goto again
#ifdef PAUSE
		/* SPEC R6.6.3. */
		:: !waiting && strayed && r_read != read ->
			seen = r_read;
			atomic {
				assert(seen - read <= head - read && seen >= read);
				read = seen;
				seen = 0
			};
			goto again
		:: !waiting && strayed && read != head &&
		   control_word[read % DESCS] != WRAP(read) ->
			atomic { strayed = false; loss = true; requested = r_request };
			sender_restart(requested);
			goto again
#endif
		:: lost && !waiting -> report(SENDER, s_reported, generation); goto again
		:: !waiting && !lost && accepted == MESSAGES -> goto idle
		fi;
idle:
end:
		if
		:: r_request != reset_ack || resets[SENDER] < RESETS -> goto again
#ifdef PAUSE
		:: strayed && r_read != read -> goto again
		:: strayed && read != head && control_word[read % DESCS] != WRAP(read) -> goto again
#endif
		fi
	} unless { killed[SENDER] };
	d_step {
#ifdef PAUSE
		ghost_armed = (!waiting && head - read < DESCS);
		ghost_index = head; ghost_generation = generation; ghost_generations = generations;
#endif
		killed[SENDER] = false;
		head = 0; read = 0; generation = 0; reset_ack = 0; start = 0; requested = 0;
		seen = 0; waiting = false; lost = false
	};
	goto incarnation
}

/* --- The receiver -------------------------------------------------------------------------- */

/* reset.c, ivsh_receiver_restart(). */
inline receiver_request()
{
	atomic {
		request++;
		if
		:: request == s_reset_ack -> request++
		:: else
		fi;
		waiting = true
	};
	d_step { r_request = request; damaged = generation_of[read % DESCS] + 1; loss = true }
}

/* reset.c, ivsh_receiver_follow(). */
inline receiver_follow()
{
#ifdef LATE_ACK
	begun = s_generation;
	answered = s_reset_ack;
#else
	answered = s_reset_ack;
	begun = s_generation;
#endif
	waiting = (answered != request);
	if
	:: begun != generation_ack ->
		read = s_start;
		marked = 0;
		generation_ack = begun;
#ifdef ACK_FIRST
		d_step { r_generation_ack = generation_ack; lost = true };
		r_read = read
#else
		r_read = read;
		d_step { r_generation_ack = generation_ack; lost = true }
#endif
	:: else
	fi
}

/* A check for what is not there yet changes nothing, but for the mistake. */
#ifdef LATE_ACK
#define POLL waiting
#else
#define POLL (waiting && s_reset_ack == request)
#endif

active proctype receiver()
{
	byte read, request, generation_ack, answered, begun, marked, value;
	bool waiting, born, lost;

incarnation:
	{
		read = r_read;
		marked = 0;
		if
		:: born ->
			do
			:: marked < DESCS &&
			   control_word[(read + marked) % DESCS] == WRAP(read + marked) -> marked++
			:: else -> break
			od
		:: else
		fi;
		request = r_request;
		generation_ack = r_generation_ack;
		lost = (r_reported != generation_ack && NO_REPORT != RECEIVER);
		waiting = false;
#ifndef FORGETS
		/* SPEC R6.4. The receiver does not remember a request that was answered before. It
		 * checks again what is left of the generation before, and takes it, or finds it
		 * damaged again. */
		d_step {
			waiting = (s_reset_ack != request);
			damaged = (waiting -> damaged : 0)
		};
#endif
again:
		if
		:: !waiting && control_word[read % DESCS] == WRAP(read) ->
			if
			:: resets[RECEIVER] < RESETS ->
				/* receiver.c, damage_find(): this generation is over. */
				resets[RECEIVER]++;
				if
				:: s_generation == generation_ack -> receiver_request()
				:: else -> loss = true; receiver_follow()
				fi
			:: true ->
#ifndef PAUSE
				value = body_word[read % DESCS];
#else
				d_step {
					value = (control_word[read % DESCS] == WRAP(read) ->
					    body_word[read % DESCS] : 0)
				};
				if
				:: value == 0 -> goto again
				:: value == GHOST ->
					/* The last message of the generation that it is of. */
					d_step {
						assert(value < GHOST ||
						    generation_ack == ghost_generation);
						value = 0;
						read++
					};
					r_read = read;
					goto again
				:: else
				fi;
#endif
				d_step {
					assert(value > last || (value > 0 && marked > 0));
					assert(value <= last + 1 || loss);
					assert(generation_of[read % DESCS] >= damaged);
					assert(app[RECEIVER] == generation_ack || lost);
					loss = (value > last -> false : loss);
					last = (value > last -> value : last);
					value = 0;
					marked = (marked > 0 -> marked - 1 : 0);
					read++
				};
				r_read = read
			fi;
			goto again
		:: lost -> report(RECEIVER, r_reported, generation_ack); goto again
		:: waiting && (POLL || s_generation != generation_ack) ->
			receiver_follow();
			goto again
		:: !waiting && control_word[read % DESCS] != WRAP(read) ->
			/* receiver.c: the last check, the generation, and one check more. */
			if
			:: s_generation == generation_ack && lost -> goto again
			:: s_generation == generation_ack && !lost -> goto idle
			:: s_generation != generation_ack ->
				if
#ifdef ONE_CHECK
				:: true -> receiver_follow()
#else
				:: control_word[read % DESCS] != WRAP(read) -> receiver_follow()
				:: else
#endif
				fi;
				goto again
			fi
		fi;
idle:
end:
		if
		:: control_word[read % DESCS] == WRAP(read) || s_generation != generation_ack ->
			goto again
		fi
	} unless { killed[RECEIVER] };
	d_step {
		killed[RECEIVER] = false; born = true;
		read = 0; request = 0; generation_ack = 0; answered = 0; begun = 0; marked = 0;
		value = 0; waiting = false; lost = false
	};
	goto incarnation
}
