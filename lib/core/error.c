/* SPDX-License-Identifier: MIT */
/*
 * error.c - error codes in words.
 */
#include <ivsh/error.h>

const char *ivsh_error_text(int error)
{
	switch (error) {
	case 0:
		return "no error";
	case IVSH_EAGAIN:
		return "nothing there, or no room";
	case IVSH_EINVAL:
		return "invalid argument";
	case IVSH_ENODEV:
		return "no such device, region or peer";
	case IVSH_ENOSPC:
		return "too small";
	case IVSH_EVERSION:
		return "unknown version or feature";
	case IVSH_EPROTO:
		return "the shared memory breaks the specification";
	case IVSH_EPEER:
		return "the peer left or came back as another";
	case IVSH_EBUSY:
		return "held by a living peer, or formatted already";
	case IVSH_EPLATFORM:
		return "a call of the platform failed";
	case IVSH_EREADONLY:
		return "the memory cannot be written";
	case IVSH_ELOST:
		return "the slot is lost: another peer has claimed it";
	case IVSH_EREMOVED:
		return "the device was removed";
	case IVSH_EPART:
		return "the slot's memory is missing, or is none of this region";
	case IVSH_EONEWAY:
		return "the channel is one-way, and this needs the other direction";
	default:
		return "unknown error";
	}
}
