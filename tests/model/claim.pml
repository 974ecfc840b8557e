/* SPDX-License-Identifier: MIT */
/*
 * claim.pml - claiming a slot that no server assigns, SPEC.md section 5, by PEERS peers at once.
 *
 * Theory of operation: time is a number. A step of a peer takes at most one unit, unless the peer
 * pauses in it. The wait of a claim takes WAIT units. An owner advances its heartbeat every
 * HEARTBEAT units, and the others take a peer whose heartbeat stands still for LIMIT for dead. Each
 * peer checks whether a living one has the slot, writes its nonce, waits, checks whether its nonce
 * is still there, and whether another peer has announced itself meanwhile. Then it has the slot,
 * until it finds another nonce there; it checks that with each heartbeat. Without pauses the model
 * asserts that no two peers have the slot at once. With one pause, at any step and as long as one
 * likes, the model asserts that two have it for no longer than until the next heartbeat of the one
 * whose nonce is gone. An owner may die at any time, and another peer then gets the slot, if one
 * still tries.
 *
 * run.sh lists the configurations. The mistakes on purpose:
 *
 *   NO_WAIT       a claimant does not wait between writing its nonce and reading it again
 *   NO_PROBE      a claimant does not check whether a living peer has the slot
 *   NO_LAST_PROBE ... or not again when its wait is over
 *   NO_CHECK      an owner does not check its nonce
 */
#ifndef PEERS
#define PEERS 2
#endif
#define WAIT 4
#define HEARTBEAT 1
#define LIMIT 6
#define END 20 /* when time stops */

/* The shared words. The states: 0 empty, 1 attached. */
byte nonce, state, heartbeat;

/* What no peer can see. */
byte now;
byte late_at[PEERS]; /* when a peer's next step is late; END + 1: it has none */
bool owner[PEERS];
byte owners;
byte doubles;      /* units of time since two have the slot, and neither pauses */
byte since;        /* when an owner announced itself; END + 1: none did */
bool paused;       /* there was a pause */

#ifdef PAUSE
#define MAY_PAUSE (!paused)
#else
#define MAY_PAUSE false
#endif

#define LATE(i) (late_at[i] <= now)
#if PEERS == 2
#define NOBODY_LATE (!LATE(0) && !LATE(1))
#define BOTH_ACT (late_at[0] <= END && late_at[1] <= END)
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
		/* Its announcement, and the first heartbeat, with which it checks its nonce. */
		assert(doubles <= HEARTBEAT + 4)
	}
	od
}

/* The next step happens within one unit, or after a pause. */
inline soon()
{
	if
	:: late_at[me] = now + 1
	:: d_step { MAY_PAUSE -> paused = true; late_at[me] = END + 1 }
	fi
}

/* (time) passes; when time stops, the peer ends. */
inline pass(time)
{
	atomic { until = now + time; late_at[me] = until + 1 };
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
		late_at[me] = END + 1
	}
}

proctype peer(byte me)
{
	byte seen_state, seen_heartbeat, until;

	/* A peer may come at any time. */
	late_at[me] = END + 1;
	soon();
	/* claim.c, owner_lives(). */
	atomic { seen_state = state; seen_heartbeat = heartbeat };
#ifndef NO_PROBE
	if
	:: seen_state == 1 ->
		pass(LIMIT);
		if
		:: heartbeat != seen_heartbeat -> goto over
		:: else
		fi
	:: else
	fi;
#endif
	soon();
	/* claim.c, ivsh_attach_claim(). */
	d_step {
		nonce = me + 1;
		/* It disturbs no owner that it could have seen. */
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
#ifndef NO_LAST_PROBE
	soon();
	if
	:: state == seen_state && heartbeat == seen_heartbeat
	:: else -> goto over
	fi;
#endif
	/* Only its announcement is missing: it has the slot from here on. */
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
		/* It lives: slot.h, slot_enter(), ivsh_slot_tick(). */
		pass(HEARTBEAT);
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
