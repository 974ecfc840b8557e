/* SPDX-License-Identifier: MIT */
/*
 * ring.pml - one ring of SPEC.md section 7, both of whose sides are killed and come back.
 *
 * Theory of operation: MESSAGES numbered messages go through DESCS descriptors. Either side may be
 * killed between any two of its accesses, KILLS times each, and begins a new life from what stands
 * in the shared memory. A message is accepted when its head is stored; the next one that is sent,
 * by whichever life, has the next number. The receiver asserts that each message is the next one,
 * or an earlier one with its mark. A side that waits for what never comes is an invalid end state.
 *
 * run.sh lists the configurations. The mistakes on purpose:
 *
 *   HEAD_FIRST    the head is stored before the body
 *   NO_SCAN       a new life of the sender goes on at the receiver's read index
 *   SCAN_PAST     ... or behind a descriptor whose lap is not that of its index
 *   NO_MARK       a new life of the receiver marks nothing
 *   MARK_ONE      ... or the first message alone
 *   EARLY_READ    the read index is published before the message is read
 *   NO_LAP        a head only says that something is there, not in which lap
 *   TRUST_OWN     the sender takes room that was not given back
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

/* The shared words. ring.h, ring_lap(); laps of a run are fewer than 256. */
byte head_word[DESCS], body_word[DESCS];
byte read_word;
#ifdef NO_LAP
#define LAP(index) 1
#else
#define LAP(index) ((index) / DESCS + 1)
#endif

/* What nobody can see, for the assertions. */
byte accepted; /* messages whose head was stored */
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
	:: d_step { !killed[SENDER] && kills[SENDER] < KILLS -> kills[SENDER]++; killed[SENDER] = true }
	:: d_step { !killed[RECEIVER] && kills[RECEIVER] < KILLS -> kills[RECEIVER]++; killed[RECEIVER] = true }
	od
}

/* sender.c, ivsh_chan_publish(). The head's store is the one that counts. */
inline publish()
{
#ifdef HEAD_FIRST
	d_step { head_word[head % DESCS] = LAP(head); accepted++ };
	body_word[head % DESCS] = accepted;
#else
	body_word[head % DESCS] = accepted + 1;
	d_step { head_word[head % DESCS] = LAP(head); accepted++ };
#endif
	head++
}

/* sender.c, ivsh_sender_open(): the end is the first descriptor without its lap. */
inline sender_open()
{
	read = read_word;
	head = read;
#ifndef NO_SCAN
	do
	:: head - read < DESCS && head_word[head % DESCS] == LAP(head) -> head++
#ifdef SCAN_PAST
	:: head - read < DESCS && head_word[head % DESCS] != LAP(head) -> head++; break
#endif
	:: else -> break
	od
#endif
}

#ifdef TRUST_OWN
#define ROOM (head - read <= DESCS)
#else
#define ROOM (head - read < DESCS)
#endif

active proctype sender()
{
	byte head, read;

life:
	{
		sender_open();
		do
		:: accepted == MESSAGES -> goto done
		:: accepted < MESSAGES && ROOM -> publish()
		:: accepted < MESSAGES && !ROOM -> atomic { read_word != read -> read = read_word }
		od
	} unless { killed[SENDER] };
	d_step { killed[SENDER] = false; head = 0; read = 0 };
	goto life;
done:
	/* The end is no step that a kill can come before. */
	skip
}

/* receiver.c, ivsh_receiver_publish(). */
inline read_publish() { read_word = read; published = read }

active proctype receiver()
{
	byte read, published, marked, value;
	bool again; /* not the first life: SPEC R7.11 */

life:
	{
		read = read_word;
		published = read;
		marked = 0;
#ifndef NO_MARK
		if
		:: again ->
			do
#ifdef MARK_ONE
			:: marked < 1 && head_word[(read + marked) % DESCS] == LAP(read + marked) -> marked++
#else
			:: marked < DESCS && head_word[(read + marked) % DESCS] == LAP(read + marked) -> marked++
#endif
			:: else -> break
			od
		:: else
		fi;
#endif
		do
		:: expect == MESSAGES -> goto done
		:: head_word[read % DESCS] == LAP(read) && expect < MESSAGES ->
#ifdef EARLY_READ
			read++;
			read_publish();
			read--;
#endif
			value = body_word[read % DESCS];
			/* The application has it from here on: a kill behind this step makes it come again. */
			d_step {
				assert(value == expect + 1 || (value <= expect && value > 0 && marked > 0));
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
		:: head_word[read % DESCS] != LAP(read) && expect < MESSAGES ->
			if
			:: read != published -> read_publish()
			:: else -> head_word[read % DESCS] == LAP(read)
			fi
		od
	} unless { killed[RECEIVER] };
	d_step { killed[RECEIVER] = false; read = 0; published = 0; marked = 0; value = 0; again = true };
	goto life;
done:
	skip
}
