/* SPDX-License-Identifier: MIT */
/*
 * bell.pml - the bell protocol of SPEC.md section 8, with both sides going to sleep.
 *
 * Theory of operation: one ring of DESCS descriptors takes MESSAGES messages from a sender to a
 * receiver. The sender sleeps while the ring is full, the receiver while it is empty. A sleeper
 * that nobody wakes although there is work for it stands still for ever; so do then, sooner or
 * later, all others, and spin reports an invalid end state: the lost wakeup. The receiver also
 * asserts that messages come whole and in order. Nothing else may block for ever: the sender ends
 * when all is sent, the receiver when all is received, the machine may stop whenever it is idle.
 *
 * A side fences and looks for the other's wish only while the other's (asks) is not 0. Who is about
 * to make its first wish sets asks, and its sleeps are short until a time has elapsed in which what
 * stood in the other's buffer becomes visible. A short sleep ends with that time, and a wakeup that
 * was lost ends with it; all other sleeps are long, and one that is lost then is an invalid end
 * state, as above.
 *
 * run.sh lists the configurations and what is expected of each. A switch of the first kind changes
 * the world, one of the second kind makes a mistake on purpose, and the model must find it:
 *
 *   BUFFER=n     stores wait in a buffer of n on each side (TSO); without it they are seen at once
 *   LAZY=n       the receiver publishes its read index when more than n were given back
 *   STRAYS=n     up to n bells that are for something else: another channel, the server page
 *   COUNTS=n     a wish counts modulo n
 *   TIMER        the bounded sleep: when nothing else can happen any more, sleepers wake
 *   KILL_SENDER, KILL_RECEIVER   a side is killed at any step, or at none, and comes back
 *   NO_OPEN_RING a new life does not ring for what the last one may have stored without ringing
 *
 *   LONG_AT_ONCE no sleep is short
 *   TIME_LATE    whether the time has elapsed is looked at behind the look of sleep_once()
 *   ASKS_FIRST   = SENDER or RECEIVER: loads the other's asks before it stores
 *   STILL_ASKED  a new life clears its asks, and does not set them again
 *   NO_FENCE_HEAD, NO_FENCE_READ              store and look for the wish, without the fence
 *   NO_FENCE_BELL_WISH, NO_FENCE_SPACE_WISH   store a wish and look, without the fence
 *   NO_FENCE     none of the four
 *   NO_LOOK, LOOK_FIRST, LATE_SEEN            = SENDER or RECEIVER; see sleep_once() below
 *   NO_PUBLISH   the receiver sleeps without publishing its read index
 *   SAME_COUNT   wish_make() does not advance the count
 *   LOST_COUNT   a new life starts its count of wishes at 0
 *   HEAD_FIRST   the sender stores a descriptor's head before its body
 */
#ifndef DESCS
#define DESCS 2
#endif
#ifndef MESSAGES
#define MESSAGES 3
#endif
#ifdef NO_FENCE
#define NO_FENCE_HEAD
#define NO_FENCE_READ
#define NO_FENCE_BELL_WISH
#define NO_FENCE_SPACE_WISH
#endif
#ifndef LAZY
#define LAZY 1
#endif
#ifndef STRAYS
#define STRAYS 0
#endif
#ifndef COUNTS
#define COUNTS 64
#endif
#ifndef ASKS_FIRST
#define ASKS_FIRST 0
#endif

#define SENDER 1
#define RECEIVER 2

/* --- The shared memory --------------------------------------------------------------------- */

/* wire.h: the words in which the two sides meet, each with one writer. A bell is the write of a
 * word, too: of a register, behind all earlier stores of its side. */
#define HEAD(index) ((index) % DESCS)
#define BODY(index) (DESCS + (index) % DESCS)
#define WANT_SPACE (2 * DESCS)
#define READ (2 * DESCS + 1)
#define WANT_BELL (2 * DESCS + 2)
#define BELL(side) (2 * DESCS + 2 + (side))
#define ASKS(side) (2 * DESCS + 4 + (side))
#define WORDS (2 * DESCS + 7)

byte word[WORDS];

/* ring.h, ring_lap(): what a head says to be valid. Laps of a run are fewer than 256. */
#define LAP(index) ((index) / DESCS + 1)

/*
 * atomic.h. On x86, and in its store buffers, load32_acquire() and store32_release() are plain
 * loads and stores; fence_full() waits until all stores of its side are seen. A load would find
 * its own side's store in the buffer first (forwarding); load() asserts that there never is one,
 * since no side looks at its own words while it lives.
 */
#ifdef BUFFER
chan buffer[3] = [BUFFER] of { byte, byte };
#define store(me, at, value) buffer[me]!at,value
#define fence_full(me) empty(buffer[me])
#define load(me, at, value) \
	d_step { assert(!(buffer[me]??[eval(at), _])); value = word[at] }
#else
#define store(me, at, value) word[at] = value
#define fence_full(me) skip
#define load(me, at, value) value = word[at]
#endif

/*
 * bell.h, count() and sleep(): a port compares its count of bells with the (seen) that the sleeper
 * took, and nothing else is ever done with it. So one bit stands for count() != seen: taking (seen)
 * clears it, an interrupt sets it, and sleep() returns when it is set.
 */
bool rung_since[3];
#define seen_take(me) rung_since[me] = false
#define sleep(me, brief) (rung_since[me] || (brief && ELAPSED(me)))

hidden byte at;
hidden byte value;
byte strays = STRAYS;

/*
 * wait.c, ASK_NS: a time in which what stands in a buffer becomes visible. It begins when a side's
 * asks are seen, and has elapsed when the (old) stores are, which the other side's buffer held then.
 * Not later: a sleep that is short without need is a long one with a bell for something else.
 */
#ifdef BUFFER
byte old[3];
#define drain(me, other) \
	buffer[me]?at,value -> \
	word[at] = value; \
	old[me] = (old[me] != 0 -> old[me] - 1 : 0); \
	old[other] = (at == ASKS(me) && value != 0 -> len(buffer[other]) : old[other])
#define ELAPSED(me) (word[ASKS(me)] != 0 && old[SENDER + RECEIVER - (me)] == 0)
#else
#define ELAPSED(me) true
#endif

/* What the hardware does between any two steps of the two sides. */
active proctype machine()
{
end:
	do
#ifdef BUFFER
	/* The oldest store in a buffer becomes visible. */
	:: d_step { drain(SENDER, RECEIVER) }
	:: d_step { drain(RECEIVER, SENDER) }
#endif
	/* An interrupt comes. Of two bells before it, one is left: they are one word. */
	:: d_step { word[BELL(SENDER)] != 0 -> word[BELL(SENDER)] = 0; rung_since[SENDER] = true }
	:: d_step { word[BELL(RECEIVER)] != 0 -> word[BELL(RECEIVER)] = 0; rung_since[RECEIVER] = true }
	:: d_step { strays > 0 -> strays--; rung_since[SENDER] = true }
	:: d_step { strays > 0 -> strays--; rung_since[RECEIVER] = true }
	od
}

/* A side that has no more to do. */
bool over[3];

#ifdef TIMER
/*
 * wait.c, IVSH_RELOOK_NS: a time so long that everything else that can happen happens before it.
 * That each of its rounds helps follows from their number: at most one for each message that is
 * awaited, and one for each room.
 */
byte rounds;
active proctype timer()
{
end:
	do
	:: atomic {
		timeout && !(over[SENDER] && over[RECEIVER]) ->
		rung_since[SENDER] = true;
		rung_since[RECEIVER] = true;
		rounds++;
		assert(rounds <= 2 * MESSAGES)
	}
	od
}
#endif

/* A side is killed between any two of its steps, or not at all. */
bool killed[3];
#ifdef KILL_SENDER
active proctype kill_sender() { if :: killed[SENDER] = true :: skip fi }
#endif
#ifdef KILL_RECEIVER
active proctype kill_receiver() { if :: killed[RECEIVER] = true :: skip fi }
#endif

/* What the dead one had stored is seen; the bells for it may be lost (FIELD-NOTES finding 8). */
inline restart(me)
{
	killed[me] = false;
	brief = false;
	want = 0;
	fence_full(me);
	if
	:: word[BELL(me)] = 0
	:: skip
	fi
}

/* --- What else a side is to do ------------------------------------------------------------- */

/* wait.c, bells_ask(): before the first wish of a life. */
inline bells_ask(me, asked)
{
	if
	:: atomic { !asked -> store(me, ASKS(me), 1); asked = true }
	:: else
	fi
}

/* The new life's ivsh_sender_open() or ivsh_receiver_open(). The first one finds a 0. */
inline asks_open(me, asked)
{
	if
	:: atomic {
		word[ASKS(me)] != 0 ->
		store(me, ASKS(me), 0);
#ifndef STILL_ASKED
		asked = false
#endif
	}
	:: else
	fi
}

/* way.h, sender_accepted(); receiver.c, ivsh_receiver_publish(): behind the store, without a fence. */
#define asks_look(me, other, then) \
	if \
	:: ASKED(me, other) -> then \
	:: else \
	fi
#if ASKS_FIRST != 0
#define ASKED(me, other) (ASKS_FIRST == me -> early : word[ASKS(other)] != 0)
#define mistake_before_store(me, other) early = (word[ASKS(other)] != 0);
#else
#define ASKED(me, other) (word[ASKS(other)] != 0)
#define mistake_before_store(me, other)
#endif

/* --- Wishes -------------------------------------------------------------------------------- */

/* wire.h, IVSH_WIRE_WISH_*: bit 0 is the vector plus 1, and there is one vector; then the count. */
#define WISH_VECTOR 1
#define WISH_COUNT(wish) ((wish) >> 1)

/* wait.c, wish_make(). */
inline wish_make(me, where, wish)
{
#ifdef SAME_COUNT
	wish = WISH_VECTOR;
#else
	/* No run makes so many wishes that the count comes round, but for a small COUNTS. */
	assert(COUNTS < 64 || WISH_COUNT(wish) < COUNTS - 1);
	wish = ((WISH_COUNT(wish) + 1) % COUNTS) << 1 | WISH_VECTOR;
#endif
	store(me, where, wish)
}

/* wait.c, wish_end(): the count stays. */
inline wish_end(me, where, wish)
{
	wish = wish & ~WISH_VECTOR;
	store(me, where, wish)
}

/* The new life's ivsh_sender_open() or ivsh_receiver_open(): the count goes on, the wish not. */
inline wish_open(me, where, wish)
{
#ifdef LOST_COUNT
	wish = 0;
#else
	load(me, where, wish);
	wish = wish & ~WISH_VECTOR;
#endif
	store(me, where, wish)
}

/*
 * ring.h, wish_due(), and the ring: one wish, one bell. What was answered last stands in (rung),
 * which is private and dies with its side. Each step touches one shared word, and is atomic.
 */
inline wish_answer(me, other, where, want, rung)
{
	atomic {
		load(me, where, want);
		want = ((want & WISH_VECTOR) != 0 && want != rung -> want : 0)
	};
	if
	:: atomic { want != 0 -> rung = want; want = 0; store(me, BELL(other), 1) }
	:: else
	fi
}

/* What the mistakes leave out or put in the wrong place. */
#ifdef NO_FENCE_BELL_WISH
#define fence_bell_wish() skip
#else
#define fence_bell_wish() fence_full(RECEIVER)
#endif
#ifdef NO_FENCE_SPACE_WISH
#define fence_space_wish() skip
#else
#define fence_space_wish() fence_full(SENDER)
#endif
#ifdef LOOK_FIRST
#define mistake_before_wish(me, look) if :: me == LOOK_FIRST -> look :: else fi;
#define NO_LOOK LOOK_FIRST
#else
#define mistake_before_wish(me, look)
#endif
#ifndef NO_LOOK
#define NO_LOOK 0
#endif
#ifdef LATE_SEEN
#define mistake_before_sleep(me) if :: me == LATE_SEEN -> seen_take(me) :: else fi;
#else
#define mistake_before_sleep(me)
#endif

#ifdef LONG_AT_ONCE
#define brief_early(me)
#define brief_late(me)
#else
#ifdef TIME_LATE
#define brief_early(me)
#define brief_late(me) brief = !ELAPSED(me);
#else
#define brief_early(me) brief = !ELAPSED(me);
#define brief_late(me)
#endif
#endif

/*
 * wait.c, sleep_once(), for both sides: take (seen), make the wish, fence, look, sleep, look, take
 * the wish back. (look) sets (ready).
 */
#define sleep_once(me, where, wish, fence, look, ready) \
	seen_take(me); \
	mistake_before_wish(me, look) \
	bells_ask(me, asked); \
	atomic { wish_make(me, where, wish) }; \
	fence; \
	atomic { brief_early(me) if :: NO_LOOK != me -> look :: else fi }; \
	mistake_before_sleep(me) \
	brief_late(me) \
	if \
	:: !ready -> sleep(me, brief); atomic { brief = false; look } \
	:: else -> brief = false \
	fi; \
	atomic { wish_end(me, where, wish) }

/* --- The sender ---------------------------------------------------------------------------- */

/* sender.c, ivsh_sender_ring(). */
inline bell_ring()
{
#ifndef NO_FENCE_HEAD
	/* The head's store, this fence, the load of want_bell. */
	fence_full(SENDER);
#endif
	wish_answer(SENDER, RECEIVER, WANT_BELL, want, rung)
}

/* way.h, sender_store() and sender_accepted(): body, then head, then the bell if it asks. */
inline publish()
{
	mistake_before_store(SENDER, RECEIVER)
#ifdef HEAD_FIRST
	store(SENDER, HEAD(head), LAP(head));
	store(SENDER, BODY(head), head + 1);
#else
	store(SENDER, BODY(head), head + 1);
	store(SENDER, HEAD(head), LAP(head));
#endif
	head++;
	asks_look(SENDER, RECEIVER, bell_ring())
}

/* sender.c, ivsh_sender_ready(): space_collect() and message_fits(). Also ivsh_chan_reserve(). */
#define ROOM (head - read < DESCS)
#define look_space() load(SENDER, READ, read); assert(read <= head)

/* sender.c, ivsh_sender_open(): the ring's end is the first descriptor without its lap. */
inline sender_open()
{
	rung = 0;
	load(SENDER, READ, read);
	head = read;
	do
	:: head - read < DESCS ->
		load(SENDER, HEAD(head), want);
		if
		:: want == LAP(head) -> head++
		:: else -> break
		fi
	:: else -> break
	od;
	want = 0;
	wish_open(SENDER, WANT_SPACE, wish);
	asks_open(SENDER, asked);
#ifndef NO_OPEN_RING
	if
	:: head != read -> bell_ring()
	:: else
	fi
#endif
}

active proctype sender()
{
	byte head, read, rung, wish, want;
	bool asked, brief, early;

life:
	{
		sender_open();
		do
		:: head == MESSAGES -> goto done
		:: head < MESSAGES && ROOM -> publish()
		:: head < MESSAGES && !ROOM ->
			atomic { look_space() };
			/* ivsh_region_wait(): until there is something to do. */
			do
			:: ROOM -> break
			:: else ->
				sleep_once(SENDER, WANT_SPACE, wish, fence_space_wish(), look_space(), ROOM)
			od
		od
	} unless { killed[SENDER] };
	restart(SENDER);
	goto life;
done:
	over[SENDER] = true
}

/* --- The receiver -------------------------------------------------------------------------- */

/* receiver.c, space_ring(). */
inline space_ring()
{
#ifndef NO_FENCE_READ
	/* The read index's store, this fence, the load of want_space. */
	fence_full(RECEIVER);
#endif
	wish_answer(RECEIVER, SENDER, WANT_SPACE, want, rung)
}

/* receiver.c, ivsh_receiver_publish(). */
inline read_publish()
{
	if
	:: read != published ->
		mistake_before_store(RECEIVER, SENDER)
		atomic { store(RECEIVER, READ, read); published = read };
		asks_look(RECEIVER, SENDER, space_ring())
	:: else
	fi
}

/* receiver.c, ivsh_receiver_ready(), and the beginning of message_look(). */
#define look_message() load(RECEIVER, HEAD(read), want); ready = (want == LAP(read)); want = 0

/* receiver.c, ivsh_chan_peek() of a message that is there, and ivsh_chan_release(). */
inline take()
{
	atomic {
		load(RECEIVER, BODY(read), want);
		assert(want == read + 1);
		ready = false;
		read++
	};
	atomic {
		load(RECEIVER, WANT_SPACE, want);
		want = want & WISH_VECTOR
	};
	if
	:: want != 0 -> want = 0; read_publish()
	:: else
	fi
}

/* receiver.c, ivsh_receiver_open(); before it, in a fresh life, ivsh_attach_discard(). */
inline receiver_open()
{
	rung = 0;
	ready = false;
	load(RECEIVER, READ, read);
	published = read;
#ifdef KILL_RECEIVER
	if
	:: fresh ->
		do
		:: read - published < DESCS ->
			atomic { look_message() };
			if
			:: ready -> read++
			:: else -> break
			fi
		:: else -> break
		od;
		ready = false;
		if
		:: atomic { read != published -> store(RECEIVER, READ, read); published = read }; space_ring()
		:: else
		fi;
		rung = 0
	:: skip
	fi;
#endif
	wish_open(RECEIVER, WANT_BELL, wish);
	asks_open(RECEIVER, asked);
#ifndef NO_OPEN_RING
	space_ring()
#endif
}

active proctype receiver()
{
	byte read, published, rung, wish, want;
	bool ready, fresh, asked, brief, early;

life:
	{
		receiver_open();
		do
		:: read == MESSAGES -> goto done
		/* receiver.c, ivsh_receiver_due(). */
		:: read < MESSAGES && read - published > LAZY -> read_publish()
		:: read < MESSAGES && read - published <= LAZY ->
			atomic { look_message() };
			if
			:: ready -> take()
			:: else ->
#ifndef NO_PUBLISH
				/* message_look() of an empty ring; ivsh_region_wait(), SPEC R8.5. */
				read_publish();
#endif
				do
				:: ready -> break
				:: else ->
					sleep_once(RECEIVER, WANT_BELL, wish, fence_bell_wish(),
					    look_message(), ready)
				od
			fi
		od
	} unless { killed[RECEIVER] };
	restart(RECEIVER);
	fresh = true;
	goto life;
done:
	over[RECEIVER] = true
}
