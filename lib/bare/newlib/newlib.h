/* SPDX-License-Identifier: MIT */
/*
 * newlib.h - newlib's choices, in the place of the file that its configure script writes; the names
 * are those of newlib 3.3 and 4. Guests print %llu and %zu, have one thread, and a small malloc.
 */
#ifndef __NEWLIB_H__
#define __NEWLIB_H__ 1

#define _WANT_IO_C99_FORMATS 1
#define _WANT_IO_LONG_LONG 1
#define _WANT_REENT_SMALL 1
#define _WANT_USE_GDTOA 1
#define _REENT_CHECK_VERIFY 1
#define _REENT_GLOBAL_ATEXIT 1
#define _ATEXIT_DYNAMIC_ALLOC 1
#define _NANO_MALLOC 1
#define _MB_LEN_MAX 1
#define _HAVE_LONG_DOUBLE 1
#define _HAVE_CC_INHIBIT_LOOP_TO_LIBCALL 1
#define HAVE_INITFINI_ARRAY 1
#define _HAVE_INITFINI_ARRAY 1

#endif
