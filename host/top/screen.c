/* SPDX-License-Identifier: MIT */
/*
 * screen.c - the view on a terminal, by ncurses.
 *
 * Theory of operation: one thread sleeps in ppoll(2) until the next look is due, a key comes or a
 * signal does. Signals are blocked but there, so none is lost between a check and the sleep. What
 * ends the program leaves the terminal as it was: also a memory that another process truncates,
 * whose SIGBUS comes in the midst of a look.
 */
#include "top/screen.h"

#include "top/draw.h"
#include "top/keys.h"
#include "top/show.h"

#include "app/status.h"

#include <ivsh/error.h>

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static SCREEN *terminal;
static bool is_utf8;
static struct termios modes; /* of the terminal, before */
static char leave[64];       /* what takes the terminal back from the screen's mode */

static volatile sig_atomic_t end_signal, stop_requested, resize_requested;

static void end_remember(int number)
{
	end_signal = number;
}

static void stop_remember(int number)
{
	(void)number;
	stop_requested = 1;
}

static void resize_remember(int number)
{
	(void)number;
	resize_requested = 1;
}

static struct sigaction bus_before;

static const struct ivsh_mem *mem; /* what is shown */

static bool is_in_part(const void *address)
{
	for (uint32_t i = 0; i < mem->part_count; i++)
		if (mem->parts[i].base &&
		    (uintptr_t)address - (uintptr_t)mem->parts[i].base < mem->parts[i].size)
			return true;
	return false;
}

/*
 * The handler that was there puts zeroes in the place of a part, and prints a line, over which the
 * screen is drawn again. Without the memory it prints its line, and ends the process.
 */
static void bus_leave(int number, siginfo_t *info, void *ctx)
{
	ssize_t written;

	if (is_in_part(info->si_addr)) {
		resize_requested = 1;
	} else {
		written = write(STDOUT_FILENO, leave, strlen(leave));
		(void)written;
		tcsetattr(STDIN_FILENO, TCSANOW, &modes);
	}
	if (bus_before.sa_flags & SA_SIGINFO)
		bus_before.sa_sigaction(number, info, ctx);
	else
		_exit(STATUS_FAILED);
}

/* What takes back the mode, in one text that a signal handler can write. */
static void leave_make(void)
{
	const char *rmcup = tigetstr("rmcup"), *cnorm = tigetstr("cnorm"), *sgr0 = tigetstr("sgr0");
	const char *part[] = {sgr0, cnorm, rmcup};

	leave[0] = '\0';
	for (unsigned i = 0; i < sizeof(part) / sizeof(part[0]); i++)
		if (part[i] && part[i] != (const char *)-1 &&
		    strlen(leave) + strlen(part[i]) + 2 < sizeof(leave))
			strcat(leave, part[i]);
	strcat(leave, "\n");
}

/* Whether the terminal is known, and can place its cursor. */
static bool is_terminal_good(void)
{
	const char *name = getenv("TERM");
	int error;

	if (!name || !*name) {
		fprintf(stderr, "ivsh: top: TERM is not set: text instead of a screen\n");
		return false;
	}
	if (setupterm(NULL, STDOUT_FILENO, &error) == ERR || !cursor_address) {
		fprintf(stderr,
		    "ivsh: top: TERM=%s: no such terminal, or it cannot place its cursor: text "
		    "instead of a screen\n",
		    name);
		return false;
	}
	return true;
}

bool screen_begin(void)
{
	setlocale(LC_CTYPE, "");
	is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	if (!is_terminal_good() || tcgetattr(STDIN_FILENO, &modes))
		return false;
	leave_make();
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal)
		return false;
	set_escdelay(50);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	return true;
}

void screen_end(void)
{
	if (!terminal)
		return;
	endwin();
	delscreen(terminal);
	terminal = NULL;
}

/* Set handlers, blocked but in the sleep: (asleep) is the mask for it. */
static void signals_take(sigset_t *asleep)
{
	static const struct {
		int number;
		void (*handler)(int);
	} rows[] = {
	    {SIGINT, end_remember},
	    {SIGTERM, end_remember},
	    {SIGHUP, end_remember},
	    {SIGTSTP, stop_remember},
	    {SIGWINCH, resize_remember},
	};
	struct sigaction bus = {.sa_sigaction = bus_leave, .sa_flags = SA_SIGINFO};
	sigset_t taken;

	sigemptyset(&taken);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		sigaddset(&taken, rows[i].number);
	sigprocmask(SIG_BLOCK, &taken, asleep);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sigaction action = {.sa_handler = rows[i].handler}, before;

		/* nohup(1), and a shell without job control, have some ignored, and mean it. */
		if (!sigaction(rows[i].number, NULL, &before) && before.sa_handler == SIG_IGN)
			continue;
		sigaction(rows[i].number, &action, NULL);
		sigdelset(asleep, rows[i].number);
	}
	sigaction(SIGBUS, &bus, &bus_before);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Ctrl-Z: give the terminal back, stop, and take it again. */
static void stop_here(void)
{
	struct sigaction stop = {.sa_handler = SIG_DFL}, before;
	sigset_t only, mask;

	stop_requested = 0;
	endwin();
	sigaction(SIGTSTP, &stop, &before);
	sigemptyset(&only);
	sigaddset(&only, SIGTSTP);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &only, &mask);
	/* Here it stands, until SIGCONT. */
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaction(SIGTSTP, &before, NULL);
	resize_requested = 1;
}

/* The size as the terminal has it now. */
static void resize(void)
{
	struct winsize size;

	resize_requested = 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
	clearok(stdscr, TRUE);
}

static int key_of(int key)
{
	switch (key) {
	case KEY_UP:
		return KEYS_UP;
	case KEY_DOWN:
		return KEYS_DOWN;
	case KEY_PPAGE:
		return KEYS_PAGE_UP;
	case KEY_NPAGE:
		return KEYS_PAGE_DOWN;
	case KEY_HOME:
		return KEYS_FIRST;
	case KEY_END:
		return KEYS_LAST;
	case KEY_ENTER:
		return '\n';
	default:
		return key < 0x100 ? key : 0;
	}
}

/* Take what was typed. False: the terminal is gone. */
static bool keys_take(struct view *v, short events)
{
	int key;

	if (events & (POLLHUP | POLLERR | POLLNVAL))
		return false;
	while ((key = getch()) != ERR)
		keys_press(v, key_of(key), draw_page(v, LINES));
	return true;
}

/* Sleep until (due_ns), a key or a signal. False: the terminal is gone. */
static bool sleep_until(struct view *v, uint64_t due_ns, const sigset_t *asleep)
{
	struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};
	uint64_t now = now_ns(), left = due_ns > now ? due_ns - now : 0;
	const struct timespec limit = {(time_t)(left / 1000000000), (long)(left % 1000000000)};

	if (ppoll(&fd, 1, v->paused ? NULL : &limit, asleep) > 0 && fd.revents)
		return keys_take(v, fd.revents);
	return true;
}

int screen_run(struct view *v, const struct transport *t, uint32_t count)
{
	uint64_t due_ns = 0;
	uint32_t looks = 0;
	sigset_t asleep;
	bool is_there = true;
	int error = 0;

	mem = &t->mem;
	signals_take(&asleep);
	while (is_there && !v->quit && !end_signal && !error) {
		if (!v->paused && now_ns() >= due_ns) {
			if (count && looks++ >= count)
				break;
			error = view_look(v);
			/* With the second look there are rates: it comes soon. */
			due_ns = now_ns() + (v->sample.looks == 1 && v->interval_ns > 500000000
						    ? 500000000
						    : v->interval_ns);
		}
		if (resize_requested)
			resize();
		draw_frame(v, t, is_utf8);
		is_there = sleep_until(v, due_ns, &asleep);
		if (stop_requested)
			stop_here();
	}
	screen_end();
	if (error)
		fprintf(stderr, "ivsh: top: %s\n", ivsh_error_text(error));
	if (error || !is_there)
		return STATUS_FAILED;
	return count && (v->quit || end_signal) && looks < count ? STATUS_STOPPED : STATUS_DONE;
}
