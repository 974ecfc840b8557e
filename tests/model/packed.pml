/* SPDX-License-Identifier: MIT */
/*
 * packed.pml - packed records of SPEC.md section 7; both sides are killed and come back.
 *
 * Theory of operation: as ring.pml, but a descriptor has a record of 1 or 2 messages. All of them
 * are accepted when the sender stores the control word, which has their number. The receiver
 * delivers them one by one, and may be killed between any two. The read index passes the record
 * with its last message, so that a new incarnation of the receiver delivers all of it again, with
 * marks.
 *
 * run.sh lists the configurations. The mistakes on purpose:
 *
 *   READ_FIRST    the read index passes a record with its first message
 *   MARK_FIRST    a new incarnation of the receiver marks the first message of a record alone
 *   MARK_COUNT    ... or as many messages as there are records
 *   COUNT_LATE    the sender stores the number of messages behind the wrap counter
 *   SCAN_COUNT    a new incarnation of the sender takes each message for a descriptor
 */
#ifndef DESCS
#define DESCS 2
#endif
#ifndef MESSAGES
#define MESSAGES 5
#endif
#ifndef KILLS
#define KILLS 1
#endif

/* The shared words: of a control word its wrap counter, and its number of messages. */
byte wrap_word[DESCS], count_word[DESCS], body_word[DESCS];
byte read_word;
#define WRAP(index) ((index) / DESCS + 1)

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

/* packed.c, ivsh_packed_put(). The body has the number of the first message. */
inline publish(n)
{
	body_word[head % DESCS] = accepted + 1;
#ifdef COUNT_LATE
	d_step { wrap_word[head % DESCS] = WRAP(head); accepted = accepted + n };
	count_word[head % DESCS] = n;
#else
	d_step {
		count_word[head % DESCS] = n;
		wrap_word[head % DESCS] = WRAP(head);
		accepted = accepted + n
	};
#endif
	head++
}

/* sender.c, ring_scan(). */
inline sender_open()
{
	read = read_word;
	head = read;
	do
	:: head - read < DESCS && wrap_word[head % DESCS] == WRAP(head) ->
#ifdef SCAN_COUNT
		head = head + count_word[head % DESCS]
#else
		head++
#endif
	:: else -> break
	od
}

active proctype sender()
{
	byte head, read;

incarnation:
	{
		sender_open();
		do
		:: accepted == MESSAGES -> goto done
		:: accepted < MESSAGES && head - read < DESCS -> publish(1)
		:: accepted + 1 < MESSAGES && head - read < DESCS -> publish(2)
		:: accepted < MESSAGES && head - read >= DESCS ->
			atomic { read_word != read -> read = read_word }
		od
	} unless { killed[SENDER] };
	d_step { killed[SENDER] = false; head = 0; read = 0 };
	goto incarnation;
done:
	skip
}

/* The application has message (value). (mark): as what it was delivered. */
inline deliver(mark)
{
	d_step {
		assert(value == expect + 1 || (value <= expect && value > 0 && (mark)));
		if
		:: value == expect + 1 -> expect++
		:: else
		fi
	}
}

active proctype receiver()
{
	byte read, marked, value, frames, taken;
	bool again;

incarnation:
	{
		read = read_word;
		marked = 0;
		if
		:: again ->
			do
			:: marked < DESCS &&
			   wrap_word[(read + marked) % DESCS] == WRAP(read + marked) -> marked++
			:: else -> break
			od
		:: else
		fi;
		do
		:: expect == MESSAGES -> goto done
		:: wrap_word[read % DESCS] == WRAP(read) && expect < MESSAGES ->
			/* receiver.c, descriptor_find(): private copies. */
			frames = count_word[read % DESCS];
			value = body_word[read % DESCS];
			taken = 0;
			do
			:: taken < frames ->
#ifdef MARK_FIRST
				deliver(marked > 0 && taken == 0);
#else
				deliver(marked > 0);
#endif
#ifdef READ_FIRST
				read_word = read + 1;
#endif
#ifdef MARK_COUNT
				if
				:: marked > 0 -> marked--
				:: else
				fi;
#endif
				d_step { taken++; value++ }
			:: else -> break
			od;
			atomic {
				read++;
#ifndef MARK_COUNT
				if
				:: marked > 0 -> marked--
				:: else
				fi;
#endif
				taken = 0; frames = 0; value = 0
			};
			read_word = read
		:: wrap_word[read % DESCS] != WRAP(read) && expect < MESSAGES ->
			wrap_word[read % DESCS] == WRAP(read)
		od
	} unless { killed[RECEIVER] };
	d_step {
		killed[RECEIVER] = false; again = true;
		read = 0; marked = 0; value = 0; frames = 0; taken = 0
	};
	goto incarnation;
done:
	skip
}
