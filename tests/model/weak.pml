/* SPDX-License-Identifier: MIT */
/*
 * weak.pml - processors that take loads and stores out of order: Arm's and RISC-V's.
 *
 * Theory of operation: memory is one, as on both: a store that one processor can see all can see.
 * But a side makes the accesses of one call in any order that nothing forbids. So a call is a set
 * of accesses, each with the ones that must be over before it: those that come before a release,
 * an acquire or a fence, or that decide whether it is made. Between any two the other sides go on.
 * A store behind a load, or a store, is so much as a store buffer; a load before a load is one that
 * was taken early; and a store before a load is a load that came late.
 *
 * One of three parts: RING (default), messages in a ring, and a receiver that sleeps; RESET, one
 * reset by the receiver; OWNER, a receiver whose slot another one claims while it copies.
 * run.sh lists the configurations. The mistakes on purpose:
 *
 *   NO_RELEASE_CONTROL   the control word may come before the body
 *   NO_ACQUIRE_CONTROL   the body may be loaded before the control word
 *   NO_RELEASE_READ      the read index may come before the load of the body
 *   NO_FENCE_MESSAGE     the request may be loaded before the control word is stored
 *   NO_FENCE_REQUEST     the ring may be checked before the request is stored
 *   EARLY_CHECK          the nonce may be loaded before the body: no fence behind the copy
 *   NO_RELEASE_START, NO_RELEASE_GENERATION   the next store of a reset may come before it
 *   NO_ACQUIRE_ANSWER, NO_ACQUIRE_GENERATION  the next load of a reset may come before it
 *   NO_RELEASE_FOLLOWED, NO_ACQUIRE_FOLLOWED  generation_ack and read, on either side
 *   NO_RELEASE_FLAG      RESET may come before the request
 */
#ifndef DESCS
#define DESCS 2
#endif
#ifndef MESSAGES
#define MESSAGES 4
#endif
#define WRAP(index) ((index) / DESCS + 1)

/* An access of a call: number (k), not before all in (need), which are bits. */
#define BIT(k) (1 << (k))
#define ACCESS_IF(condition, k, need, what) \
	d_step { \
		(done & BIT(k)) == 0 && (done & (need)) == (need) && (condition) -> \
		what; \
		done = done | BIT(k) \
	}
#define ACCESS(k, need, what) ACCESS_IF(true, k, need, what)
#define CALL_ENDS(count) atomic { done == BIT(count) - 1 -> done = 0; break }

/* The shared words. */
byte control_word[DESCS], body_word[DESCS];
byte read_word;

#ifdef NO_RELEASE_CONTROL
#define BEFORE_CONTROL BIT(0)
#else
#define BEFORE_CONTROL (BIT(0) | BIT(1))
#endif
#ifdef NO_ACQUIRE_CONTROL
#define BEFORE_BODY 0
#else
#define BEFORE_BODY BIT(0)
#endif

#if !defined(RESET)

bool request, doorbell;

#ifdef NO_FENCE_MESSAGE
#define BEFORE_REQUESTED 0
#else
#define BEFORE_REQUESTED BIT(2)
#endif

/* The room is a condition: stores are never made before what decides whether they are made. */
active proctype sender()
{
	byte head, done;
	bool requested;

	do
	:: head < MESSAGES ->
		do
		:: ACCESS_IF(head - read_word < DESCS, 0, 0, skip)
		:: ACCESS(1, BIT(0), body_word[head % DESCS] = head + 1)
		:: ACCESS(2, BEFORE_CONTROL, control_word[head % DESCS] = WRAP(head))
		:: ACCESS(3, BIT(0) | BEFORE_REQUESTED, requested = request)
		:: ACCESS(4, BIT(3), doorbell = doorbell || requested)
		:: CALL_ENDS(5)
		od;
		head++
	:: head == MESSAGES -> break
	od
}

#ifdef NO_RELEASE_READ
#define BEFORE_READ BIT(0)
#else
#define BEFORE_READ (BIT(0) | BIT(1))
#endif
#ifdef NO_FENCE_REQUEST
#define BEFORE_CHECK 0
#else
#define BEFORE_CHECK BIT(0)
#endif
#endif

#if !defined(RESET) && !defined(OWNER)

active proctype receiver()
{
	byte read, value, control, done;

	do
	:: read < MESSAGES ->
		/* What was loaded behind a control word that is not valid counts for nothing. */
		do
		:: ACCESS(0, 0, control = control_word[read % DESCS])
		:: ACCESS(1, BEFORE_BODY, value = body_word[read % DESCS])
		:: atomic { (done & BIT(0)) != 0 && control != WRAP(read) -> done = 0; break }
		:: ACCESS_IF(control == WRAP(read), 2, BEFORE_READ, read_word = read + 1)
		:: atomic {
			done == BIT(3) - 1 && control == WRAP(read) ->
			assert(value == read + 1);
			read++;
			done = 0;
			break
		}
		od;
		if
		:: read < MESSAGES && control != WRAP(read) ->
			/* wait.c, sleep_once(). */
			doorbell = false;
			do
			:: ACCESS(0, 0, request = true)
			:: ACCESS(1, BEFORE_CHECK, control = control_word[read % DESCS])
			:: CALL_ENDS(2)
			od;
			if
			:: control != WRAP(read) -> doorbell
			:: else
			fi;
			request = false
		:: else
		fi;
		control = 0;
		value = 0
	:: read == MESSAGES -> break
	od
}
#endif

#ifdef OWNER
/*
 * The slot's first owner copies a message; then another one claims the slot, takes the message and
 * the next, and publishes that. SPEC R5.6.4.
 */
byte nonce = 1;
#ifdef EARLY_CHECK
#define BEFORE_NONCE BIT(0)
#else
#define BEFORE_NONCE (BIT(0) | BIT(1))
#endif

active proctype first_owner()
{
	byte value, control, found, done;

	do
	:: ACCESS(0, 0, control = control_word[0])
	:: ACCESS(1, BEFORE_BODY, value = body_word[0])
	:: ACCESS(2, BEFORE_NONCE, found = nonce)
	:: CALL_ENDS(3)
	od;
	assert(value == 1 || control != WRAP(0) || found != 1)
}

active proctype next_owner()
{
	byte read;

	/* A store with release comes behind all stores before it. */
	nonce = 2;
	do
	:: read < MESSAGES && control_word[read % DESCS] == WRAP(read) ->
		assert(body_word[read % DESCS] == read + 1);
		read++;
		read_word = read
	:: read == MESSAGES -> break
	od
}
#endif

#ifdef RESET
/* The generation begins at START. */
#define START (2 * DESCS)
byte start_word, generation_word, reset_ack_word, request_word, generation_ack_word;
bool flag_word;

#ifdef NO_RELEASE_START
#define BEFORE_GENERATION 0
#else
#define BEFORE_GENERATION BIT(0)
#endif
#ifdef NO_RELEASE_GENERATION
#define BEFORE_ANSWER 0
#else
#define BEFORE_ANSWER (BIT(0) | BIT(1))
#endif
#ifdef NO_ACQUIRE_FOLLOWED
#define BEFORE_SEEN_READ 0
#else
#define BEFORE_SEEN_READ BIT(0)
#endif

active proctype sender()
{
	byte request, ack, r_read, done;
	bool flag;

	/* sender_accepted(), and behind the fence of ivsh_sender_notify() the request. */
	do
	:: ACCESS(0, 0, flag = flag_word)
	:: ACCESS(1, BIT(0), request = request_word)
	:: atomic {
		done == 3 ->
		assert(!flag || request == 1);
		done = 0;
		if
		:: request == 1 -> break
		:: else
		fi
	}
	od;
	/* ivsh_sender_restart(). */
	do
	:: ACCESS(0, 0, start_word = START)
	:: ACCESS(1, BEFORE_GENERATION, generation_word = 1)
	:: ACCESS(2, BEFORE_ANSWER, reset_ack_word = request)
	:: CALL_ENDS(3)
	od;
	/* ivsh_sender_follow(). */
	do
	:: ACCESS(0, 0, ack = generation_ack_word)
	:: ACCESS(1, BEFORE_SEEN_READ, r_read = read_word)
	:: atomic {
		done == 3 ->
		done = 0;
		if
		:: ack == 1 -> break
		:: else
		fi
	}
	od;
	assert(r_read == START);
	do
	:: ACCESS(0, 0, skip)
	:: ACCESS(1, BIT(0), body_word[0] = 2)
	:: ACCESS(2, BEFORE_CONTROL, control_word[0] = WRAP(START))
	:: CALL_ENDS(3)
	od
}

#ifdef NO_RELEASE_FLAG
#define BEFORE_FLAG 0
#else
#define BEFORE_FLAG BIT(0)
#endif
#ifdef NO_ACQUIRE_ANSWER
#define BEFORE_SEEN_GENERATION 0
#else
#define BEFORE_SEEN_GENERATION BIT(0)
#endif
#ifdef NO_ACQUIRE_GENERATION
#define BEFORE_SEEN_START 0
#else
#define BEFORE_SEEN_START BIT(1)
#endif
#ifdef NO_RELEASE_FOLLOWED
#define BEFORE_FOLLOWED 0
#else
#define BEFORE_FOLLOWED BIT(0)
#endif

active proctype receiver()
{
	byte answered, begun, start, value, control, done;

	/* ivsh_receiver_restart(). */
	do
	:: ACCESS(0, 0, request_word = 1)
	:: ACCESS(1, BEFORE_FLAG, flag_word = true)
	:: CALL_ENDS(2)
	od;
	/* ivsh_receiver_follow(). */
	do
	:: ACCESS(0, 0, answered = reset_ack_word)
	:: ACCESS(1, BEFORE_SEEN_GENERATION, begun = generation_word)
	:: ACCESS(2, BEFORE_SEEN_START, start = start_word)
	:: atomic {
		done == 7 ->
		done = 0;
		assert(answered == 0 || begun == 1);
		assert(begun == 0 || start == START);
		if
		:: begun == 1 -> break
		:: else
		fi
	}
	od;
	do
	:: ACCESS(0, 0, read_word = start)
	:: ACCESS(1, BEFORE_FOLLOWED, generation_ack_word = begun)
	:: CALL_ENDS(2)
	od;
	do
	:: ACCESS(0, 0, control = control_word[0])
	:: ACCESS(1, BEFORE_BODY, value = body_word[0])
	:: atomic {
		done == 3 ->
		done = 0;
		if
		:: control == WRAP(START) -> break
		:: else
		fi
	}
	od;
	assert(value == 2)
}
#endif
