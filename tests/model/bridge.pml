/* SPDX-License-Identifier: MIT */
/*
 * bridge.pml - a pair of SPEC.md section 19: from a near ring over the bus to a far ring.
 *
 * Theory of operation: the near ring has MESSAGES numbered messages, NEAR_RING at a time. The near
 * bridge moves them, up to FRAME, into the frame that it keeps, publishes that, and notes it as
 * sent; message LARGE it publishes from the ring. The far bridge puts them one by one into the far
 * ring. Each bridge may be killed between any two of its steps, and goes on from what it kept and
 * what stands in the rings. Then the near one has another connection, and what the old one had
 * under way may come at any time later, or not at all: NATS orders what one connection publishes,
 * and not what two do, least of all over two servers of a cluster. The bus loses frames; the far
 * bridge loses, when it is killed, what its memory had. The near ring may break, and with it goes
 * what it has. The near bridge's file may be gone, or be an older one, when its machine loses its
 * power, and then the near ring's memory is gone, too.
 *
 * Of states only what they say is modelled, since another one comes each second: the far bridge
 * hears that of the near one where none of its connection's frames is before it, and the near
 * bridge what the far one says last.
 *
 * The receiver asserts that each message comes once, in order, and behind a report where one before
 * it is missing. When no more faults come, all are to be delivered or reported, and the near bridge
 * is to know it, so that its window is open: else the receiver waits for ever, an invalid end
 * state. No state comes twice in a run, so there is no other way to wait. What the far bridge may
 * have to keep is never more than the window, and a frame for each time that the near one was
 * killed.
 *
 * JETSTREAM: the near bridge publishes to a stream, until that has acknowledged the frame, and then
 * notes it. The stream has room for STREAM frames, takes one when it has, and has an id once, or
 * twice behind its window. The far bridge reads from the sequence that it kept, and purges what
 * is before it. A frame may be lost on its way to the stream, with a server that is killed, or
 * from it. No message is lost, but with a ring that breaks, or a file that is gone.
 *
 * MODES: a reload gives the near bridge the other mode, so many times, from either one on. It
 * begins anew then, over the connection that there is. The far bridge hears of that by a state:
 * what has come waits on, and the stream is read, or not. What that has comes late, or when the
 * mode is core again. A stream that brings nothing has nothing under way; with SILENT it may have,
 * which is a loss then. With CLUSTER what goes to the stream passes what goes to the far bridge.
 *
 * run.sh lists the configurations. The mistakes on purpose:
 *
 *   NOTE_FIRST     the near bridge notes a frame before it is acknowledged
 *   RELEASE_FIRST  it releases a message before it records it
 *   RECORD_FIRST   it records a message before it copies it
 *   REBUILD        it adds a message to the kept frame when it comes back
 *   PLAIN_ID       ... and an id, or an acknowledgement, does not say how many there are
 *   SAME_EPOCH     it goes on in the epoch when its file is gone
 *   NO_READ_CHECK  it then takes a ring that was read for a new one
 *   GOES_ON        it goes on in the epoch when its file is an older one
 *   ONE_MORE       ... or when it is older by one, since it takes that for published and not noted
 *   RENEWS_EARLY   it begins another epoch then before its kept frame is sent
 *   OWES_LATE      it records where a new generation begins before it records that it owes a loss
 *   NO_SKIP        a loss has the number that a large message may have been published with
 *   FORGETS_WINDOW it takes what was under way when it was killed for received
 *   SAYS_TAKEN     the far bridge's state says what was published, not what is in the region
 *   SAYS_PUT       ... only what was delivered, and not what it reported as lost
 *   NUMBER_LATE    the far bridge keeps a number behind the publish in the ring
 *   NO_END         ... and nothing of the ring's end
 *   NUMBER_FRAME   it keeps the number of a frame's last message with the first one
 *   SEQUENCE_FIRST ... or the frame's sequence
 *   SEQUENCE_STAYS it does not take the sequence back with the number
 *   READS_LAST     it reads again the last frame that it is done with
 *   NO_PLACE       it takes frames from the stream behind one that was lost on the way
 *   NO_AGAIN       it does not read again the last one, if that was lost on the way
 *   NO_TAIL        it does not compare a state's number
 *   REPORT_LATE    it keeps a number before it has reported what is missing before it
 *   NO_CORE        no state of mode JetStream says that its number is one of mode core
 *   STAYS_CORE     ... or each one does, from the first change on
 *   TELLS_ALL      the far bridge compares the number of any state
 *   FORGETS_STREAM it reads the stream only if a state of mode JetStream has come before
 *   CLEARS         it drops what waits when it begins to read the stream
 *   PURGES_READING it purges only while it reads
 *   NO_BASE        the near bridge goes on in mode core before the stream was read
 *   SHUT_FOR_NONE  ... or waits for a far bridge that knows no epoch, which says nothing of one
 */
#ifndef MESSAGES
#define MESSAGES 3
#endif
#ifndef WINDOW
#define WINDOW 2 /* messages */
#endif
#ifndef NEAR_RING
#define NEAR_RING 2
#endif
#ifndef FAR_RING
#define FAR_RING 1
#endif
#ifndef LARGE
#define LARGE 0
#endif
#ifndef NEAR_KILLS
#define NEAR_KILLS 1
#endif
#ifndef FAR_KILLS
#define FAR_KILLS 1
#endif
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef BREAKS
#define BREAKS 0
#endif
#ifndef WIPES
#define WIPES 0
#endif
#ifndef OUTAGES
#define OUTAGES 0
#endif
#ifndef STREAM
#define STREAM 2
#endif
#ifndef LATES
#define LATES 0
#endif
#ifndef FRAME
#define FRAME 2 /* or 1 */
#endif
#ifndef MODES
#define MODES 0
#endif
#define CONNECTIONS (NEAR_KILLS + WIPES + OUTAGES + 1)

/* JET: what is under way to the stream. */
#if MODES > 0
#define STREAMS
#define CORE
#define IS_KEPT is_kept
#define JET jet
#elif defined(JETSTREAM)
#define STREAMS
#define IS_KEPT true
#define JET bus
#else
#define CORE
#define IS_KEPT false
#endif

/* The near ring. Message n is at n - 1; those before (near_read) are released. */
byte tail, near_read;
byte generation = 1;

/* What the near bridge keeps: a record, of which one store says that it counts, and the frame. */
byte k_epoch = 1, k_number, k_count, k_at, k_generation;
bool k_owes, k_renews;
byte k_body[2];

/* Frames under way, by connection. */
mtype = { DATA, LOST, STATE };
chan bus[CONNECTIONS] = [WINDOW + FRAME + 1] of { mtype, byte, byte, byte, byte, byte };
byte connection;
#if MODES > 0
chan jet[CONNECTIONS] = [1] of { mtype, byte, byte, byte, byte, byte };
bool is_kept, is_reloaded;
bool k_core; /* its number is one of mode core */
bool takes;  /* the far bridge reads the stream */
bool is_of_stream; /* what it is at */
byte modes;
#endif

#if OUTAGES > 0
/* The disk has an older record, and frame. */
byte o_number, o_count, o_at, o_generation = 1;
bool o_owes, o_core;
byte o_body[2];
#endif

/* What the far bridge keeps, and what it says of it. */
byte f_epoch, f_number, f_head;
byte f_begun; /* LAST: with the last message of a frame */
#define LAST 2
byte said_epoch, said_number;

/* The far ring. RESTART: where it is started over. head: its end. */
#define RESTART 255
chan ring = [FAR_RING + 1] of { byte };
byte head;
bool is_waiting; /* the receiver has not come to that yet */

/* In a bridge's own memory. at: the next message to be peeked. */
byte at, base;
bool is_unnoted; /* one beyond k_number may be published */
bool is_shut;    /* what was published before is not answered for */
bool is_flight;  /* a large message, or a loss, is not acknowledged */
/* The frame that the far bridge is at. */
mtype kind;
byte epoch, number, count, first, second, done;
bool is_busy;

byte under_way; /* in all: nobody can see that */

/* Faults that are to come. */
byte near_kills, far_kills, wipes, outages, losses, breaks, lates;
bool is_near_killed, is_far_killed;
byte broken; /* what breaks, wipes and outages may have lost */

#ifdef STREAMS
#define SLOTS (MESSAGES + LATES + BREAKS + 2)
typedef entry { mtype kind; byte epoch, number, count, first, second };
entry stream[SLOTS];
byte last, purged, f_sequence, reading;
bool is_missed; /* a frame was lost on the way from the stream */
byte ack_epoch, ack_number, ack_count;
/* Behind which it reads. */
#ifdef READS_LAST
#define START (f_sequence > 0 -> f_sequence - 1 : 0)
#else
#define START f_sequence
#endif
#ifdef PLAIN_ID
#define IS_COUNT(a, b) true
#else
#define IS_COUNT(a, b) ((a) == (b))
#endif
#define IS_ACKNOWLEDGED(c) \
	(IS_KEPT && ack_epoch == k_epoch && ack_number == k_number + 1 && IS_COUNT(ack_count, c))
#endif

/* Not promised: frames, or states, of an epoch behind those of the next one. */
#ifdef EPOCHS_MEET
#define IS_ALONE true
#else
#define IS_ALONE (under_way == 0)
#endif

/* The near ring is another one, without what it had. */
inline ring_lose()
{
	generation++;
	near_read = tail;
	tail = (near_read + NEAR_RING < MESSAGES -> near_read + NEAR_RING : MESSAGES)
}

/* One that is killed is so at once. */
active proctype faults() provided (!is_near_killed && !is_far_killed)
{
	atomic {
		tail = NEAR_RING;
		do
		:: near_kills < NEAR_KILLS -> near_kills++
		:: break
		od;
		do
		:: far_kills < FAR_KILLS -> far_kills++
		:: break
		od;
		wipes = WIPES; outages = OUTAGES; losses = LOSSES; breaks = BREAKS; lates = LATES;
#if MODES > 0
		modes = MODES;
		if
		:: is_kept = true
		:: k_core = true
		fi
#endif
	};
end:
	do
	:: d_step { near_kills > 0 -> near_kills--; is_near_killed = true }
	:: d_step { far_kills > 0 -> far_kills--; is_far_killed = true }
#if MODES > 0
	:: d_step {
		modes > 0 -> modes--; is_kept = !is_kept; is_reloaded = true; is_near_killed = true
	}
#endif
#if WIPES > 0
	/* Not promised: what it sent and did not release in the ring comes again. */
	:: d_step {
		wipes > 0 && near_read >= k_at && IS_ALONE ->
		wipes--;
		broken++;
		k_number = 0; k_count = 0; k_at = 0; k_generation = 0; k_owes = false;
		k_body[0] = 0; k_body[1] = 0;
#ifndef SAME_EPOCH
		k_epoch++;
#endif
		is_near_killed = true
	}
#endif
#if OUTAGES > 0
	:: d_step {
		outages > 0 && IS_ALONE ->
		outages--;
		broken++;
		k_number = o_number; k_count = o_count; k_at = o_at; k_owes = o_owes;
		k_generation = o_generation;
#if MODES > 0
		k_core = o_core;
#endif
		k_body[0] = o_body[0]; k_body[1] = o_body[1];
		ring_lose();
		is_near_killed = true
	}
#endif
	od
}

/* near.c */

#ifndef STREAMS
/* What the far bridge may have to keep in its memory: not what it drops when it comes. */
inline held_one(e, n, some, done_before)
{
	if
	:: e == k_epoch && (e != f_epoch || n + some - 1 > f_number) ->
		held = held + some - (done_before)
	:: else
	fi
}

inline held_count()
{
	held_one(epoch, number, count, done);
	c = 0;
	do
	:: c < CONNECTIONS ->
		i = len(bus[c]);
		do
		:: i > 0 ->
			bus[c]?a_kind, a_epoch, a_number, a_count, a_first, a_second;
			held_one(a_epoch, a_number, a_count, 0);
			bus[c]!a_kind, a_epoch, a_number, a_count, a_first, a_second;
			i--
		:: else -> break
		od;
		c++
	:: else -> break
	od;
	c = 0;
	a_kind = 0; a_epoch = 0; a_number = 0; a_count = 0; a_first = 0; a_second = 0
}
#endif

inline send(kind, count, first, second)
{
	atomic {
		if
		::
#if MODES > 0
		   if
		   :: is_kept -> jet[connection]!kind, k_epoch, k_number + 1, count, first, second
		   :: else ->
			assert(nfull(bus[connection]));
			bus[connection]!kind, k_epoch, k_number + 1, count, first, second
		   fi;
#else
		   assert(nfull(bus[connection]));
		   bus[connection]!kind, k_epoch, k_number + 1, count, first, second;
#endif
		   under_way = under_way + count;
#ifdef SAYS_TAKEN
		   said_epoch = k_epoch;
		   said_number = k_number + count;
#endif
#ifndef STREAMS
		   held_count();
		   assert(held <= WINDOW + connection * FRAME);
		   held = 0
#endif
		:: losses > 0 -> losses--
		fi
	}
}

/* The far bridge has numbers that were never published. */
#if OUTAGES == 0 || defined(GOES_ON)
#define IS_OVERTAKEN false
#elif defined(ONE_MORE)
#define IS_OVERTAKEN \
	(said_epoch == k_epoch && said_number > k_number + (k_count > 0 -> k_count : 1))
#else
#define IS_OVERTAKEN \
	(said_epoch == k_epoch && said_number > k_number + (k_count > 0 -> k_count : is_unnoted))
#endif
#define RENEWS (IS_OVERTAKEN || k_renews)
#ifdef RENEWS_EARLY
#define IS_SENT true
#else
#define IS_SENT (k_count == 0)
#endif
#define COVERED (said_epoch == k_epoch -> said_number : 0)
/* A frame may be sent: it has room, or nothing is under way. */
#ifdef FORGETS_WINDOW
#define OUTSTANDING (k_number - (COVERED > base -> COVERED : base))
#define HAS_WINDOW(count) (OUTSTANDING + (count) <= WINDOW || OUTSTANDING == 0)
#else
#define OUTSTANDING (k_number - COVERED)
/* Another epoch is to be answered for, but by a far bridge that knows none. */
#ifdef SHUT_FOR_NONE
#define IS_HEARD (said_epoch == k_epoch)
#else
#define IS_HEARD (said_epoch == k_epoch || (said_epoch == 0 && k_number == 0))
#endif
#define HAS_WINDOW(count) \
	((!is_shut || IS_HEARD) && COVERED >= base && \
	(OUTSTANDING + (count) <= WINDOW || OUTSTANDING == 0))
#endif
#define IS_FREE(count) (!IS_ACKNOWLEDGED(count) && empty(JET[connection]))
#if MODES > 0
#define OPEN(count) (is_kept || HAS_WINDOW(count))
#define MAY_SEND(count) ((is_kept && IS_FREE(count)) || (!is_kept && HAS_WINDOW(count)))
/* What no life of this bridge has sent yet may be acknowledged to the last one. */
#define MAY_BEGIN(count) (MAY_SEND(count) || (is_kept && !is_flight && empty(JET[connection])))
#define note_now(what) \
	if \
	:: !is_kept -> what \
	:: else \
	fi
#elif defined(JETSTREAM)
#define OPEN(count) true
#define MAY_SEND(count) IS_FREE(count)
#define note_now(what)
#else
#define OPEN(count) HAS_WINDOW(count)
#define MAY_SEND(count) HAS_WINDOW(count)
#define note_now(what) what
#endif

#if MODES == 0
#define MAY_BEGIN(count) MAY_SEND(count)
#endif
#if OUTAGES > 0
#define IS_UNSURE (k_count == 0)
#else
#define IS_UNSURE false
#endif
#ifdef STREAMS
#define one_begin() d_step { is_flight = IS_KEPT; is_unnoted = IS_UNSURE }
#else
#define one_begin()
#endif

#define one_end() is_unnoted = false; is_flight = false

/* A number is the other side's now. */
#if MODES > 0 && defined(STAYS_CORE)
#define sent_by_mode() if :: !is_kept -> k_core = true :: else fi
#elif MODES > 0
#define sent_by_mode() k_core = !is_kept
#else
#define sent_by_mode() skip
#endif

/* The kept frame is sent; the loss that is owed; the large message. */
inline kept_note()
{
	d_step {
		k_number = k_number + k_count;
		k_count = 0; k_body[0] = 0; k_body[1] = 0;
		sent_by_mode();
		one_end()
	}
}
inline loss_note() { d_step { k_number++; k_owes = false; sent_by_mode(); one_end() } }
inline large_note() { d_step { k_number++; k_at = at + 1; at++; sent_by_mode(); one_end() } }

/* The ring has lost messages. A large one may have been published with the next number. */
inline owe()
{
	d_step {
		k_generation = generation;
		k_at = near_read;
		at = near_read;
		one_end();
#ifndef OWES_LATE
		k_owes = true;
#endif
#if OUTAGES > 0 && defined(STREAMS) && !defined(GOES_ON)
		k_renews = k_renews || IS_KEPT;
#endif
#ifndef NO_SKIP
		if
		:: k_count == 0 ->
			k_number++;
#if MODES > 0
			k_core = false
#endif
		:: else
		fi
#endif
	};
#ifdef OWES_LATE
	k_owes = true
#endif
}

inline near_release()
{
	d_step {
		near_read = at;
		tail = (near_read + NEAR_RING < MESSAGES -> near_read + NEAR_RING : MESSAGES)
	}
}

inline take()
{
#ifdef RELEASE_FIRST
	at++;
	near_release();
	at--;
#endif
#ifdef RECORD_FIRST
	d_step { k_count++; k_at = at + 1; at++ };
	k_body[k_count - 1] = at;
#else
	k_body[k_count] = at + 1;
	d_step { k_count++; k_at = at + 1; at++ };
#endif
}

#define HAS_NEXT (at >= k_at && at < tail)
#define IS_SMALL (at + 1 != LARGE)

/* It breaks, and starts over. */
inline ring_break()
{
	d_step {
		breaks--;
		broken++;
		ring_lose();
		at = near_read
	}
}

active proctype near() provided (!is_far_killed)
{
#ifndef STREAMS
	mtype a_kind;
	byte a_epoch, a_number, a_count, a_first, a_second, held, i, c;
#endif

life:
	{
		if
#if BREAKS > 0
		:: breaks > 0 && tail > near_read -> ring_break()
#endif
		:: skip
		fi;
		d_step { is_unnoted = IS_UNSURE };
		/* near_attach(). The ring's index may be late, and the record says more. */
		if
		:: k_generation == 0 ->
			d_step {
				k_generation = generation;
				k_at = near_read;
				at = near_read;
#ifndef NO_READ_CHECK
				k_owes = (near_read != 0)
#endif
			}
		:: k_generation != 0 && k_generation != generation -> owe()
		:: k_generation == generation -> at = (k_at > near_read -> k_at : near_read)
		fi;
#ifdef REBUILD
		if
		:: HAS_NEXT && IS_SMALL && k_count == 1 -> take()
		:: skip
		fi;
#endif
#ifndef NO_BASE
		base = k_number;
#if MODES > 0
		is_shut = (!is_kept && k_number == 0 && !k_core);
#endif
#endif
end:
		do
		:: at > near_read -> near_release()
#if OUTAGES > 0
		/* The disk is written some time. */
		:: outages > 0 && o_number != k_number -> d_step {
			o_number = k_number; o_count = k_count; o_at = k_at; o_owes = k_owes;
			o_generation = k_generation;
#if MODES > 0
			o_core = k_core;
#endif
			o_body[0] = k_body[0]; o_body[1] = k_body[1]
		   }
#endif
#if OUTAGES > 0
		/* epoch_renew(): what it publishes would be dropped. */
		:: RENEWS && IS_SENT && !is_flight -> d_step {
			k_epoch++;
			k_number = 0;
			k_renews = false;
			base = 0;
			is_shut = !IS_KEPT
		   }
#endif
		/* gather() */
		:: HAS_NEXT && IS_SMALL && k_count == 0 && !k_owes && !RENEWS && OPEN(1) ->
			take();
			if
			:: FRAME == 2 && HAS_NEXT && IS_SMALL && OPEN(2) -> take()
			:: true
			fi
#if defined(JETSTREAM) && defined(NOTE_FIRST)
		:: k_count > 0 && empty(bus[connection]) ->
			send(DATA, k_count, k_body[0], k_body[1]);
			kept_note()
#else
		:: k_count > 0 && MAY_SEND(k_count) ->
			send(DATA, k_count, k_body[0], k_body[1]);
			note_now(kept_note())
#endif
		:: k_count == 0 && k_owes && (is_flight || !RENEWS) && MAY_BEGIN(1) ->
			one_begin();
			send(LOST, 1, 0, 0);
			note_now(loss_note())
		:: k_count == 0 && !k_owes && (is_flight || !RENEWS) && HAS_NEXT && !IS_SMALL &&
		   MAY_BEGIN(1) ->
			one_begin();
			send(DATA, 1, at + 1, 0);
			note_now(large_note())
#ifdef STREAMS
		:: k_count > 0 && IS_ACKNOWLEDGED(k_count) -> kept_note()
		:: k_count == 0 && k_owes && is_flight && IS_ACKNOWLEDGED(1) -> loss_note()
		:: k_count == 0 && !k_owes && is_flight && HAS_NEXT && !IS_SMALL &&
		   IS_ACKNOWLEDGED(1) ->
			large_note()
#endif
#if BREAKS > 0
		:: breaks > 0 && at == k_at && tail > at -> ring_break(); owe()
#endif
		od
	} unless { is_near_killed };
	d_step {
		is_near_killed = false;
#if MODES > 0
		if
		:: is_reloaded -> is_reloaded = false
		:: else -> connection++
		fi;
#else
		connection++;
#endif
#ifdef STREAMS
		ack_epoch = 0; ack_number = 0; ack_count = 0;
#endif
		at = 0; base = 0; is_shut = false; one_end()
	};
	goto life
}

/* far.c */

/* A number was kept, and not published in the ring. */
#define IS_BEGUN (f_begun && f_head == head)

inline say() { said_epoch = f_epoch; said_number = f_number }

inline far_clear()
{
	is_busy = false;
	under_way = under_way - (count - done);
#if MODES > 0
	is_of_stream = false;
#endif
	kind = 0; epoch = 0; number = 0; count = 0; first = 0; second = 0; done = 0
}

#define BEFORE (number - (kind != STATE))
#define IS_OTHER (f_epoch != epoch)
#define IS_GAP \
	((IS_OTHER && (f_epoch != 0 || BEFORE != 0)) || (!IS_OTHER && f_number < BEFORE))

#if MODES > 0
#define sequence_keep() if :: is_of_stream -> f_sequence = reading :: else fi
#elif defined(JETSTREAM)
#define sequence_keep() f_sequence = reading
#else
#define sequence_keep() skip
#endif

/* Past what is over, up to the next step that another one can see. */
inline advance()
{
	do
	:: done < count && !IS_OTHER && number + done <= f_number -> done++; under_way--
	:: else -> break
	od;
	if
	:: done == count && !IS_OTHER && !IS_GAP ->
		sequence_keep();
		far_clear()
	:: else
	fi
}

inline number_set(n)
{
	d_step {
		f_number = n;
		f_epoch = epoch;
		f_begun = 0;
#ifndef SAYS_PUT
		say();
#endif
		advance()
	}
}

/* The ring is started over, once until the receiver has come to it. */
inline report()
{
	atomic {
#if defined(JETSTREAM) || NEAR_KILLS + FAR_KILLS + LOSSES == 0
		assert(broken > 0);
#endif
		if
		:: !is_waiting -> is_waiting = true; head++; ring!RESTART
		:: else
		fi
	}
}

inline gap_close()
{
#ifdef REPORT_LATE
	d_step { f_epoch = epoch; f_number = BEFORE; say() };
	report();
	d_step { advance() }
#else
	report();
	number_set(BEFORE)
#endif
}

inline put_publish()
{
	ring!(done == 0 -> first : second);
	head++
}

inline put()
{
#ifdef NUMBER_LATE
	d_step { put_publish() };
	d_step { f_number = number + done; say(); advance() }
#else
	d_step {
#ifdef NUMBER_FRAME
		f_number = number + count - 1;
#else
		f_number = number + done;
#endif
#if MODES > 0
#define IS_OF_STREAM is_of_stream
#else
#define IS_OF_STREAM true
#endif
#ifdef STREAMS
		if
#ifdef SEQUENCE_FIRST
		:: IS_OF_STREAM -> f_sequence = reading
#else
		:: IS_OF_STREAM && done == count - 1 -> f_sequence = reading
#endif
		:: else
		fi;
#endif
		f_begun = (IS_OF_STREAM && done == count - 1 -> LAST : 1);
		f_head = head
	};
	d_step { put_publish(); say(); advance() }
#endif
}

/* A state says of the messages something that is not known. */
#define SAYS_MORE \
	((k_epoch != f_epoch && k_number + f_epoch > 0) || \
	(k_epoch == f_epoch && k_number > f_number))

/* The stream has messages that did not come yet, as a state says. */
#ifdef FORGETS_STREAM
#define IS_BEHIND (takes && SAYS_MORE)
#else
#define IS_BEHIND \
	(SAYS_MORE && (!k_core || (k_epoch != f_epoch && takes)))
#endif
#if CONNECTIONS > 2
#define IS_QUIET (empty(JET[0]) && empty(JET[1]) && empty(JET[2]))
#elif CONNECTIONS > 1
#define IS_QUIET (empty(JET[0]) && empty(JET[1]))
#else
#define IS_QUIET empty(JET[0])
#endif
#ifdef SILENT
#define IS_SILENT !is_busy
#else
#define IS_SILENT (!is_busy && IS_QUIET && reading == last && !is_missed)
#endif

/* Whether its number is compared: of what the stream brings it says nothing. */
#if MODES == 0 || defined(TELLS_ALL)
#define IS_TELLING true
#elif defined(NO_CORE)
#define IS_TELLING (!is_kept && !IS_BEHIND)
#else
#define IS_TELLING \
	((is_kept && takes && k_core && (k_epoch == f_epoch || IS_SILENT)) || \
	(!is_kept && !IS_BEHIND))
#endif

#if MODES == 0
#define READS true
#define PURGES true
#else
#define READS takes
#ifdef PURGES_READING
#define PURGES takes
#else
#define PURGES true
#endif
#endif

/* What one connection has passes in its order, but for two servers of a cluster. */
#if MODES == 0 || defined(CLUSTER)
#define IS_NEXT(c) true
#else
#define IS_NEXT(c) empty(bus[c])
#endif

#ifdef STREAMS
inline item_read()
{
	kind = stream[reading].kind;
	epoch = stream[reading].epoch;
	number = stream[reading].number;
	count = stream[reading].count;
	first = stream[reading].first;
	second = stream[reading].second;
	under_way = under_way + count;
	is_busy = true;
#if MODES > 0
	is_of_stream = true;
#endif
	advance()
}
#endif

inline item_take(c)
{
	bus[c]?kind, epoch, number, count, first, second;
	is_busy = true;
	advance()
}

/* Of what has come for it, it has lost what its memory had. */
inline item_drop(c)
{
	do
	:: nempty(bus[c]) ->
		bus[c]?kind, epoch, number, count, first, second;
		under_way = under_way - count
	:: true -> break
	od
}

active proctype far() provided (!is_near_killed)
{
life:
	{
		/* far_attach(). It may have the other direction's mode, or what the stream had. */
#if MODES > 0
		if
		:: takes = true
		:: takes = (f_sequence > 0)
		fi;
#endif
		d_step {
#ifndef NO_END
			if
			:: IS_BEGUN ->
				f_number--;
#if defined(STREAMS) && !defined(SEQUENCE_STAYS)
				f_sequence = f_sequence - (f_begun == LAST)
#endif
			:: else
			fi;
#endif
			f_begun = 0;
#ifdef STREAMS
			reading = START;
			is_missed = false;
#endif
			say()
		};
end:
		do
#ifdef STREAMS
		:: atomic {
			READS && !is_busy && reading < last ->
			reading++;
			if
			:: reading <= purged
			:: reading > purged && losses > 0 -> losses--; is_missed = true
#ifndef NO_PLACE
			:: reading > purged && is_missed -> is_missed = false; reading = START
			:: reading > purged && !is_missed -> item_read()
#else
			:: reading > purged -> item_read()
#endif
			fi
		   }
		:: d_step { PURGES && f_sequence > purged -> purged = f_sequence }
#ifndef NO_AGAIN
		/* The last one was lost. */
		:: d_step {
			READS && !is_busy && reading == last && is_missed ->
			is_missed = false;
			reading = START
		   }
#endif
#endif
#ifdef CORE
		:: atomic { !is_busy && nempty(bus[0]) -> item_take(0) }
#if CONNECTIONS > 1
		:: atomic { !is_busy && nempty(bus[1]) -> item_take(1) }
#endif
#if CONNECTIONS > 2
		:: atomic { !is_busy && nempty(bus[2]) -> item_take(2) }
#endif
#ifndef NO_TAIL
		:: atomic {
			!is_busy && empty(bus[connection]) && SAYS_MORE && IS_TELLING ->
			kind = STATE; epoch = k_epoch; number = k_number; is_busy = true;
			advance()
		   }
#endif
#endif
#if MODES > 0
		/* A state says how messages come. What waits does not go with that. */
		:: atomic {
			!takes && (is_kept || IS_BEHIND) ->
			takes = true;
			if
			:: is_of_stream -> far_clear()
			:: else
			fi;
			reading = START
#ifdef CLEARS
			;
			far_clear(); item_drop(0);
#if CONNECTIONS > 1
			item_drop(1);
#endif
			kind = 0; epoch = 0; number = 0; count = 0; first = 0; second = 0
#endif
		   }
		:: d_step { !is_kept && takes && !IS_BEHIND -> takes = false }
		/* What is not there by now is lost. */
		:: atomic {
			!is_kept && takes && IS_BEHIND && IS_SILENT && empty(bus[connection]) ->
			takes = false;
			kind = STATE; epoch = k_epoch; number = k_number; is_busy = true;
			advance()
		   }
#endif
		:: is_busy && IS_OTHER && !IS_GAP -> number_set(BEFORE)
		:: is_busy && IS_GAP -> gap_close()
		:: is_busy && !IS_OTHER && !IS_GAP && kind == LOST ->
			report();
			number_set(number)
		:: is_busy && !IS_OTHER && !IS_GAP && kind == DATA &&
		   len(ring) < FAR_RING && !is_waiting -> put()
		od
	} unless { is_far_killed };
	atomic {
		is_far_killed = false;
		far_clear();
#ifdef CORE
		item_drop(0);
#if CONNECTIONS > 1
		item_drop(1);
#endif
#if CONNECTIONS > 2
		item_drop(2);
#endif
		kind = 0; epoch = 0; number = 0; count = 0; first = 0; second = 0
#endif
	};
	goto life
}

#ifdef STREAMS
/* The server of the stream. */
#define HAS_ROOM (last - purged < STREAM && last < SLOTS - 1)
inline store()
{
	last++;
	stream[last].kind = a_kind;
	stream[last].epoch = a_epoch;
	stream[last].number = a_number;
	stream[last].count = a_count;
	stream[last].first = a_first;
	stream[last].second = a_second
}

inline server_take(c)
{
	JET[c]?a_kind, a_epoch, a_number, a_count, a_first, a_second;
	under_way = under_way - a_count;
	is_known = false;
	i = 1;
	do
	:: i <= last ->
		if
		:: stream[i].epoch == a_epoch && stream[i].number == a_number &&
		   IS_COUNT(stream[i].count, a_count) -> is_known = true
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0;
	if
	:: !is_known -> store()
	:: is_known
	:: is_known && lates > 0 && HAS_ROOM -> lates--; store()
	fi;
	is_known = false;
	if
	:: c == connection -> ack_epoch = a_epoch; ack_number = a_number; ack_count = a_count
	:: c == connection && lates > 0 -> lates-- /* it is lost */
	:: c != connection
	fi;
	a_kind = 0; a_epoch = 0; a_number = 0; a_count = 0; a_first = 0; a_second = 0
}

#if MODES > 0
inline server_refuse(c)
{
	jet[c]?a_kind, a_epoch, a_number, a_count, a_first, a_second;
	under_way = under_way - a_count;
	a_kind = 0; a_epoch = 0; a_number = 0; a_count = 0; a_first = 0; a_second = 0
}
#endif

/* It refuses a frame for which there is no room; the near bridge sends that again. */
active proctype server() provided (!is_near_killed && !is_far_killed)
{
	mtype a_kind;
	byte a_epoch, a_number, a_count, a_first, a_second, i;
	bool is_known;

end:
	do
	:: atomic { HAS_ROOM && nempty(JET[0]) && IS_NEXT(0) -> server_take(0) }
#if CONNECTIONS > 1
	:: atomic { HAS_ROOM && nempty(JET[1]) && IS_NEXT(1) -> server_take(1) }
#endif
#if CONNECTIONS > 2
	:: atomic { HAS_ROOM && nempty(JET[2]) && IS_NEXT(2) -> server_take(2) }
#endif
#if MODES > 0
	:: atomic { !HAS_ROOM && !is_kept && nempty(jet[0]) -> server_refuse(0) }
#if CONNECTIONS > 1
	:: atomic { !HAS_ROOM && !is_kept && nempty(jet[1]) -> server_refuse(1) }
#endif
#if CONNECTIONS > 2
	:: atomic { !HAS_ROOM && !is_kept && nempty(jet[2]) -> server_refuse(2) }
#endif
#endif
	od
}
#endif
#ifdef JETSTREAM
#define FAR_DONE (f_sequence == last && reading == last && !IS_BEGUN)
#elif MODES > 0
#define FAR_DONE \
	(IS_RECEIVED && modes == 0 && f_sequence <= purged && (takes || !is_kept))
#else
#define FAR_DONE IS_RECEIVED
#endif
#define IS_RECEIVED \
	(k_number == 0 || (f_epoch == k_epoch && f_number == k_number && !IS_BEGUN && \
	said_epoch == k_epoch && said_number == k_number))

#define IS_SETTLED \
	(near_kills + far_kills == 0 && at == MESSAGES && k_count == 0 && !k_owes && \
	k_generation == generation && !is_busy && under_way == 0 && empty(ring) && FAR_DONE)

active proctype receiver() provided (!is_near_killed && !is_far_killed)
{
	byte value, got;
	bool is_reported;

	do
	:: atomic {
		ring?value ->
		if
		:: value == RESTART -> is_reported = true; is_waiting = false
		:: else ->
			assert(value > got);
			assert(is_reported || value == got + 1);
			got = value;
			is_reported = false
		fi;
		value = 0
	   }
	:: atomic { IS_SETTLED -> assert(is_reported || got == MESSAGES) } -> break
	od
}
