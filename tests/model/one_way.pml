/* SPDX-License-Identifier: MIT */
/*
 * one_way.pml - one-way links of SPEC.md section 18: how a sender learns that nobody reads.
 *
 * Theory of operation: the receiver's incarnations follow each other, each killed at any step of
 * its opening or behind it. One goes both ways, leaves the ring alone, or is of a library that does
 * not know these words; one that is not killed may open the channel again, another way. The sender
 * has credit for CREDIT messages, behind each of which it loads the flag; without credit it loads
 * the words, and is refused or goes on. Behind the receiver's last step it accepts one message at
 * the most, and one that goes both ways is never taken for one that does not.
 *
 * run.sh lists the configurations. The mistakes on purpose:
 *
 *   NO_FLAG   the receiver sets no ONE_WAY: the sender finds out when its credit is used up
 *   A_BIT     one_way is 1, and not the incarnation: nobody clears it who does not know it
 *   NO_CLEAR  an incarnation that goes both ways leaves one_way as it was
 *   NO_NUMBER the sender takes any one_way but 0 for the receiver's
 */
#ifndef LIVES
#define LIVES 4
#endif
#ifndef SENDS
#define SENDS 6
#endif
#define CREDIT 3

/* The receiver's line. */
byte incarnation, one_way;
bool flag;

/* What nobody can see, for the assertions. */
bool said;  /* the receiver that is there leaves the ring alone, and has stored all that says so */
bool reads; /* it goes both ways, and has stored all */
byte after; /* messages that were accepted since (said) */

#define BOTH 0
#define ALONE 1
#define OLD 2 /* both ways, by a library that knows no one_way */

active proctype receiver()
{
	byte life = 0, kind, number = 0;
	bool again = false;

end:
	do
	:: life < LIVES ->
		life++;
		/* Killed, or closed: what it said stands until the next one has stored its own. */
		if
		:: number++; again = false
		:: number != 0 && kind != OLD -> again = true /* opens it again */
		fi;
		if
		:: kind = BOTH
		:: kind = ALONE
		:: !again -> kind = OLD
		fi;
		d_step {
			said = false;
			reads = false;
			after = 0
		}
		if
		:: true -> flag = false
		:: true -> goto next /* killed */
		fi;
		if
		:: true -> incarnation = number
		:: true -> goto next
		fi;
		if
		:: kind == OLD
#ifdef NO_CLEAR
		:: kind == BOTH
#else
		:: kind == BOTH -> one_way = 0
#endif
#ifdef A_BIT
		:: kind == ALONE -> one_way = 1
#else
		:: kind == ALONE -> one_way = number
#endif
		:: true -> goto next
		fi;
		if
		:: kind != ALONE -> reads = true
#ifdef NO_FLAG
		:: kind == ALONE -> said = true
#else
		:: d_step {
			kind == ALONE ->
			flag = true;
			said = true
		}
#endif
		:: true -> skip
		fi;
next:
		skip
	:: life == LIVES -> break
	od
}

active proctype sender()
{
	byte sends = 0, credit = 0, word;
	bool read_before, is_refused;

end:
	do
	:: sends < SENDS ->
		sends++;
		if
		:: credit == 0 ->
			d_step {
				read_before = reads;
				word = one_way
			}
#ifdef NO_NUMBER
			is_refused = word != 0;
#else
			is_refused = word != 0 && word == incarnation;
#endif
#ifdef A_BIT
			is_refused = word != 0;
#endif
			/* Whoever was there all the time, and goes both ways. */
			assert(!(is_refused && read_before && reads));
			if
			:: is_refused -> goto again
			:: else -> credit = CREDIT
			fi
		:: else
		fi;
		/* The control word. */
		d_step {
			credit--;
			if
			:: said -> after++
			:: else
			fi;
			assert(after <= 1)
		}
		if
		:: flag -> credit = 0
		:: else
		fi;
again:
		skip
	:: sends == SENDS -> break
	od
}
