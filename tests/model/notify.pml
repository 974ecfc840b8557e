/* SPDX-License-Identifier: MIT */
/*
 * notify.pml - the notifications of SPEC.md section 8, with both sides going to sleep.
 *
 * Theory of operation: one ring of DESCS descriptors takes MESSAGES messages from a sender to a
 * receiver. The sender sleeps while the ring is full, the receiver while it is empty. A sleeper
 * that nobody wakes although there is work for it stands still for ever; sooner or later all others
 * do, too, and spin reports an invalid end state: the missed notification. The receiver also
 * asserts that messages come whole and in order. Nothing else may block for ever: the sender ends
 * when it has sent all, the receiver when it has received all, the machine may stop whenever it is
 * idle.
 *
 * A side makes a fence and loads the other side's request only while the other side's flags
 * (notify_flags) are not 0. A side that is about to make its first request sets its flags. Its
 * sleeps are then short until a time has elapsed in which what was in the other side's store buffer
 * becomes visible. A short sleep ends with that time, and so does a missed notification. All other
 * sleeps are long, and a notification that is missed then is an invalid end state, as above.
 *
 * run.sh lists the configurations and what is expected of each. A switch of the first kind changes
 * the world. One of the second kind makes a mistake on purpose, and the model must find it:
 *
 *   BUFFER=n     stores wait in a buffer of n on each side (TSO); without it they are seen at once
 *   LAZY=n       the receiver publishes its read index when it has released more than n
 *   STRAYS=n     up to n doorbells for something else: another channel, the server page
 *   COUNTS=n     the count of requests is modulo n
 *   TIMER        the bounded sleep: when nothing else can happen any more, sleepers wake
 *   KILL_SENDER, KILL_RECEIVER   a side is killed at any step, or at none, and comes back
 *   NO_OPEN_NOTIFY   a new incarnation does not notify for what the last one may have stored
 *                    without a notification
 *
 *   LONG_AT_ONCE no sleep is short
 *   TIME_LATE    sleep_once() decides behind its check whether the time has elapsed
 *   FLAGS_FIRST  = SENDER or RECEIVER: loads the other side's flags before it stores
 *   FLAGS_STAY_CLEAR   a new incarnation clears its flags, and does not set them again
 *   NO_FENCE_CONTROL, NO_FENCE_READ   store and load the request, without the fence
 *   NO_FENCE_MESSAGE_REQUEST, NO_FENCE_SPACE_REQUEST   store a request and check, without the fence
 *   NO_FENCE     none of the four
 *   NO_CHECK, CHECK_FIRST, LATE_SEEN   = SENDER or RECEIVER; see sleep_once() below
 *   NO_PUBLISH   the receiver sleeps without publishing its read index
 *   SAME_COUNT   request_make() does not advance the count
 *   LOST_COUNT   a new incarnation starts its count of requests at 0
 *   CONTROL_FIRST   the sender stores a descriptor's control word before its body
 */
#ifndef DESCS
#define DESCS 2
#endif
#ifndef MESSAGES
#define MESSAGES 3
#endif
#ifdef NO_FENCE
#define NO_FENCE_CONTROL
#define NO_FENCE_READ
#define NO_FENCE_MESSAGE_REQUEST
#define NO_FENCE_SPACE_REQUEST
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
#ifndef FLAGS_FIRST
#define FLAGS_FIRST 0
#endif

#define SENDER 1
#define RECEIVER 2

/* --- The shared memory --------------------------------------------------------------------- */

/* wire.h: the words in which the two sides meet, each with one writer. A notification is the write
 * of a word, too: of a register, behind all earlier stores of its side. */
#define CONTROL(index) ((index) % DESCS)
#define BODY(index) (DESCS + (index) % DESCS)
#define SPACE_REQUEST (2 * DESCS)
#define READ (2 * DESCS + 1)
#define MESSAGE_REQUEST (2 * DESCS + 2)
#define DOORBELL(side) (2 * DESCS + 2 + (side))
#define FLAGS(side) (2 * DESCS + 4 + (side))
#define WORDS (2 * DESCS + 7)

byte word[WORDS];

/* descriptor.h, ring_wrap(): the mark of a valid descriptor. There are fewer than 256 of them. */
#define WRAP(index) ((index) / DESCS + 1)

/*
 * atomic.h. On x86, and in its store buffers, load32_acquire() and store32_release() are plain
 * loads and stores; fence_full() waits until all stores of its side are seen. A load would find
 * its own side's store in the buffer first (forwarding); load() asserts that there never is one,
 * since no side reads its own words while it lives.
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
 * doorbell.h, count() and sleep(): a platform compares its count of doorbells with the (seen) that
 * the sleeper took, and does nothing else with it. So one bit stands for count() != seen: taking
 * (seen) clears it, an interrupt sets it, and sleep() returns when it is set.
 */
bool notified[3];
#define seen_take(me) notified[me] = false
#define sleep(me, brief) (notified[me] || (brief && ELAPSED(me)))

hidden byte at;
hidden byte value;
byte strays = STRAYS;

/*
 * wait.c, STORE_NS: a time in which what is in a store buffer becomes visible. It begins when a
 * side's flags are seen, and has elapsed when the (old) stores are, which the other side's buffer
 * held then. Not later: a sleep that is short without need is a long one with a doorbell for
 * something else.
 */
#ifdef BUFFER
byte old[3];
#define drain(me, other) \
	buffer[me]?at,value -> \
	word[at] = value; \
	old[me] = (old[me] != 0 -> old[me] - 1 : 0); \
	old[other] = (at == FLAGS(me) && value != 0 -> len(buffer[other]) : old[other])
#define ELAPSED(me) (word[FLAGS(me)] != 0 && old[SENDER + RECEIVER - (me)] == 0)
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
	/* An interrupt comes. Of two doorbells before it, one is left: they are one word. */
	:: d_step {
		word[DOORBELL(SENDER)] != 0 ->
		word[DOORBELL(SENDER)] = 0;
		notified[SENDER] = true
	}
	:: d_step {
		word[DOORBELL(RECEIVER)] != 0 ->
		word[DOORBELL(RECEIVER)] = 0;
		notified[RECEIVER] = true
	}
	:: d_step { strays > 0 -> strays--; notified[SENDER] = true }
	:: d_step { strays > 0 -> strays--; notified[RECEIVER] = true }
	od
}

/* A side that has no more to do. */
bool over[3];

#ifdef TIMER
/*
 * wait.c, IVSH_POLL_NS: a time so long that everything else that can happen happens before it.
 * The number of its rounds shows that each of them helps: at most one for each message that a side
 * waits for, and one for each room.
 */
byte rounds;
active proctype timer()
{
end:
	do
	:: atomic {
		timeout && !(over[SENDER] && over[RECEIVER]) ->
		notified[SENDER] = true;
		notified[RECEIVER] = true;
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

/* What the dead side had stored is seen; the doorbells for it may be lost. */
inline restart(me)
{
	killed[me] = false;
	brief = false;
	got = 0;
	fence_full(me);
	if
	:: word[DOORBELL(me)] = 0
	:: skip
	fi
}

/* --- The flags ----------------------------------------------------------------------------- */

/* request.c, flags_set(): before the first request of an incarnation. */
inline flags_set(me, flags_are_set)
{
	if
	:: atomic { !flags_are_set -> store(me, FLAGS(me), 1); flags_are_set = true }
	:: else
	fi
}

/* ivsh_sender_open() or ivsh_receiver_open() of a new incarnation. The first one finds a 0. */
inline flags_open(me, flags_are_set)
{
	if
	:: atomic {
		word[FLAGS(me)] != 0 ->
		store(me, FLAGS(me), 0);
#ifndef FLAGS_STAY_CLEAR
		flags_are_set = false
#endif
	}
	:: else
	fi
}

/* fastpath.h, sender_accepted(); receiver.c, ivsh_receiver_publish(): behind the store, without a
 * fence. */
#define flags_check(me, other, then) \
	if \
	:: FLAGGED(me, other) -> then \
	:: else \
	fi
#if FLAGS_FIRST != 0
#define FLAGGED(me, other) (FLAGS_FIRST == me -> early : word[FLAGS(other)] != 0)
#define mistake_before_store(me, other) early = (word[FLAGS(other)] != 0);
#else
#define FLAGGED(me, other) (word[FLAGS(other)] != 0)
#define mistake_before_store(me, other)
#endif

/* --- Requests ------------------------------------------------------------------------------ */

/* wire.h, IVSH_WIRE_REQUEST_*: bit 0 is the vector plus 1, of one vector; then the count. */
#define REQUEST_VECTOR 1
#define REQUEST_COUNT(request) ((request) >> 1)

/* request.c, request_make(). */
inline request_make(me, where, request)
{
#ifdef SAME_COUNT
	request = REQUEST_VECTOR;
#else
	/* The count never comes round, but for a small COUNTS. */
	assert(COUNTS < 64 || REQUEST_COUNT(request) < COUNTS - 1);
	request = ((REQUEST_COUNT(request) + 1) % COUNTS) << 1 | REQUEST_VECTOR;
#endif
	store(me, where, request)
}

/* request.c, request_end(): the count stays. */
inline request_end(me, where, request)
{
	request = request & ~REQUEST_VECTOR;
	store(me, where, request)
}

/* ivsh_sender_open() or ivsh_receiver_open() of a new incarnation: it withdraws the request and
 * keeps the count. */
inline request_open(me, where, request)
{
#ifdef LOST_COUNT
	request = 0;
#else
	load(me, where, request);
	request = request & ~REQUEST_VECTOR;
#endif
	store(me, where, request)
}

/*
 * ring.c, ivsh_ring_notify(): one request, one notification. The request that was answered last
 * stands in (answered), which is private and dies with its side. Each step touches one shared word,
 * and is atomic.
 */
inline request_answer(me, other, where, got, answered)
{
	atomic {
		load(me, where, got);
		got = ((got & REQUEST_VECTOR) != 0 && got != answered -> got : 0)
	};
	if
	:: atomic { got != 0 -> answered = got; got = 0; store(me, DOORBELL(other), 1) }
	:: else
	fi
}

/* What the mistakes leave out, or do too early or too late. */
#ifdef NO_FENCE_MESSAGE_REQUEST
#define fence_message_request() skip
#else
#define fence_message_request() fence_full(RECEIVER)
#endif
#ifdef NO_FENCE_SPACE_REQUEST
#define fence_space_request() skip
#else
#define fence_space_request() fence_full(SENDER)
#endif
#ifdef CHECK_FIRST
#define mistake_before_request(me, check) if :: me == CHECK_FIRST -> check :: else fi;
#define NO_CHECK CHECK_FIRST
#else
#define mistake_before_request(me, check)
#endif
#ifndef NO_CHECK
#define NO_CHECK 0
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
 * wait.c, sleep_once(), for both sides: take (seen), make the request, fence, check, sleep, check,
 * withdraw the request. (check) sets (ready).
 */
#define sleep_once(me, where, request, fence, check, ready) \
	seen_take(me); \
	mistake_before_request(me, check) \
	flags_set(me, flags_are_set); \
	atomic { request_make(me, where, request) }; \
	fence; \
	atomic { brief_early(me) if :: NO_CHECK != me -> check :: else fi }; \
	mistake_before_sleep(me) \
	brief_late(me) \
	if \
	:: !ready -> sleep(me, brief); atomic { brief = false; check } \
	:: else -> brief = false \
	fi; \
	atomic { request_end(me, where, request) }

/* --- The sender ---------------------------------------------------------------------------- */

/* notify.c, ivsh_sender_notify(). */
inline message_notify()
{
#ifndef NO_FENCE_CONTROL
	/* The control word's store, this fence, the load of the receiver's notify_request. */
	fence_full(SENDER);
#endif
	request_answer(SENDER, RECEIVER, MESSAGE_REQUEST, got, answered)
}

/* sender.h, sender_store(), and fastpath.h, sender_accepted(): body, then control word, then the
 * notification if the receiver's flags are set. */
inline publish()
{
	mistake_before_store(SENDER, RECEIVER)
#ifdef CONTROL_FIRST
	store(SENDER, CONTROL(head), WRAP(head));
	store(SENDER, BODY(head), head + 1);
#else
	store(SENDER, BODY(head), head + 1);
	store(SENDER, CONTROL(head), WRAP(head));
#endif
	head++;
	flags_check(SENDER, RECEIVER, message_notify())
}

/* sender.c, ivsh_sender_is_ready() and ivsh_sender_reserve(): room_find(). */
#define ROOM (head - read < DESCS)
#define check_space() load(SENDER, READ, read); assert(read <= head)

/* sender.c, ivsh_sender_open(): the ring's end is the first descriptor without its wrap counter. */
inline sender_open()
{
	answered = 0;
	load(SENDER, READ, read);
	head = read;
	do
	:: head - read < DESCS ->
		load(SENDER, CONTROL(head), got);
		if
		:: got == WRAP(head) -> head++
		:: else -> break
		fi
	:: else -> break
	od;
	got = 0;
	request_open(SENDER, SPACE_REQUEST, request);
	flags_open(SENDER, flags_are_set);
#ifndef NO_OPEN_NOTIFY
	if
	:: head != read -> message_notify()
	:: else
	fi
#endif
}

active proctype sender()
{
	byte head, read, answered, request, got;
	bool flags_are_set, brief, early;

incarnation:
	{
		sender_open();
		do
		:: head == MESSAGES -> goto done
		:: head < MESSAGES && ROOM -> publish()
		:: head < MESSAGES && !ROOM ->
			atomic { check_space() };
			/* ivsh_region_wait(): until there is something to do. */
			do
			:: ROOM -> break
			:: else ->
				sleep_once(SENDER, SPACE_REQUEST, request, fence_space_request(),
				    check_space(), ROOM)
			od
		od
	} unless { killed[SENDER] };
	restart(SENDER);
	goto incarnation;
done:
	over[SENDER] = true
}

/* --- The receiver -------------------------------------------------------------------------- */

/* notify.c, ivsh_receiver_notify(). */
inline space_notify()
{
#ifndef NO_FENCE_READ
	/* The read index's store, this fence, the load of the sender's notify_request. */
	fence_full(RECEIVER);
#endif
	request_answer(RECEIVER, SENDER, SPACE_REQUEST, got, answered)
}

/* receiver.c, ivsh_receiver_publish(). */
inline read_publish()
{
	if
	:: read != published ->
		mistake_before_store(RECEIVER, SENDER)
		atomic { store(RECEIVER, READ, read); published = read };
		flags_check(RECEIVER, SENDER, space_notify())
	:: else
	fi
}

/* receiver.c, ivsh_receiver_is_ready(), and the beginning of message_find(). */
#define check_message() load(RECEIVER, CONTROL(read), got); ready = (got == WRAP(read)); got = 0

/* inplace.c, ivsh_chan_peek() of a message that is there, and ivsh_chan_release(). */
inline take()
{
	atomic {
		load(RECEIVER, BODY(read), got);
		assert(got == read + 1);
		ready = false;
		read++
	};
	atomic {
		load(RECEIVER, SPACE_REQUEST, got);
		got = got & REQUEST_VECTOR
	};
	if
	:: got != 0 -> got = 0; read_publish()
	:: else
	fi
}

/* receiver.c, ivsh_receiver_open(); before it ivsh_attach_discard(), if it discards the backlog. */
inline receiver_open()
{
	answered = 0;
	ready = false;
	load(RECEIVER, READ, read);
	published = read;
#ifdef KILL_RECEIVER
	if
	:: may_discard ->
		do
		:: read - published < DESCS ->
			atomic { check_message() };
			if
			:: ready -> read++
			:: else -> break
			fi
		:: else -> break
		od;
		ready = false;
		if
		:: atomic { read != published -> store(RECEIVER, READ, read); published = read };
			space_notify()
		:: else
		fi;
		answered = 0
	:: skip
	fi;
#endif
	request_open(RECEIVER, MESSAGE_REQUEST, request);
	flags_open(RECEIVER, flags_are_set);
#ifndef NO_OPEN_NOTIFY
	space_notify()
#endif
}

active proctype receiver()
{
	byte read, published, answered, request, got;
	bool ready, may_discard, flags_are_set, brief, early;

incarnation:
	{
		receiver_open();
		do
		:: read == MESSAGES -> goto done
		/* receiver.c, ivsh_receiver_refill(). */
		:: read < MESSAGES && read - published > LAZY -> read_publish()
		:: read < MESSAGES && read - published <= LAZY ->
			atomic { check_message() };
			if
			:: ready -> take()
			:: else ->
#ifndef NO_PUBLISH
				/* message_find() in an empty ring; a wait, SPEC R8.5. */
				read_publish();
#endif
				do
				:: ready -> break
				:: else ->
					sleep_once(RECEIVER, MESSAGE_REQUEST, request,
					    fence_message_request(), check_message(), ready)
				od
			fi
		od
	} unless { killed[RECEIVER] };
	restart(RECEIVER);
	may_discard = true;
	goto incarnation;
done:
	over[RECEIVER] = true
}
