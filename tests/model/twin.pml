/* SPDX-License-Identifier: MIT */
/*
 * twin.pml - two bridges of one host's name, SPEC.md R19.3.5 and R19.3.6: does each find the other?
 *
 * Theory of operation: a bridge draws an identity for each connection, and says it again and
 * again, with the one that it has heard last. Each may end and begin, or connect anew, FAULTS
 * times in all. What was said comes at any time later, or never, and in any order; of what was
 * said with an identity that has ended, which nobody says again, LATES come. The model asserts
 * that a bridge which takes another one for its twin was connected when that one was. When no
 * more faults come, and both run, each is to know of the other: else the watcher waits for ever,
 * an invalid end state. Time is not modelled: that a twin is gone shows when it is.
 *
 * run.sh lists the configurations. The mistakes on purpose:
 *
 *   TAKES_ALL     who is heard is a twin, whether it names us or not
 *   SAME_IDENTITY a bridge that connects anew, or begins, goes on with its identity
 *   NAMES_FIRST   a bridge names the one that it has heard first, over each connection
 */
#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef LATES
#define LATES 2
#endif
#define IDS (FAULTS + 3) /* from 1 on */

byte faults = FAULTS, lates = LATES;
byte drawn;
byte identity[2]; /* 0: it does not run */
byte other[2];    /* heard last; 0: none over this connection */
bool there[2];    /* it has a twin */
#ifdef SAME_IDENTITY
byte last[2];
#endif

/* What was said: (identity) has heard (other). */
bool said[IDS * IDS];
#define SAID(i, o) said[(i) * IDS + (o)]

/* Over this connection of (me), which no bridge can see: who ran meanwhile. */
bool was_there[2 * IDS];
#define OF(me, i) ((me) * IDS + (i))

inline connect()
{
	d_step {
#ifdef SAME_IDENTITY
		if
		:: last[me] == 0 -> drawn++; last[me] = drawn
		:: else
		fi;
		identity[me] = last[me];
#else
		drawn++;
		identity[me] = drawn;
#endif
		other[me] = 0;
		i = 0;
		do
		:: i < IDS -> was_there[OF(me, i)] = false; i++
		:: else -> break
		od;
		i = 0;
		was_there[OF(me, identity[you])] = true;
		was_there[OF(you, identity[me])] = true
	}
}

#ifdef NAMES_FIRST
#define IS_OTHER (other[me] == 0)
#else
#define IS_OTHER (other[me] != identity[you])
#endif

inline take(i, o)
{
#ifdef NAMES_FIRST
	other[me] = (other[me] == 0 -> i : other[me]);
#else
	other[me] = i;
#endif
	if
#ifdef TAKES_ALL
	:: true ->
#else
	:: o == identity[me] ->
#endif
		assert(there[me] || was_there[OF(me, i)]);
		there[me] = true
	:: else
	fi
}

proctype bridge(byte me)
{
	byte you = 1 - me, i, o;

end:
	do
	:: atomic { identity[me] == 0 && (faults > 0 || drawn < 2) -> connect() }
	:: atomic { identity[me] != 0 && faults > 0 -> faults--; connect() }
	:: d_step {
		identity[me] != 0 && faults > 0 ->
		faults--;
		identity[me] = 0; other[me] = 0; there[me] = false
	   }
	:: d_step { identity[me] != 0 && !SAID(identity[me], other[me]) ->
		SAID(identity[me], other[me]) = true
	   }
	/* The twin says it again and again. */
	:: atomic {
		identity[me] != 0 && identity[you] != 0 && SAID(identity[you], other[you]) &&
		(IS_OTHER || (other[you] == identity[me] && !there[me])) ->
		take(identity[you], other[you])
	   }
	/* It was said before. */
	:: atomic {
		identity[me] != 0 && lates > 0 ->
		lates--;
		i = 1;
		do
		:: i < drawn -> i++
		:: break
		od;
		o = 0;
		do
		:: o < drawn -> o++
		:: break
		od;
		if
		:: SAID(i, o) && i != identity[me] && i != identity[you] -> take(i, o)
		:: else
		fi;
		i = 0;
		o = 0
	   }
	:: d_step { there[me] && identity[you] == 0 -> there[me] = false }
	od
}

init {
	atomic { run bridge(0); run bridge(1) };
end:
	(faults == 0 && identity[0] != 0 && identity[1] != 0);
	(there[0] && there[1])
}
