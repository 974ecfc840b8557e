/* SPDX-License-Identifier: MIT */
/*
 * log.h - the last bytes that a peer said, kept in the memory after it has died.
 *
 * Where the region has logs, each slot has one: a ring of bytes that its peer appends to and that
 * wraps for ever, as a flight recorder does. Whoever has the memory reads it, without a slot and
 * without the peer's doing. The next incarnation of the slot goes on behind the bytes of the last
 * one, and says where its own begin. Every other peer can store there, too: what a log says is a
 * claim, and may be any bytes, not only text.
 */
#ifndef IVSH_LOG_H
#define IVSH_LOG_H

#include <ivsh/region.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- Writing -------------------------------------------------------------------------------- */

/* Contexts that may write at once, each interrupting the one before: thread, interrupt, trap. */
#define IVSH_LOG_LEVELS 3u

/* Bytes that a writer stores before it says that they are there. */
#define IVSH_LOG_PIECE 256u

/* A write under way. For the library's use. */
struct ivsh_log_part {
	const uint8_t *from;
	uint32_t size;   /* bytes, up to IVSH_LOG_PIECE; 0: none is under way */
	uint64_t before; /* (end) when it began: while they are equal, it is not finished */
	uint64_t start;  /* its position */
	uint64_t end;    /* of this level's last write */
};

/* This peer's log. The caller's memory, for the library's use. Zeroed: not open. */
struct ivsh_log {
	const struct ivsh_region *region;
	struct ivsh_wire_log *line;
	uint8_t *bytes;
	uint32_t size;
	uint32_t depth;     /* contexts in ivsh_log_write() */
	uint64_t published; /* the position that was stored last */
	uint64_t spoiled; /* the least value of (storing): the last writer was killed in between */
	struct ivsh_log_part part[IVSH_LOG_LEVELS];
};

/*
 * Open the log of this peer's slot for writing, once in an incarnation.
 *
 * What earlier incarnations wrote stays until new bytes wrap over it. (region) must stay valid as
 * long as (log) is used.
 *
 * The thread that owns the region. Not from interrupts.
 *
 * IVSH_ENODEV  the region was formatted without logs: the program goes on without one.
 * IVSH_ELOST   another peer has claimed this slot, or it was detached: this handle is dead.
 * IVSH_EREMOVED  the device was unplugged: this handle is dead.
 * SPEC R15.1.
 */
int ivsh_log_open(struct ivsh_log *log, const struct ivsh_region *region) IVSH_MUST_CHECK;

/*
 * Append (size) bytes.
 *
 * One processor at a time; on it from any context, interrupt and trap handlers included, also
 * within another write. Such a handler first finishes the piece of IVSH_LOG_PIECE bytes that it has
 * interrupted, from the writer's own memory, and appends behind it: nothing is cut or waits, and
 * the bytes of longer writes may stand around the handler's. A program that writes from several
 * processors takes a lock of its own.
 *
 * Bounded by (size). Readers see each piece once it is whole. A program that is killed loses at
 * most the last piece. The answer may be ignored: nothing is wrong with the log then.
 *
 * IVSH_EAGAIN  not all was written: more than IVSH_LOG_LEVELS contexts are in this call, or the
 *              handlers that have interrupted a write filled the whole log since.
 * IVSH_ENODEV  the log is not open.
 * IVSH_ELOST, IVSH_EREMOVED  as ivsh_log_open().
 * SPEC R15.2.
 */
int ivsh_log_write(struct ivsh_log *log, const void *bytes, uint32_t size);

/* --- Reading -------------------------------------------------------------------------------- */

/* Somebody who reads a log. The caller's memory; for the library's use, but for what is marked. */
struct ivsh_log_reader {
	const struct ivsh_wire_log *line;
	const uint8_t *bytes;
	uint32_t size;
	uint32_t incarnation; /* readable: the slot's incarnation that wrote last; 0: none did */
	uint64_t begin; /* readable: position where that incarnation's bytes begin, unchecked */
	uint64_t next;  /* position of the next byte to be read; may be set, as to (begin) */
	bool is_back;   /* the last read found a position behind (next) */
};

/*
 * Begin to read the log of slot (slot), which may be this peer's own, or a dead one's, from the
 * oldest byte on that is still there: reader->next, which counts from 0. (region), which may be a
 * probed one, must stay mapped as long as the reader is used. Stores nothing. There is no close.
 *
 * IVSH_ENODEV  the region was formatted without logs.
 * IVSH_EPART   a split region: the slot's part is not here, or not used.
 * IVSH_EINVAL  no such slot.
 */
int ivsh_log_reader_open(struct ivsh_log_reader *reader, const struct ivsh_region *region,
    uint32_t slot) IVSH_MUST_CHECK;

/*
 * Read up to (size) bytes behind those that were read last. *got is set to their number, and *lost
 * to that of the bytes before them that the writer has overwritten; with lost bytes *got may be 0.
 * So (got) bytes are at positions reader->next - *got on. Stores nothing in the shared memory, and
 * never waits: a program that follows a log asks again, some time later.
 *
 * Any thread, one at a time for each reader. Not from interrupts.
 *
 * IVSH_EAGAIN  no more bytes, for now. *got and *lost are 0.
 * IVSH_EPEER   the log has gone back: its memory was restored or formatted again, or the position
 *              was damaged. What was read before may come again, or may be gone: the next call
 *              begins at the oldest byte. *got and *lost are 0.
 * SPEC R15.3.
 */
int ivsh_log_read(struct ivsh_log_reader *reader, void *buffer, uint32_t size, uint32_t *got,
    uint64_t *lost) IVSH_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
