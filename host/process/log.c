/* SPDX-License-Identifier: MIT */
/*
 * log.c - what the server says: one line an event, key=value, on stderr; where nobody
 * reads that any more, to the system's log.
 */
#include "process/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LOG_LINE 1024                         /* of one event, as it was said */
#define LOG_SHOWN (4 * (LOG_LINE + PATH_MAX)) /* each byte as four */
#define LOG_SYSTEM "/dev/log"

/* syslog(3): the facility LOG_DAEMON and a severity. */
enum {
	LOG_SYSTEM_ERROR = 3 << 3 | 3,
	LOG_SYSTEM_INFO = 3 << 3 | 6
};

static bool log_is_verbose;
static char log_where[PATH_MAX + 64];
static unsigned long log_dropped;
static bool log_is_held;
static char log_held[PIPE_BUF]; /* lines, each with its newline */
static size_t log_held_size;
static int log_system = -1; /* a socket, where nobody reads stderr any more */
static const struct sockaddr_un log_address = {.sun_family = AF_UNIX, .sun_path = LOG_SYSTEM};

void log_open(bool verbose)
{
	log_is_verbose = verbose;
}

/* syslog(3) is not used: it waits for its reader, and cannot reach it once we are isolated. */
int log_open_system(void)
{
	log_system = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (log_system < 0)
		return -1;
	if (connect(log_system, (const struct sockaddr *)&log_address, sizeof(log_address)) == 0)
		return 0;
	close(log_system);
	log_system = -1;
	return -1;
}

/*
 * What is no printable ASCII, and the backslash, as \xNN, up to (size) - 1 bytes and a NUL: paths and
 * names steer no terminal, and make no lines. Answers how many.
 */
static size_t log_show(char *shown, size_t size, const char *text)
{
	size_t used = 0;

	for (const unsigned char *c = (const unsigned char *)text; *c && used + 5 <= size; c++) {
		if (*c >= 0x20 && *c < 0x7f && *c != '\\')
			shown[used++] = (char)*c;
		else
			used += (size_t)snprintf(shown + used, 5, "\\x%02x", *c);
	}
	shown[used] = '\0';
	return used;
}

/* Nobody reads it, and nobody will: the other end of the pipe, or the terminal, is gone. */
static bool log_is_over(short events)
{
	return log_system >= 0 && (events & (POLLERR | POLLHUP)) != 0;
}

static int log_to_system(int priority, const char *shown)
{
	char line[LOG_SHOWN + 128];
	int size = snprintf(line, sizeof(line), "<%d>%s[%ld]: %s", priority,
	    program_invocation_short_name, (long)getpid(), shown);

	if (send(log_system, line, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	/* It was started again: whoever is not isolated finds the new one. */
	if (errno != EAGAIN &&
	    connect(log_system, (const struct sockaddr *)&log_address, sizeof(log_address)) == 0 &&
	    send(log_system, line, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	return -1;
}

/* Lines, each with its newline, to the system's log; answers how many are lost. */
static unsigned long log_lines_to_system(char *lines, size_t size)
{
	unsigned long lost = 0;
	char *end;

	for (char *line = lines; line < lines + size; line = end + 1) {
		end = memchr(line, '\n', (size_t)(lines + size - line));
		*end = '\0';
		lost += log_to_system(LOG_SYSTEM_INFO, line) != 0;
	}
	return lost;
}

/* Lines, each with its newline; together at most PIPE_BUF: a pipe that polls writable takes it whole. */
static void log_write(char *lines, size_t size)
{
	struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};

	if (poll(&out, 1, 0) == 1 && log_is_over(out.revents)) {
		log_dropped += log_lines_to_system(lines, size);
		return;
	}
	if ((out.revents & POLLOUT) && write(STDERR_FILENO, lines, size) >= 0)
		return;
	for (size_t i = 0; i < size; i++)
		log_dropped += lines[i] == '\n';
}

static void log_flush(void)
{
	if (log_held_size > 0)
		log_write(log_held, log_held_size);
	log_held_size = 0;
}

/* (shown) has room for a newline behind its (size) bytes. */
static void log_say(char *shown, size_t size)
{
	shown[size++] = '\n';
	if (!log_is_held) {
		log_write(shown, size);
		return;
	}
	if (log_held_size + size > sizeof(log_held))
		log_flush();
	memcpy(log_held + log_held_size, shown, size);
	log_held_size += size;
}

static void __attribute__((format(printf, 1, 0))) log_line(const char *format, va_list arguments)
{
	char line[LOG_LINE], shown[PIPE_BUF - 64];
	size_t size;

	vsnprintf(line, sizeof(line), format, arguments);
	if (log_dropped) {
		unsigned long dropped;

		log_flush();
		dropped = log_dropped;
		size = (size_t)snprintf(shown, sizeof(shown), "event=dropped lines=%lu", dropped);
		log_say(shown, size);
		log_flush();
		/* Lost itself, it counts for the line that would have followed. */
		if (log_dropped > dropped)
			return;
		log_dropped = 0;
	}
	size = log_show(shown, sizeof(shown) - 1, line);
	log_say(shown, size);
}

void log_hold(void)
{
	log_is_held = true;
}

void log_release(void)
{
	log_is_held = false;
	log_flush();
}

void log_event(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(format, arguments);
	va_end(arguments);
}

void log_detail(const char *format, ...)
{
	va_list arguments;

	if (!log_is_verbose)
		return;
	va_start(arguments, format);
	log_line(format, arguments);
	va_end(arguments);
}

void log_about(const char *where)
{
	snprintf(log_where, sizeof(log_where), "%s", where ? where : "");
}

int log_failure(const char *object, const char *format, ...)
{
	struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
	char text[LOG_LINE + PATH_MAX], shown[LOG_SHOWN];
	va_list arguments;
	int size;

	size = snprintf(text, sizeof(text), "%s%s%s: ", log_where, *log_where ? ": " : "", object);
	va_start(arguments, format);
	if ((size_t)size < sizeof(text))
		vsnprintf(text + size, sizeof(text) - (size_t)size, format, arguments);
	va_end(arguments);
	log_show(shown, sizeof(shown), text);
	if (poll(&out, 1, 0) == 1 && log_is_over(out.revents))
		(void)log_to_system(LOG_SYSTEM_ERROR, shown);
	else
		fprintf(stderr, "%s: %s\n", program_invocation_short_name, shown);
	return -1;
}
