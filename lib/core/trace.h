/* SPDX-License-Identifier: MIT */
/*
 * trace.h - probes for tracers of the host: bpftrace, SystemTap, perf, gdb.
 *
 * A probe is one instruction that does nothing, and a note in the program that names its place and
 * its arguments (USDT, <sys/sdt.h>). Only host programs have them, under IVSH_SDT; elsewhere these
 * are nothing. ivsh(1), PROBES, lists them.
 */
#ifndef IVSH_CORE_TRACE_H
#define IVSH_CORE_TRACE_H

#ifdef IVSH_SDT
#include <sys/sdt.h>
#define TRACE2(name, a, b) STAP_PROBE2(ivsh, name, a, b)
#define TRACE3(name, a, b, c) STAP_PROBE3(ivsh, name, a, b, c)
#define TRACE4(name, a, b, c, d) STAP_PROBE4(ivsh, name, a, b, c, d)
#else
#define TRACE2(name, a, b) ((void)0)
#define TRACE3(name, a, b, c) ((void)0)
#define TRACE4(name, a, b, c, d) ((void)0)
#endif

#endif
