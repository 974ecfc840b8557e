/* SPDX-License-Identifier: MIT */
/*
 * error.h - what a call can answer.
 *
 * Every call that can fail returns 0 or one negative value of enum ivsh_error. A code says what the
 * caller does next, not where the trouble was; the numbers are this library's own, not errno.
 */
#ifndef IVSH_ERROR_H
#define IVSH_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

enum ivsh_error {
	IVSH_EAGAIN = -1,    /* nothing there, or no room: wait for the doorbell, then retry */
	IVSH_EINVAL = -2,    /* the caller broke the contract: fix the program or its input */
	IVSH_ENODEV = -3,    /* no such device, region or peer: give up, or ask later */
	IVSH_ENOSPC = -4,    /* too small: bring more; the size needed is returned */
	IVSH_EVERSION = -5,  /* unknown version or feature: report both numbers */
	IVSH_EPROTO = -6,    /* the memory breaks SPEC.md; this handle answers so from now on */
	IVSH_EPEER = -7,     /* the peer left, or came back as another: start over with it */
	IVSH_EBUSY = -8,     /* a living peer holds that slot, or the memory is formatted already */
	IVSH_EPLATFORM = -9, /* a call of the platform failed: the platform knows why */
	IVSH_EREADONLY = -10, /* stores do not stay: map, or configure, the memory writable */
	IVSH_ELOST = -11, /* another peer has claimed this slot, or it was detached: this handle is
	                         dead: detach, attach again */
	IVSH_EREMOVED =
	    -12, /* the device was unplugged without a request: this handle is dead: close
	                        the device; attach again when it is back */
	/* The memory of that slot is not here, or is none of this region: map the right one. */
	IVSH_EPART = -13,
	/* One side has opened the channel one-way: nothing goes, or comes, in this direction. */
	IVSH_EONEWAY = -14,
};

/* Every int of this library that can be an error is to be looked at. */
#define IVSH_MUST_CHECK __attribute__((__warn_unused_result__))

/*
 * One short phrase for an error code, without a full stop: "no room or nothing there".
 *
 * Any thread may call it, and an interrupt handler, too. The text is constant and stays valid; an
 * unknown code answers "unknown error".
 */
const char *ivsh_error_text(int error);

#ifdef __cplusplus
}
#endif
#endif
