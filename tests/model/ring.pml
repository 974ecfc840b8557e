/* SPDX-License-Identifier: MIT */
/*
 * ring.pml - one ring of SPEC.md section 7; both sides are killed and come back.
 *
 * Theory of operation: MESSAGES numbered messages go through DESCS descriptors. Either side may be
 * killed between any two of its accesses, KILLS times each. It begins a new incarnation from what
 * stands in the shared memory. A message is accepted when the sender stores its control word, or
 * that of its batch's first message. The next message that the sender sends, in whichever
 * incarnation, has the next number. The receiver asserts that each message is accepted, and is the
 * next one, or an earlier one with its mark. A side that waits for what never comes is an invalid
 * end state.
 *
 * run.sh lists the configurations. The mistakes on purpose:
 *
 *   CONTROL_FIRST the sender stores the control word before the body
 *   NO_SCAN       a new incarnation of the sender goes on at the receiver's read index
 *   SCAN_PAST     ... or behind a descriptor whose wrap counter is not that of its index
 *   NO_MARK       a new incarnation of the receiver marks nothing
 *   MARK_ONE      ... or the first message alone
 *   EARLY_READ    the receiver publishes the read index before it reads the message
 *   NO_WRAP       a control word only says that something is there, and has no wrap counter
 *   TRUST_OWN     the sender takes room that the receiver has not released
 *   NO_RETIRE     what a batch that was cut has left stays valid
 *   FIRST_FIRST   ... and a batch's first message is stored first, the others in another order
 *   RETIRE_LATE   ... until the sender has sent a message
 *   RETIRE_STOPS  ... or stays valid behind a descriptor that is not
 */
#ifndef DESCS
#define DESCS 2
#endif
#ifndef MESSAGES
#define MESSAGES 4
#endif
#ifndef LAZY
#define LAZY 1
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef BATCH
#define BATCH 0 /* messages of a batch at the most */
#endif

/* The shared words. descriptor.h, ring_wrap(); a generation has fewer than 256 wrap counters. */
byte control_word[DESCS], body_word[DESCS];
byte read_word;
#ifdef NO_WRAP
#define WRAP(index) 1
#else
#define WRAP(index) ((index) / DESCS + 1)
#endif

/* What nobody can see, for the assertions. */
byte accepted; /* messages whose control word was stored */
byte expect;   /* the next one to deliver */

#define SENDER 1
#define RECEIVER 2

/* A side is killed between any two of its steps, up to KILLS times. */
bool killed[3];
byte kills[3];
active proctype killer()
{
end:
	do
	:: d_step {
		!killed[SENDER] && kills[SENDER] < KILLS ->
		kills[SENDER]++;
		killed[SENDER] = true
	}
	:: d_step {
		!killed[RECEIVER] && kills[RECEIVER] < KILLS ->
		kills[RECEIVER]++;
		killed[RECEIVER] = true
	}
	od
}

/* batch.c: a message of a batch. With its control word (count) messages are accepted. */
inline store(index, number, count)
{
	body_word[(index) % DESCS] = number;
	d_step { control_word[(index) % DESCS] = WRAP(index); accepted = accepted + count }
}

/*
 * batch.c, put_many(): 2 or 3 messages of one round of the ring. The first one is stored last, and
 * accepts all of them; the others in any order. A sender that is killed before sends the same
 * numbers again.
 */
#define FITS(count) (BATCH >= count && accepted + count <= MESSAGES && \
		     head + count - read <= DESCS && head % DESCS + count <= DESCS)
inline batch()
{
#ifdef FIRST_FIRST
	store(head, accepted + 1, 1);
	if
	:: FITS(3) ->
		store(head + 2, accepted + 2, 0);
		store(head + 1, accepted + 1, 2);
		head = head + 3
	:: store(head + 1, accepted + 1, 1); head = head + 2
	fi
#else
	if
	:: FITS(3) ->
		if
		:: store(head + 1, accepted + 2, 0); store(head + 2, accepted + 3, 0)
		:: store(head + 2, accepted + 3, 0); store(head + 1, accepted + 2, 0)
		fi;
		store(head, accepted + 1, 3);
		head = head + 3
	:: store(head + 1, accepted + 2, 0); store(head, accepted + 1, 2); head = head + 2
	fi
#endif
}

/* sender.c, ivsh_sender_retire(): messages of a batch that was cut become invalid. */
inline retire()
{
	at = head + 1;
	do
	:: at >= read + DESCS -> break
	:: at < read + DESCS ->
		if
		:: control_word[at % DESCS] == WRAP(at) ->
			/* SPEC R7.9.2: the gap says that this is no damage. */
			assert(control_word[head % DESCS] == WRAP(head) - 1);
			control_word[at % DESCS] = WRAP(at) - 1
		:: else ->
#ifdef RETIRE_STOPS
			break
#endif
		fi;
		at++
	od;
	at = 0
}

/* inplace.c, ivsh_chan_publish(). The store of the control word is the one that counts. */
inline publish()
{
#ifdef CONTROL_FIRST
	d_step { control_word[head % DESCS] = WRAP(head); accepted++ };
	body_word[head % DESCS] = accepted;
#else
	body_word[head % DESCS] = accepted + 1;
	d_step { control_word[head % DESCS] = WRAP(head); accepted++ };
#endif
	head++
}

/* sender.c, ivsh_sender_open(): the end is the first descriptor without its wrap counter. */
inline sender_open()
{
	read = read_word;
	head = read;
#ifndef NO_SCAN
	do
	:: head - read < DESCS && control_word[head % DESCS] == WRAP(head) -> head++
#ifdef SCAN_PAST
	:: head - read < DESCS && control_word[head % DESCS] != WRAP(head) -> head++; break
#endif
	:: else -> break
	od;
#endif
#if BATCH > 0 && !defined(NO_RETIRE) && !defined(RETIRE_LATE)
	retire()
#endif
}

#ifdef TRUST_OWN
#define ROOM (head - read <= DESCS)
#else
#define ROOM (head - read < DESCS)
#endif

active proctype sender()
{
	byte head, read, at;

incarnation:
	{
		sender_open();
#ifdef RETIRE_LATE
		do
		:: accepted == MESSAGES -> goto done
		:: accepted < MESSAGES && ROOM -> publish(); break
		:: accepted < MESSAGES && !ROOM -> atomic { read_word != read -> read = read_word }
		od;
		retire();
#endif
		do
		:: accepted == MESSAGES -> goto done
		:: accepted < MESSAGES && ROOM -> publish()
#if BATCH > 0
		:: FITS(2) -> batch()
#endif
		:: accepted < MESSAGES && !ROOM -> atomic { read_word != read -> read = read_word }
		od
	} unless { killed[SENDER] };
	d_step { killed[SENDER] = false; head = 0; read = 0; at = 0 };
	goto incarnation;
done:
	/* No kill can come before the end. */
	skip
}

/* receiver.c, ivsh_receiver_publish(). */
inline read_publish() { read_word = read; published = read }

active proctype receiver()
{
	byte read, published, marked, value;
	bool again; /* not the first incarnation: SPEC R7.11 */

incarnation:
	{
		read = read_word;
		published = read;
		marked = 0;
#ifndef NO_MARK
		if
		:: again ->
			do
#ifdef MARK_ONE
			:: marked < 1 &&
			   control_word[(read + marked) % DESCS] == WRAP(read + marked) -> marked++
#else
			:: marked < DESCS &&
			   control_word[(read + marked) % DESCS] == WRAP(read + marked) -> marked++
#endif
			:: else -> break
			od
		:: else
		fi;
#endif
		do
		:: expect == MESSAGES -> goto done
		:: control_word[read % DESCS] == WRAP(read) && expect < MESSAGES ->
#ifdef EARLY_READ
			read++;
			read_publish();
			read--;
#endif
			value = body_word[read % DESCS];
			/* From here on the application has it: after a kill it comes again. */
			d_step {
				assert(value <= accepted);
				assert(value == expect + 1 ||
				    (value <= expect && value > 0 && marked > 0));
				if
				:: value == expect + 1 -> expect++
				:: else
				fi;
				value = 0
			};
			atomic {
				read++;
				if
				:: marked > 0 -> marked--
				:: else
				fi
			};
			if
			:: read - published > LAZY -> read_publish()
			:: else
			fi
		:: control_word[read % DESCS] != WRAP(read) && expect < MESSAGES ->
			if
			:: read != published -> read_publish()
			:: else -> control_word[read % DESCS] == WRAP(read)
			fi
		od
	} unless { killed[RECEIVER] };
	d_step {
		killed[RECEIVER] = false; again = true;
		read = 0; published = 0; marked = 0; value = 0
	};
	goto incarnation;
done:
	skip
}
