/* SPDX-License-Identifier: MIT */
/*
 * moved.pml - one ring, and a machine that is migrated or restored from a snapshot. SPEC.md R5.11.
 *
 * Theory of operation: numbered messages go from a sender to a receiver. One of the two, (MOVES),
 * is a machine: its private memory can be restored, or carried to another memory. The other is its
 * peer, which goes on. A descriptor and a payload are in two pages: DESCS descriptors, AREA
 * payloads. Each side acts between any two accesses of the other, and the move comes between any
 * two accesses, too. (num) is what only the model sees: the number of the message that a descriptor
 * was stored for. A receiver asserts that the payload that it takes has this number.
 *
 * A message is due on a side from its acceptance until it is delivered or that side has counted a
 * loss. What a restored receiver had taken since the snapshot is due again. What a restored sender
 * had sent since is not: in the new time line nobody sent it. At the end, when nobody has anything
 * left to do, the model asserts that nothing is due, and that all messages were sent.
 *
 * The moves:
 *
 *   (none)        the machine and the memory are restored from a snapshot; the peer goes on
 *   TORN          the same; while the snapshot is taken the peer goes on, and the page of payloads
 *                 is copied first
 *   MIGRATE       the machine goes on with a copy of the memory. Of the peer's stores each page has
 *                 the newest, or those of an earlier time. Later a new incarnation of the peer
 *                 attaches, behind the machine's first call
 *   LEAVES        the same; the peer has detached before any page is copied
 *   LEAVES_LATE   the same; the peer detaches before the machine moves
 *   TWINS         1: a copy of the machine goes on beside it; 2: two are restored from a snapshot,
 *                 one after the other, on one memory
 *
 * SEEN says when the machine sees another VM generation: AT_ONCE with its first instruction, LATE
 * some time later, NEVER. The peer compares its heartbeat with the one in memory when it finds no
 * message, and now and then. (behind) is the result: true if it has made a call since its slot's
 * page was copied.
 *
 * run.sh lists the configurations. What is not promised, and is a configuration to show it:
 *
 *   MID_COPY      the memory is restored while the peer copies a payload out
 *   QUIET_GUESS   a machine finds its peer absent, and has not seen that before the move
 *   PAUSE         a twin is stopped between its check and its stores. R5.6.
 *   EARLY         the peer's new incarnation attaches before the machine's first call
 *   NO_CLEAR      a renewal leaves the descriptors as they stand, and pages have different times
 *
 * The mistakes on purpose:
 *
 *   CHECK_FIRST   the receiver compares the VM generation before it copies the payload, not behind
 *   CHECK_LATE    the sender compares behind the store of the payload, not before
 *   NO_CHECK      nobody compares the VM generation
 *   NO_HEARTBEAT  the peer does not compare its heartbeat
 *   HIDES         a store of the heartbeat that is under way hides the difference
 *   NO_WORDS      the peer does not compare its own words in the ring
 *   COUNTS        a renewal's generation and reset request are the next numbers
 *   NO_QUIET      a renewal begins the rings of an absent peer anew, too
 *   QUIET_FULL    a renewal leaves messages of an absent peer in the ring
 *   QUIET_STALE   a renewal does not compare an absent peer's read index
 *   NO_OWNER      a renewal does not check that the slot is still its own
 */
#define SENDER 1
#define RECEIVER 2
#define AT_ONCE 1
#define LATE 2
#define NEVER 3
#ifndef MOVES
#define MOVES SENDER
#endif
#ifndef SEEN
#define SEEN AT_ONCE
#endif
#ifndef DESCS
#define DESCS 2
#endif
#ifndef AREA
#define AREA DESCS
#endif
#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef TWINS
#define TWINS 0
#endif
#if defined(LEAVES) || defined(LEAVES_LATE)
#define MIGRATE
#define GOES
#endif
#define WRAP(index) ((index) / DESCS + 1)
#define SENDER_MOVES (MOVES == SENDER)

/* The memory: the lines and descriptors, the payloads, the slots. */
typedef ring {
	byte generation, reset_ack, start;
	byte request, generation_ack, read;
	byte control[DESCS], num[DESCS]
}
typedef slots {
	byte nonce[3];
	bool attached /* the peer's state */
}
typedef payloads {
	byte id[AREA]
}
ring m, m_old;
slots slot, slot_old;
payloads p, p_old;

/* The private memory of each side. (step) is where it is in its code. Two, for twins. */
typedef sending {
	byte head, read, generation, reset_ack, start, nonce, seen, step, id, sent, other_ack;
	bool waiting, first
}
typedef receiving {
	byte read, published, request, generation_ack, nonce, seen, step, value, number;
	bool waiting, marked, absent /* has seen that its peer is, and has taken all that it sent */
}
sending s[2], s_old;
receiving r[2], r_old;

/* What no side sees. */
byte vm[2] = 1;                  /* the machines' VM generations */
byte vms = 1, nonces = 2;        /* drawn so far */
byte generations, requests, ids; /* the same */
bool late;                       /* a VM generation has changed and nobody has seen it yet */
bool behind;                     /* the peer's heartbeat in memory is behind its private one */
bool called;                     /* the peer has made a call since its slot's page was copied */
bool stopped;                    /* the machine is, while a snapshot is taken */
bool gone;                       /* the peer is */
bool renewed;                    /* the machine has made its first call after the move */
bool moved;
bool running[2];                 /* the twins */
bool informed[2];                    /* that its slot is another's */
short accepted, delivered, delivered_old;
short due_s, due_r, due_s_old, accepted_old; /* sets of messages */
byte losses;

#ifdef EARLY
#define BACK true
#else
#define BACK renewed
#endif
#if TWINS && !defined(PAUSE)
#define TWIN_STANDS(side) (side[1 - i].step < 1 || side[1 - i].step > 9)
#else
#define TWIN_STANDS(side) true
#endif
#define BIT(id) (1 << (id))
#define PEER_IS(side) (MOVES != (side))
#define RUNS(i, side) \
	(PEER_IS(side) -> !gone : running[i] && !stopped)
#ifdef NO_CHECK
#define VM_SAME(i, seen_vm) true
#else
#define VM_SAME(i, seen_vm) (vm[i] == (seen_vm))
#endif
#define S_MINE (slot.nonce[SENDER] == s[i].nonce && (PEER_IS(SENDER) || VM_SAME(i, s[i].seen)))
#define R_MINE (slot.nonce[RECEIVER] == r[i].nonce && (PEER_IS(RECEIVER) || VM_SAME(i, r[i].seen)))
#ifdef NO_HEARTBEAT
#define BEHIND(side) false
#else
#define BEHIND(side) (PEER_IS(side) && behind)
#endif
#ifdef NO_WORDS
#define DAMAGED(words) false
#else
#define DAMAGED(words) (words)
#endif

inline call(side)
{
	called = (PEER_IS(side) -> true : called);
}

/* The application knows that messages may be missing. */
inline lose_s() { due_s = 0; losses = 1 }
inline lose_r() { due_r = 0; losses = 1 }

/* Whether a renewal leaves this ring as it is. An absent peer cannot be ahead of it. */
#ifdef NO_QUIET
#define QUIET false
#else
#define QUIET (MOVES != 0 && !slot.attached && m.generation_ack == m.generation && \
	m.reset_ack == m.request)
#endif
#ifdef QUIET_STALE
#define S_QUIET (QUIET && !s[i].waiting)
#else
#define S_QUIET (QUIET && !s[i].waiting && m.read >= s[i].read && m.read <= s[i].head)
#endif
#ifdef QUIET_FULL
#define R_QUIET (QUIET && !r[i].waiting)
#else
#ifdef QUIET_GUESS
#define SEEN_ABSENT true
#else
#define SEEN_ABSENT r[i].absent
#endif
#define R_QUIET \
	(QUIET && !r[i].waiting && SEEN_ABSENT && m.control[r[i].read % DESCS] != WRAP(r[i].read))
#endif

/* --- The sender: the steps of one call each, named in the comments --------------------------- */

#define USED(wrap) (m.control[0] == (wrap) || m.control[1] == (wrap))
#define S_WORDS \
	(m.generation != s[i].generation || m.start != s[i].start || \
	    m.reset_ack != s[i].reset_ack || \
	    (!s[i].waiting && s[i].read != s[i].head && \
		m.control[s[i].read % DESCS] != WRAP(s[i].read)))
#define S_IN_RANGE (m.read >= s[i].read && m.read <= s[i].head)

/* reset.c, ivsh_sender_restart(), its first store. */
inline sender_restart()
{
	s[i].start = WRAP(s[i].head) + 1;
	do
	:: USED(s[i].start) -> s[i].start++
	:: else -> break
	od;
	s[i].start = (s[i].start - 1) * DESCS;
#ifdef COUNTS
	s[i].generation++;
	s[i].generation =
	    (s[i].generation == s[i].other_ack -> s[i].generation + 1 : s[i].generation);
#else
	generations++;
	s[i].generation = generations;
#endif
	s[i].waiting = true;
#ifndef NO_CLEAR
	m.control[0] = 0;
	m.control[1] = 0;
#endif
	m.start = s[i].start;
	s[i].reset_ack = m.request;
	s[i].step = 13
}

inline sender_open()
{
	gone = false;
	slot.attached = true;
	nonces++;
	s[i].nonce = nonces;
	slot.nonce[SENDER] = nonces;
	s[i].generation = m.generation; s[i].reset_ack = m.reset_ack; s[i].start = m.start;
	s[i].read = m.read; s[i].head = m.read; s[i].waiting = false; s[i].step = 0;
	behind = false;
	s[i].first = false;
	if
	:: m.request != m.reset_ack || m.generation_ack != m.generation ->
		lose_s();
		s[i].head = 0; s[i].read = 0;
		s[i].step = 15
	:: else ->
		do
		:: s[i].head - s[i].read < DESCS &&
		   m.control[s[i].head % DESCS] == WRAP(s[i].head) -> s[i].head++
		:: else -> break
		od;
		/* sender.c, ring_scan(): a valid one behind the end. */
		if
		:: s[i].head - s[i].read + 1 < DESCS &&
		   m.control[(s[i].head + 1) % DESCS] == WRAP(s[i].head + 1) ->
			s[i].step = 12
		:: else
		fi
	fi
}

proctype sender(byte i)
{
end:
	do
	/* send: the check; the payload; the control word. */
	:: atomic {
		RUNS(i, SENDER) && s[i].step == 0 && !s[i].waiting && s[i].sent < MESSAGES &&
		s[i].head - s[i].read < AREA && m.request == s[i].reset_ack ->
#ifdef CHECK_LATE
		s[i].step = 2;
#else
		s[i].step = (S_MINE -> 2 : 10);
#endif
		if
		:: s[i].step == 2 -> ids++; assert(ids < 15); s[i].id = ids
		:: else
		fi
	}
	:: atomic {
		RUNS(i, SENDER) && s[i].step == 2 ->
		p.id[s[i].head % AREA] = s[i].id;
#ifdef CHECK_LATE
		s[i].step = (S_MINE -> 3 : 10)
#else
		s[i].step = 3
#endif
	}
	:: atomic {
		RUNS(i, SENDER) && s[i].step == 3 ->
		m.control[s[i].head % DESCS] = WRAP(s[i].head);
		m.num[s[i].head % DESCS] = s[i].id;
		accepted = accepted | BIT(s[i].id);
		if
		/* What R5.6 leaves to one that has lost its slot. */
		:: slot.nonce[SENDER] != s[i].nonce
		:: else ->
			due_s = due_s | BIT(s[i].id);
			due_r = due_r | BIT(s[i].id)
		fi;
		s[i].head++;
		s[i].sent++;
		s[i].id = 0;
		s[i].step = 0;
		call(SENDER)
	}
	/* ivsh_sender_collect(). */
	:: atomic {
		RUNS(i, SENDER) && s[i].step == 0 && !s[i].waiting && m.read != s[i].read ->
		if
		:: !S_MINE || BEHIND(SENDER) -> s[i].step = 10
		:: else ->
			if
			:: S_IN_RANGE -> s[i].read = m.read; call(SENDER)
			:: else -> s[i].step = 12
			fi
		fi
	}
	/* ivsh_sender_follow(). */
	:: atomic {
		RUNS(i, SENDER) && s[i].step == 0 && m.request != s[i].reset_ack ->
		s[i].step = (S_MINE && !BEHIND(SENDER) -> 12 : 10);
		call(SENDER)
	}
	:: atomic {
		RUNS(i, SENDER) && s[i].step == 0 && s[i].waiting &&
		m.generation_ack == s[i].generation && m.request == s[i].reset_ack ->
		if
		:: !S_MINE -> s[i].step = 10
		:: S_MINE && m.read != s[i].start -> s[i].step = 12
		:: else ->
			s[i].waiting = false;
			s[i].head = s[i].start;
			s[i].read = s[i].start;
			if
			:: s[i].first -> s[i].first = false
			:: else -> lose_s()
			fi;
			call(SENDER)
		fi
	}
	/* ivsh_slot_tick(). */
	:: atomic {
		RUNS(i, SENDER) && s[i].step == 0 && (!S_MINE || BEHIND(SENDER)) ->
		s[i].step = 10
	}
	:: atomic {
		RUNS(i, SENDER) && s[i].step == 0 && S_MINE && !BEHIND(SENDER) &&
		DAMAGED(S_WORDS) ->
		s[i].step = 12;
		call(SENDER)
	}
	/* A renewal: whose slot is it; the nonce; the ring. */
	:: atomic {
		RUNS(i, SENDER) && s[i].step == 10 ->
		if
#ifndef NO_OWNER
		:: slot.nonce[SENDER] != s[i].nonce -> informed[i] = true; running[i] = false
#endif
		:: else ->
			s[i].step = 11
		fi
	}
	:: atomic {
		RUNS(i, SENDER) && s[i].step == 11 && TWIN_STANDS(s) ->
		nonces++;
		/* Else nobody ever has the slot for good. */
		assert(nonces < 12);
		s[i].nonce = nonces;
		slot.nonce[SENDER] = s[i].nonce;
		s[i].seen = vm[i];
		behind = (PEER_IS(SENDER) -> false : behind);
		s[i].step = (SENDER_MOVES && S_QUIET -> 0 : 12);
		renewed = renewed || (SENDER_MOVES && s[i].step == 0)
	}
	:: atomic {
		RUNS(i, SENDER) && (s[i].step == 12 || s[i].step == 15) ->
		s[i].first = (s[i].step == 15);
		s[i].other_ack = m.generation_ack;
		if
		:: slot.nonce[SENDER] != s[i].nonce -> s[i].step = 10
		:: else -> sender_restart()
		fi
	}
	:: atomic {
		RUNS(i, SENDER) && s[i].step == 13 ->
		m.generation = s[i].generation;
		s[i].step = 14
	}
	:: atomic {
		RUNS(i, SENDER) && s[i].step == 14 ->
		m.reset_ack = s[i].reset_ack;
		s[i].step = 0;
		renewed = renewed || (SENDER_MOVES && moved && S_MINE);
		call(SENDER)
	}
#ifdef MIGRATE
	:: atomic { PEER_IS(SENDER) && gone && moved && BACK -> sender_open() }
#endif
#ifdef GOES
	:: atomic {
		PEER_IS(SENDER) && !gone && !moved && s[i].step == 0 && !s[i].waiting ->
		slot.attached = false;
		gone = true
	}
#endif
	od
}

/* --- The receiver ---------------------------------------------------------------------------- */

#define R_VALID (!r[i].waiting && m.control[r[i].read % DESCS] == WRAP(r[i].read))
#define R_WORDS \
	(m.request != r[i].request || m.generation_ack != r[i].generation_ack || \
	    m.read != r[i].published)

inline receiver_open()
{
	gone = false;
	slot.attached = true;
	nonces++;
	r[i].nonce = nonces;
	slot.nonce[RECEIVER] = nonces;
	r[i].read = m.read; r[i].published = m.read; r[i].request = m.request;
	r[i].generation_ack = m.generation_ack; r[i].step = 0;
	r[i].value = 0; r[i].number = 0;
	r[i].waiting = (m.reset_ack != m.request);
	r[i].marked = true;
	behind = false
}

proctype receiver(byte i)
{
end:
	do
	/* receive: the control word; the payload; the check. */
	:: atomic {
		RUNS(i, RECEIVER) && r[i].step == 0 && R_VALID ->
		r[i].number = m.num[r[i].read % DESCS];
		r[i].step = 1
	}
	:: atomic {
		RUNS(i, RECEIVER) && r[i].step == 1 ->
#ifdef CHECK_FIRST
		if
		:: !R_MINE -> r[i].step = 10
		:: else -> r[i].step = 2
		fi
#else
		r[i].value = p.id[r[i].read % AREA];
		r[i].step = 2
#endif
	}
	:: atomic {
		RUNS(i, RECEIVER) && r[i].step == 2 ->
#ifdef CHECK_FIRST
		r[i].value = p.id[r[i].read % AREA];
		if
		:: true ->
#else
		if
		:: !R_MINE -> r[i].step = 10
		:: else ->
#endif
			assert(r[i].value == r[i].number);
#if !TWINS
			assert(!(delivered & BIT(r[i].number)) || r[i].marked);
#endif
			delivered = delivered | BIT(r[i].number);
			due_s = due_s & ~BIT(r[i].number);
			due_r = due_r & ~BIT(r[i].number);
			r[i].read++;
			r[i].step = 0;
			call(RECEIVER)
		fi;
		r[i].value = 0;
		r[i].number = 0
	}
	/* ivsh_receiver_publish(): it compares, and stores. */
	:: atomic {
		RUNS(i, RECEIVER) && r[i].step == 0 && !r[i].waiting &&
		r[i].read != r[i].published ->
		if
		:: !R_MINE -> r[i].step = 10
		:: R_MINE && DAMAGED(m.read != r[i].published) ->
			r[i].step = (BEHIND(RECEIVER) -> 10 : 12)
		:: else -> r[i].step = 6
		fi
	}
	:: atomic {
		RUNS(i, RECEIVER) && r[i].step == 6 ->
		m.read = r[i].read;
		r[i].published = r[i].read;
		r[i].step = 0;
		call(RECEIVER)
	}
	/* ivsh_receiver_follow(). The heartbeat is compared first. */
	:: atomic {
		RUNS(i, RECEIVER) && r[i].step == 0 &&
		((m.generation != r[i].generation_ack && !R_VALID) ||
		    (r[i].waiting && m.reset_ack == r[i].request)) ->
		if
		:: !R_MINE || BEHIND(RECEIVER) -> r[i].step = 10
		:: else ->
			r[i].waiting = (m.reset_ack != r[i].request);
			call(RECEIVER);
			r[i].step = 8
		fi
	}
	:: atomic {
		RUNS(i, RECEIVER) && r[i].step == 8 ->
		if
		:: m.generation == r[i].generation_ack -> r[i].step = 0
		:: else ->
			r[i].generation_ack = m.generation;
			r[i].read = m.start;
			r[i].published = r[i].read;
			r[i].marked = false;
			m.read = r[i].read;
			r[i].step = 9
		fi
	}
	:: atomic {
		RUNS(i, RECEIVER) && r[i].step == 9 ->
		m.generation_ack = r[i].generation_ack;
		lose_r();
		r[i].step = 0;
		call(RECEIVER)
	}
	/* ivsh_slot_tick(), and a receiver that finds no message. */
	:: atomic {
		RUNS(i, RECEIVER) && r[i].step == 0 && (!R_MINE || BEHIND(RECEIVER)) ->
		r[i].step = 10
	}
	:: atomic {
		RUNS(i, RECEIVER) && r[i].step == 0 && R_MINE && !BEHIND(RECEIVER) &&
		DAMAGED(R_WORDS) ->
		r[i].step = 12;
		call(RECEIVER)
	}
#ifdef GOES
	:: atomic {
		RUNS(i, RECEIVER) && r[i].step == 0 && R_MINE && !SENDER_MOVES && !moved &&
		!slot.attached && !r[i].waiting && !r[i].absent && r[i].read == r[i].published &&
		m.control[r[i].read % DESCS] != WRAP(r[i].read) ->
		r[i].absent = true
	}
#endif
	/* A renewal. */
	:: atomic {
		RUNS(i, RECEIVER) && r[i].step == 10 ->
		if
#ifndef NO_OWNER
		:: slot.nonce[RECEIVER] != r[i].nonce -> informed[i] = true; running[i] = false
#endif
		:: else -> r[i].step = 11
		fi
	}
	:: atomic {
		RUNS(i, RECEIVER) && r[i].step == 11 && TWIN_STANDS(r) ->
		nonces++;
		assert(nonces < 12);
		r[i].nonce = nonces;
		slot.nonce[RECEIVER] = r[i].nonce;
		r[i].seen = vm[i];
		behind = (PEER_IS(RECEIVER) -> false : behind);
		r[i].step = (!SENDER_MOVES && R_QUIET -> 0 : 12);
		renewed = renewed || (!SENDER_MOVES && r[i].step == 0)
	}
	:: atomic {
		RUNS(i, RECEIVER) && r[i].step == 12 ->
		if
		:: slot.nonce[RECEIVER] != r[i].nonce -> r[i].step = 10
		:: else ->
#ifdef COUNTS
			r[i].request++;
			r[i].request =
			    (r[i].request == m.reset_ack -> r[i].request + 1 : r[i].request);
#else
			requests++;
			r[i].request = requests;
#endif
			r[i].waiting = true;
			m.read = r[i].published;
			m.generation_ack = r[i].generation_ack;
			r[i].step = 13
		fi
	}
	:: atomic {
		RUNS(i, RECEIVER) && r[i].step == 13 ->
		m.request = r[i].request;
		r[i].step = 0;
		renewed = renewed || (!SENDER_MOVES && moved && R_MINE);
		call(RECEIVER)
	}
#ifdef MIGRATE
	:: atomic { PEER_IS(RECEIVER) && gone && moved && BACK -> receiver_open() }
#endif
#ifdef GOES
	:: atomic {
		PEER_IS(RECEIVER) && !gone && !moved && r[i].step == 0 && !r[i].waiting &&
		r[i].read == r[i].published ->
		slot.attached = false;
		gone = true
	}
#endif
	od
}

/* --- The move -------------------------------------------------------------------------------- */

inline ring_copy(to, from)
{
	to.generation = from.generation; to.reset_ack = from.reset_ack; to.start = from.start;
	to.request = from.request; to.generation_ack = from.generation_ack; to.read = from.read;
	to.control[0] = from.control[0]; to.control[1] = from.control[1];
	to.num[0] = from.num[0]; to.num[1] = from.num[1]
}

inline payload_copy(to, from)
{
	to.id[0] = from.id[0];
#if AREA > 1
	to.id[1] = from.id[1];
#endif
}

inline slot_copy(to, from)
{
	to.nonce[1] = from.nonce[1]; to.nonce[2] = from.nonce[2]; to.attached = from.attached
}

inline sending_copy(to, from)
{
	to.head = from.head; to.read = from.read; to.generation = from.generation;
	to.reset_ack = from.reset_ack; to.start = from.start; to.nonce = from.nonce;
	to.seen = from.seen; to.step = from.step; to.id = from.id; to.sent = from.sent;
	to.other_ack = from.other_ack; to.waiting = from.waiting; to.first = from.first
}

inline receiving_copy(to, from)
{
	to.read = from.read; to.published = from.published; to.request = from.request;
	to.generation_ack = from.generation_ack; to.nonce = from.nonce; to.seen = from.seen;
	to.step = from.step; to.value = from.value; to.number = from.number;
	to.waiting = from.waiting; to.marked = from.marked; to.absent = from.absent
}

/* Of a machine in a snapshot. */
inline machine_save()
{
	sending_copy(s_old, s[0]);
	receiving_copy(r_old, r[0]);
	delivered_old = delivered; accepted_old = accepted; due_s_old = due_s
}

inline memory_save()
{
	ring_copy(m_old, m);
	slot_copy(slot_old, slot);
	called = false
}

inline vm_change(i)
{
	vms++;
	if
	:: SEEN == AT_ONCE -> vm[i] = vms
	:: SEEN == LATE -> late = true
	:: else
	fi
}

/* The machine with number (i) is the one in the snapshot, and so is the memory. */
inline restore(i)
{
	ring_copy(m, m_old);
	slot_copy(slot, slot_old);
	payload_copy(p, p_old);
	if
	:: SENDER_MOVES ->
		sending_copy(s[i], s_old);
		due_s = due_s_old & ~delivered;
		due_r = due_r & accepted_old;
		/* It may be about to send this one, once more. */
		delivered = (s_old.id != 0 -> delivered & ~BIT(s_old.id) : delivered)
	:: else ->
		receiving_copy(r[i], r_old);
		due_s = due_s | (delivered & ~delivered_old);
		due_r = due_r | (delivered & ~delivered_old);
		delivered = delivered_old
	fi;
	behind = called;
#ifdef HIDES
	behind = false;
#endif
	running[i] = true;
	vm_change(i);
	moved = true
}

#ifdef MID_COPY
#define CAN_RESTORE true
#else
/* Nobody is in the middle of a copy. The machine itself may be. */
#define CAN_RESTORE (!S_COPIES && !R_COPIES)
#define S_COPIES ((PEER_IS(SENDER) || moved) && (s[0].step == 2 || s[0].step == 3))
#define R_COPIES ((PEER_IS(RECEIVER) || moved) && (r[0].step == 1 || r[0].step == 2))
#endif

/* Of what the peer stores each page has the newest, or what was copied first. */
inline migrate()
{
	if
	:: SENDER_MOVES ->
		if
		:: true -> m.read = m_old.read; m.generation_ack = m_old.generation_ack;
			m.request = m_old.request
		:: true
		fi
	:: else ->
		if
		:: true -> payload_copy(p, p_old)
		:: true
		fi;
		if
		:: true -> m.generation = m_old.generation; m.start = m_old.start;
			m.reset_ack = m_old.reset_ack;
			m.control[0] = m_old.control[0]; m.control[1] = m_old.control[1];
			m.num[0] = m_old.num[0]; m.num[1] = m_old.num[1]
		:: true
		fi
	fi;
	if
	:: true -> slot.attached = slot_old.attached
	:: true
	fi;
	gone = true;
	vm_change(0);
	moved = true
}

active proctype mover()
{
	running[0];
end:
#if TWINS == 1
	atomic {
		sending_copy(s[1], s[0]);
		receiving_copy(r[1], r[0]);
		running[1] = true;
		vm[1] = vm[0];
		vm_change(1);
		moved = true
	}
#else
#ifdef LEAVES
	/* The machine has taken what there was. */
	gone && (SENDER_MOVES || r[0].absent);
end_left:
#endif
	/* The first copy of each page. */
	atomic {
		payload_copy(p_old, p);
		memory_save();
#ifdef TORN
		stopped = true;
#endif
		machine_save()
	};
#ifdef TORN
	atomic { memory_save(); stopped = false };
#endif
#ifdef LEAVES_LATE
	gone;
#endif
#ifdef MIGRATE
	atomic { true -> migrate() };
#else
	atomic { CAN_RESTORE -> restore(0) };
#endif
#if TWINS == 2
	atomic { CAN_RESTORE -> restore(1) };
#endif
#endif
end_late:
	do
	:: atomic { late -> late = false; vm[0] = vms }
	od
}

#define ALL_SENT(i) (s[i].sent == MESSAGES && !s[i].waiting && s[i].step == 0)
active proctype monitor()
{
	timeout;
	if
	:: moved ->
		assert(due_s + due_r == 0);
#if TWINS
		/* One has the slot, and the other knows. */
		assert(running[0] + running[1] == 1 && informed[0] + informed[1] == 1);
		assert(SENDER_MOVES || ALL_SENT(0));
		assert(!SENDER_MOVES || !running[0] || ALL_SENT(0));
		assert(!SENDER_MOVES || !running[1] || ALL_SENT(1));
#else
		assert(ALL_SENT(0));
		assert(!r[0].waiting);
#endif
#ifdef LEAVES
		assert(losses == 0);
#endif
	:: else
	fi
}

init
{
	atomic {
		slot.nonce[SENDER] = 1; slot.nonce[RECEIVER] = 2; slot.attached = true;
		s[0].nonce = 1; r[0].nonce = 2;
		s[0].seen = 1; r[0].seen = 1;
		running[0] = true;
		run sender(0);
		run receiver(0);
#if TWINS
		if
		:: SENDER_MOVES -> run sender(1)
		:: else -> run receiver(1)
		fi
#endif
	}
}
