/* SPDX-License-Identifier: MIT */
/*
 * claim.pml - claiming a slot where nobody guards it, SPEC.md section 5, by PEERS at once.
 *
 * Theory of operation: time is a number. A step of a peer takes at most one unit, a pause in it
 * aside; the wait of a claim takes WAIT units, an owner's heartbeat moves every BEAT, and who moves
 * no heartbeat for LIMIT is taken for dead. Each peer looks whether a living one has the slot,
 * writes its nonce, waits, looks whether it still stands there, and whether anybody has announced
 * himself meanwhile. Then it has the slot, until it finds another nonce there, which it looks for
 * with each heartbeat. Without pauses the model asserts that no two have the slot at once; with one
 * pause, at any place and as long as one likes, that two have it for no longer than until the next
 * heartbeat of the one whose nonce is gone. An owner may die at any time, and the slot is then had
 * by another, if one still tries.
 *
 * run.sh lists the configurations. The mistakes on purpose:
 *
 *   NO_WAIT       no wait between writing the nonce and reading it again
 *   NO_LOOK       a claimant does not look whether somebody lives in the slot
 *   NO_LAST_LOOK  ... or not again when its wait is over
 *   NO_CHECK      an owner does not look for its nonce
 */
#ifndef PEERS
#define PEERS 2
#endif
#define WAIT 4
#define BEAT 1
#define LIMIT 6
#define END 20 /* when time stops */

/* The shared words. The states: 0 empty, 1 attached. */
byte nonce, state, heartbeat;

/* What nobody can see. */
byte now;
byte due[PEERS];   /* when a peer's next step is late; END + 1: it does nothing */
bool owner[PEERS];
byte owners;
byte doubles;      /* units of time since two have the slot, and neither pauses */
byte since;        /* when an owner announced himself; END + 1: there is none who did */
bool paused;       /* there was a pause */

#ifdef PAUSE
#define MAY_PAUSE (!paused)
#else
#define MAY_PAUSE false
#endif

#define LATE(i) (due[i] <= now)
#if PEERS == 2
#define NOBODY_LATE (!LATE(0) && !LATE(1))
#define BOTH_ACT (due[0] <= END && due[1] <= END)
#else
#define NOBODY_LATE (!LATE(0) && !LATE(1) && !LATE(2))
#define BOTH_ACT false /* with three there is no pause */
#endif

active proctype clock()
{
end:
	do
	:: atomic {
		now < END && NOBODY_LATE ->
		now++;
		doubles = (owners > 1 && BOTH_ACT -> doubles + 1 : 0);
		/* Its announcement, and the first heartbeat, in which it looks. */
		assert(doubles <= BEAT + 4)
	}
	od
}

/* The step that follows happens within one unit, or behind a pause. */
inline soon()
{
	if
	:: due[me] = now + 1
	:: d_step { MAY_PAUSE -> paused = true; due[me] = END + 1 }
	fi
}

/* (time) passes; where time stops, all is over. */
inline pass(time)
{
	atomic { until = now + time; due[me] = until + 1 };
	if
	:: now >= until -> until = 0
	:: now == END && now < until -> goto over
	fi
}

inline release()
{
	d_step {
		owners = owners - owner[me];
		owner[me] = false;
		since = (owners == 0 -> END + 1 : since);
		due[me] = END + 1
	}
}

proctype peer(byte me)
{
	byte seen_state, seen_beat, until;

	/* It comes at any time. */
	due[me] = END + 1;
	soon();
	/* slot.c, owner_lives(). */
	atomic { seen_state = state; seen_beat = heartbeat };
#ifndef NO_LOOK
	if
	:: seen_state == 1 ->
		pass(LIMIT);
		if
		:: heartbeat != seen_beat -> goto over
		:: else
		fi
	:: else
	fi;
#endif
	soon();
	/* claim.c, ivsh_attach_claim(). */
	d_step {
		nonce = me + 1;
		/* It disturbs nobody whom it could have seen. */
		assert(paused || since > END || now <= since + 3)
	};
#ifndef NO_WAIT
	pass(WAIT);
#endif
	soon();
	if
	:: nonce == me + 1
	:: else -> goto over
	fi;
#ifndef NO_LAST_LOOK
	soon();
	if
	:: state == seen_state && heartbeat == seen_beat
	:: else -> goto over
	fi;
#endif
	/* Only its own announcement is a step behind: it has the slot from here on. */
	d_step {
		owner[me] = true;
		owners++;
		assert(owners == 1 || paused)
	};
	soon();
	/* slot.c, ivsh_slot_announce(): the heartbeat before the state. */
	heartbeat = heartbeat + 1;
	soon();
	d_step { state = 1; since = now };
	do
	:: now < END ->
		/* It lives: slot.h, slot_beat(), ivsh_slot_tick(). */
		pass(BEAT);
#ifndef NO_CHECK
		if
		:: nonce == me + 1
		:: else -> goto over
		fi;
#endif
		heartbeat = heartbeat + 1
	:: goto over /* it dies */
	:: now >= END -> goto over
	od;
over:
	release()
}

init
{
	atomic {
		since = END + 1;
		run peer(0);
		run peer(1);
#if PEERS > 2
		run peer(2);
#endif
	}
}
