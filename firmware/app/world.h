/* SPDX-License-Identifier: MIT */
/*
 * world.h - what a command needs of the machine that it runs on.
 *
 * The commands are standard C over printf and these structs. Three worlds fill them: a guest
 * without an operating system, a UEFI application, and a process of the host.
 */
#ifndef APP_WORLD_H
#define APP_WORLD_H

#include <ivsh/mem.h>
#include <ivsh/region.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command;
struct option;
struct options;
struct probe;

/* How many regions a command may work with at once: echo. */
#define WORLD_PLACES 8u

/* An open transport: the way to one region. */
struct transport {
	struct ivsh_mem mem;
	const char *object; /* what lines call it: "device 00:01.0", "/run/ivsh.sock" */
	uint32_t place;     /* which of the world's it is, from 0 */
	bool claims;        /* no server assigns slots: the peer claims the one that it takes */
	bool formats;       /* slot 0 formats an unformatted memory */
	bool named;         /* the command line means this place: no region there is a failure */
	bool shown;         /* probe has printed the line that info --quiet leaves */
	uint64_t spin_ns;   /* how long a wait polls before it sleeps, without --spin */
};

#define WORLD_NOT_YET (-2) /* source_read: neither bytes nor the end, for now */

/* What becomes of an open transport. */
enum world_state {
	WORLD_STAYS,
	WORLD_LEAVES, /* its device is to be removed, and waits for us to close it */
	WORLD_GONE,   /* its device was removed without a request */
};

/* Whether a place can be opened. */
enum world_ready {
	WORLD_READY,
	WORLD_COMES, /* not yet: its device can still be plugged in */
	WORLD_NEVER, /* its device has left, and none can be plugged in */
};

/* The files of a world that has some. Each answers 0 or more; or -1 after one line on stderr. */
struct world_files {
	/*
	 * The file that put and send read; "-" is standard input. read answers 0 at the end. It
	 * waits for bytes for a moment only, less when a signal comes: then WORLD_NOT_YET.
	 */
	int (*source_open)(const char *path);
	int32_t (*source_read)(void *data, uint32_t size);
	void (*source_close)(void);
	uint64_t (*source_size)(void); /* bytes that it has; 0: nobody knows */

	/* The file that get writes: it is there as a whole after keep, or it is as it was. */
	int (*target_open)(const char *path);
	int (*target_write)(const void *data, uint32_t size);
	int (*target_keep)(void);
	void (*target_close)(void);
	bool (*target_is_output)(void); /* it is standard output */
};

/* What bench measured, for a drawing. */
struct world_times {
	const char *command;             /* what the peer runs: "echo" */
	const char *what;                /* of which there are (count): "round trips of 8 bytes" */
	const char *peer, *wait, *world; /* with whom, --wait, where */
	const uint64_t *times_ns;        /* sorted */
	uint32_t count;
};

/* The drawing that bench makes. Each that answers an int answers the exit status. */
struct world_plot {
	bool (*is_wanted)(void); /* the user has named its file */
	int (*open)(void);       /* before anything is measured: the file can be written */
	int (*draw)(const struct world_times *times); /* the file is there as a whole */
	void (*close)(void);                          /* or as it was */
};

struct world {
	const char *name; /* "bare-metal x86_64": for info, help and demo */

	/* Its own options, which name the region's place; behind the last one a NULL name. */
	const struct option *options;
	const char *place_option; /* the one that may be given several times */

	/* Once the command line is parsed: how many places it names, at least 1. 0 after a line:
	 * the places are wrong. */
	uint32_t (*places)(void);

	/* Open place (place), and fill (transport). STATUS_DONE; or another status after a line. */
	int (*open)(struct transport *transport, uint32_t place, const struct options *options);

	/*
	 * For info: the same to probe the region from outside. The memory may be mapped for reading
	 * only, and there is no doorbell to notify others. Prints what the world knows of the
	 * place. Without a named place that is each one there is. -1: there are no more than
	 * (place).
	 */
	int (*probe)(struct transport *transport, uint32_t place, const struct options *options);
	void (*close)(struct transport *transport);

	/*
	 * The region was attached, probed or refused: print what of the transport it does not use,
	 * each once. NULL: there is nothing of that kind.
	 */
	void (*entered)(const struct transport *transport);

	/*
	 * For a world whose devices are plugged in and unplugged; else NULL, all three. What
	 * becomes of an open transport: asked every check_ns. The same as close, and let its device
	 * go: the next open of this place takes the device that comes instead. Whether that, or the
	 * first one, is there.
	 */
	enum world_state (*state)(struct transport *transport);
	void (*release)(struct transport *transport);
	enum world_ready (*ready)(uint32_t place);

	/* The time, and a sleep of at most (ns), in nanoseconds: also without a transport. */
	uint64_t (*now_ns)(void);
	void (*nap)(uint64_t ns);

	/*
	 * For info --prometheus, where a world has that option: print metrics of a region that was
	 * watched. The exit status.
	 */
	int (*expose)(const struct transport *transport, const struct probe *probe);

	/* Let both wait as one: sleep in one ends by a doorbell of the other. NULL: they do so. */
	void (*join)(struct transport *first, struct transport *other);

	/* How many vectors the peer (peer) has, in *vectors; false: this world cannot know. NULL
	 * likewise. */
	bool (*vectors)(struct transport *transport, uint32_t peer, uint32_t *vectors);

	/* The text of an event of the transport, reported once; NULL: none. The pointer itself is
	 * NULL where the transport has no events. */
	const char *(*event)(struct transport *transport);

	/* Say, if this world knows better than refuse_print(), why the region was refused, and
	 * answer true. NULL: it does not. */
	bool (*refused)(
	    const struct transport *transport, const struct ivsh_attach *attach, int error);

	/*
	 * Show that the command (what) has done (done) bytes of (total), 0: nobody knows; and that
	 * it is over. Called often. NULL, both: nothing is shown.
	 */
	void (*progress)(const char *what, uint64_t done, uint64_t total);
	void (*progress_end)(void);

	/* Whether the user has stopped the program. */
	bool (*stopped)(void);

	/*
	 * For a world whose console is its own: from now on give (sink) all that is printed, too,
	 * as arch_console_tee() does. NULL: what is printed goes elsewhere.
	 */
	void (*tee)(void (*sink)(void *ctx, const char *bytes, size_t size), void *ctx);

	/* How often a waiting command checks what no doorbell announces, in nanoseconds. */
	uint64_t check_ns;

	const struct world_files *files; /* NULL: there are none */
	const struct world_plot *plot;   /* NULL: it makes no drawings */

	/* Its own commands; behind the last one a NULL name. NULL: there are none. */
	const struct command *commands;
};

#endif
