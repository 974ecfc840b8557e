/* SPDX-License-Identifier: MIT */
/*
 * log.c - the log: a line for each event, key=value, to stderr; once nobody reads that any more, to
 * the system's log.
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

#define LOG_LINE 1024                         /* of one event, before it is escaped */
#define LOG_SHOWN (4 * (LOG_LINE + PATH_MAX)) /* each byte as four */
#define LOG_SYSTEM "/dev/log"

/* syslog(3): the facility LOG_DAEMON and a severity. */
enum {
	LOG_SYSTEM_ERROR = 3 << 3 | 3,
	LOG_SYSTEM_INFO = 3 << 3 | 6
};

static bool is_verbose;
static char about[PATH_MAX + 64];
static unsigned long dropped_lines;
static bool is_held;
static char held[PIPE_BUF]; /* lines, each with its newline */
static size_t held_size;
static int system_socket = -1; /* a socket, for when nobody reads stderr any more */
static const struct sockaddr_un system_address = {.sun_family = AF_UNIX, .sun_path = LOG_SYSTEM};

void log_open(bool verbose)
{
	is_verbose = verbose;
}

/* syslog(3) is not used: it waits for its reader, and an isolated process cannot reach that. */
int log_open_system(void)
{
	system_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (system_socket < 0)
		return -1;
	if (connect(system_socket, (const struct sockaddr *)&system_address,
		sizeof(system_address)) == 0)
		return 0;
	close(system_socket);
	system_socket = -1;
	return -1;
}

/*
 * Write what is no printable ASCII, and the backslash, as \xNN, up to (size) - 1 bytes and a NUL:
 * paths and names then cannot steer a terminal or begin a line. Answers how many bytes.
 */
static size_t escape(char *shown, size_t size, const char *text)
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

/* Nobody will read stderr again: the other end of the pipe, or the terminal, is gone. */
static bool is_over(short events)
{
	return system_socket >= 0 && (events & (POLLERR | POLLHUP)) != 0;
}

static int send_to_system(int priority, const char *shown)
{
	char line[LOG_SHOWN + 128];
	int size = snprintf(line, sizeof(line), "<%d>%s[%ld]: %s", priority,
	    program_invocation_short_name, (long)getpid(), shown);

	if (send(system_socket, line, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	/* The reader was started again: a process that is not isolated finds the new one. */
	if (errno != EAGAIN &&
	    connect(system_socket, (const struct sockaddr *)&system_address,
		sizeof(system_address)) == 0 &&
	    send(system_socket, line, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	return -1;
}

/* Send lines, each with its newline, to the system's log. Answers how many are lost. */
static unsigned long lines_to_system(char *lines, size_t size)
{
	unsigned long lost = 0;
	char *end;

	for (char *line = lines; line < lines + size; line = end + 1) {
		end = memchr(line, '\n', (size_t)(lines + size - line));
		*end = '\0';
		lost += send_to_system(LOG_SYSTEM_INFO, line) != 0;
	}
	return lost;
}

/*
 * Write lines, each with its newline. A pipe that polls writable takes PIPE_BUF bytes as a whole.
 */
static void write_lines(char *lines, size_t size)
{
	struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};

	if (poll(&out, 1, 0) == 1 && is_over(out.revents)) {
		dropped_lines += lines_to_system(lines, size);
		return;
	}
	if ((out.revents & POLLOUT) && write(STDERR_FILENO, lines, size) >= 0)
		return;
	for (size_t i = 0; i < size; i++)
		dropped_lines += lines[i] == '\n';
}

static void flush(void)
{
	if (held_size > 0)
		write_lines(held, held_size);
	held_size = 0;
}

/* (shown) has room for a newline behind its (size) bytes. */
static void add_line(char *shown, size_t size)
{
	shown[size++] = '\n';
	if (!is_held) {
		write_lines(shown, size);
		return;
	}
	if (held_size + size > sizeof(held))
		flush();
	memcpy(held + held_size, shown, size);
	held_size += size;
}

static void __attribute__((format(printf, 1, 0))) add_event(const char *format, va_list arguments)
{
	char line[LOG_LINE], shown[PIPE_BUF - 64];
	size_t size;

	vsnprintf(line, sizeof(line), format, arguments);
	if (dropped_lines) {
		unsigned long dropped;

		flush();
		dropped = dropped_lines;
		size = (size_t)snprintf(shown, sizeof(shown), "event=dropped lines=%lu", dropped);
		add_line(shown, size);
		flush();
		/* If it is lost itself, it counts for the line that would have followed. */
		if (dropped_lines > dropped)
			return;
		dropped_lines = 0;
	}
	size = escape(shown, sizeof(shown) - 1, line);
	add_line(shown, size);
}

void log_hold(void)
{
	is_held = true;
}

void log_release(void)
{
	is_held = false;
	flush();
}

void log_event(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_event(format, arguments);
	va_end(arguments);
}

void log_detail(const char *format, ...)
{
	va_list arguments;

	if (!is_verbose)
		return;
	va_start(arguments, format);
	add_event(format, arguments);
	va_end(arguments);
}

void log_about(const char *where)
{
	snprintf(about, sizeof(about), "%s", where ? where : "");
}

int log_failure(const char *object, const char *format, ...)
{
	struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
	char text[LOG_LINE + PATH_MAX], shown[LOG_SHOWN];
	va_list arguments;
	int size;

	size = snprintf(text, sizeof(text), "%s%s%s: ", about, *about ? ": " : "", object);
	va_start(arguments, format);
	if ((size_t)size < sizeof(text))
		vsnprintf(text + size, sizeof(text) - (size_t)size, format, arguments);
	va_end(arguments);
	escape(shown, sizeof(shown), text);
	if (poll(&out, 1, 0) == 1 && is_over(out.revents))
		(void)send_to_system(LOG_SYSTEM_ERROR, shown);
	else
		fprintf(stderr, "%s: %s\n", program_invocation_short_name, shown);
	return -1;
}
