/* SPDX-License-Identifier: MIT */
/*
 * keeper.c - holds what servers serve, and sees that there is one.
 *
 * Theory of operation
 *
 * Every server is started in the same way: forked and executed, with all descriptors inherited and
 * the ledger in which the last one worked. It reads its configuration, isolates itself, and says
 * that it is ready; when the last one has ended it is told to go. The first one finds an empty
 * ledger. So what happens after a kill -9 happens at each start and at each reload.
 *
 * Connections are accepted here, and passed on: one that only a server held would end with it, and
 * QEMU spins for ever when its connection ends without a word. The keeper never sends to a client
 * and never reads from one. From a server it takes numbers, and bounds them: nothing that a server
 * says makes it do more than close connections and start another server.
 */
#include "server/keeper.h"
#include "server/daemon.h"
#include "server/log.h"
#include "server/notify.h"
#include "server/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEPER_TICK_NS 250000000
#define KEEPER_EVENTS 16

#define KEEPER_HEARS 256                    /* messages taken from a server at a time */
#define KEEPER_SHORT_NS UINT64_C(100000000) /* a life so short counts as a failure */
#define KEEPER_FAILURES 5                   /* in a row; then servers are started by the tick */

#define KEEPER_BEGIN_NS UINT64_C(10000000000) /* for a server to be ready */
#define KEEPER_ALIVE_NS UINT64_C(10000000000) /* between two signs of life */
#define KEEPER_LEAVE_NS UINT64_C(1000000000)  /* for a server to end after it was told to */

/* What an event is about; the listeners follow from KEEPER_LISTENERS on. */
enum {
	KEEPER_TIMER,
	KEEPER_SIGNALS,
	KEEPER_SERVER,
	KEEPER_NEXT,
	KEEPER_LISTENERS
};

static int keeper_watch(const struct keeper *keeper, int fd, uint32_t what)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = what};

	if (fd < 0 || epoll_ctl(keeper->epoll, EPOLL_CTL_ADD, fd, &event))
		return log_failure("epoll", "%s", strerror(errno));
	return 0;
}

/* Watch the listeners, or let connections wait in their queues. */
static void keeper_accept(struct keeper *keeper, bool on)
{
	if (keeper->is_accepting == on)
		return;
	keeper->is_accepting = on;
	for (uint32_t i = 0; i < keeper->holdings.listeners; i++) {
		int fd = keeper->holdings.listener[i].fd;

		if (fd < 0)
			continue;
		if (on)
			keeper_watch(keeper, fd, KEEPER_LISTENERS + i);
		else
			epoll_ctl(keeper->epoll, EPOLL_CTL_DEL, fd, NULL);
	}
}

/* Accept only for a server that serves, and has taken the last one. */
static void keeper_accept_if(struct keeper *keeper)
{
	keeper_accept(keeper,
	    keeper->server.is_going && !keeper->server.is_leaving && keeper->next.pid == 0 &&
		!keeper->is_held_up && !keeper->acceptor.is_paused &&
		keeper->holdings.used < keeper->holdings.sockets && !keeper->is_stopping);
}

/* Hear of it when the server has taken some of what is on its way to it. */
static void keeper_await_room(const struct keeper *keeper, bool on)
{
	struct epoll_event event = {
	    .events = EPOLLIN | (on ? EPOLLOUT : 0u), .data.u32 = KEEPER_SERVER};

	if (keeper->server.link >= 0)
		epoll_ctl(keeper->epoll, EPOLL_CTL_MOD, keeper->server.link, &event);
}

static bool keeper_is_passing(const struct keeper *keeper)
{
	return keeper->passing_count > 0 && !keeper->is_held_up && keeper->server.is_going;
}

/* Whether an error of a send is over after a while. */
static bool keeper_is_brief(int error)
{
	return error == EAGAIN || error == ETOOMANYREFS || error == ENOMEM || error == ENOBUFS;
}

/* Those that are left, from (done) on. */
static void keeper_passed(struct keeper *keeper, uint32_t done)
{
	keeper->passing_count -= done;
	memmove(keeper->passing, keeper->passing + done,
	    keeper->passing_count * sizeof *keeper->passing);
}

/*
 * Pass connections on. A server that begins later finds them in the ledger. When the link is full
 * there is an event when it is no more; for what else passes, keeper_tick() tries again.
 */
static void keeper_pass(struct keeper *keeper)
{
	bool was_held_up = keeper->is_held_up;
	int fds[KEEPER_PASSES], error = 0;

	keeper->is_held_up = false;
	for (uint32_t i = 0; i < keeper->passing_count; i++)
		fds[i] = keeper->holdings.socket[keeper->passing[i].index].fd;
	for (uint32_t done = 0; keeper->passing_count > 0 && !keeper->is_held_up;) {
		int sent = link_send_many(
		    keeper->server.link, keeper->passing, fds + done, keeper->passing_count);

		error = sent < 0 ? errno : 0;
		keeper->is_held_up = keeper_is_brief(error);
		if (keeper->is_held_up)
			break;
		/* What cannot be sent is no more, or the server is. */
		sent = sent > 0 ? sent : 1;
		keeper_passed(keeper, (uint32_t)sent);
		done += (uint32_t)sent;
	}
	if (keeper->is_held_up)
		keeper_await_room(keeper, error == EAGAIN);
	else if (was_held_up)
		keeper_await_room(keeper, false);
	keeper_accept_if(keeper);
}

/*
 * As many connections as have come in this moment already, and at least one: so a single one costs
 * no second accept4(2), which is answered that there is none only after the kernel made all that
 * belongs to a connection.
 */
static void keeper_take(struct keeper *keeper, uint32_t place)
{
	const struct listener *listener = &keeper->holdings.listener[place];
	uint32_t takes = keeper->passing_count > 0 ? keeper->passing_count : 1;

	for (uint32_t i = 0; i < takes && keeper->is_accepting; i++) {
		uint32_t free_place = holdings_free_place(&keeper->holdings);
		enum caller caller = CALLER_OTHER;
		int fd = -1;

		if (free_place == keeper->holdings.sockets)
			keeper->acceptor.is_paused = true;
		else
			fd = acceptor_take(&keeper->acceptor, listener->fd, &caller);
		if (fd >= 0) {
			holdings_add(&keeper->holdings, free_place, fd, listener->slot);
			keeper->passing[keeper->passing_count++] =
			    (struct link_message){.kind = LINK_CLIENT,
				.index = free_place,
				.slot = listener->slot,
				.caller = caller};
		}
		keeper->holdings.ledger.head->counts.refused[CLIENTS_DESCRIPTORS] =
		    keeper->acceptor.turned_away;
		if (keeper->passing_count == KEEPER_PASSES)
			keeper_pass(keeper);
		keeper_accept_if(keeper);
		if (fd < 0)
			return;
	}
}

/*
 * Start a server. After a failure the file by our name is given up for the one that we run: what
 * was installed over it does not work.
 */
static void keeper_start(struct keeper *keeper)
{
	struct child *server = &keeper->server;

	holdings_write_down(&keeper->holdings);
	if (child_start(server, &keeper->program, &keeper->holdings, false, keeper->is_own) == 0)
		keeper_watch(keeper, server->link, KEEPER_SERVER);
}

/* In a list of QEMU's options a comma is written twice: qemu-system(1). */
static void keeper_say_hint(const char *path, uint32_t vectors)
{
	char words[2 * LISTENER_PATH], *to = words;

	for (; *path; path++) {
		if (*path == ',')
			*to++ = ',';
		*to++ = *path;
	}
	*to = '\0';
	log_event("event=hint qemu=\"-chardev socket,path=%s,id=ivsh"
		  " -device ivshmem-doorbell,chardev=ivsh,vectors=%u\"",
	    words, vectors);
}

static void keeper_say_ready(const struct keeper *keeper)
{
	const struct options *options = &keeper->options;
	const struct ledger_head *head = keeper->holdings.ledger.head;

	for (uint32_t i = 0; i < options->bound_count; i++)
		log_event("event=bound slot=%u name=%s socket=%s", options->bound[i].slot,
		    options->bound[i].name, options->bound[i].socket);
	log_event("event=ready pid=%ld server=%ld socket=%s memory=%s size=%llu slots=%u vectors=%u"
		  " raw=%d classic=%d kept=%u epoch=0x%08x",
	    (long)getpid(), (long)keeper->server.pid, keeper->holdings.listener[0].path,
	    head->memory_path, (unsigned long long)options->size, options->slots, options->vectors,
	    options->raw, options->classic, head->kept, head->page_words.epoch);
	/* QEMU cannot be told the number of vectors, and under KVM dies of having too many. */
	if (options->vectors > 0)
		keeper_say_hint(keeper->holdings.listener[0].path, options->vectors);
}

/* A server is ready and no other is there: it may begin. */
static void keeper_go(struct keeper *keeper)
{
	const struct link_message go = {.kind = LINK_GO};

	holdings_rebind(&keeper->holdings, true);
	holdings_write_down(&keeper->holdings);
	if (link_send(keeper->server.link, &go, NULL, 0)) {
		child_signal(&keeper->server, SIGKILL);
		return;
	}
	keeper->server.is_going = true;
	keeper->passing_count = 0;
	keeper->is_held_up = false;
	keeper_accept_if(keeper);
}

/* A sign of life; the first one of the first server says that all is there. */
static void keeper_alive(struct keeper *keeper, struct child *child)
{
	if (child != &keeper->server || !child->is_going || child->is_alive)
		return;
	child->is_alive = true;
	notify("READY=1");
	if (!keeper->is_ready) {
		keeper->is_ready = true;
		keeper_say_ready(keeper);
		daemon_ready();
	}
}

/* The next server is ready: the one that serves shall end, between two messages of its own. */
static void keeper_hand_over(struct keeper *keeper)
{
	const struct link_message handover = {.kind = LINK_HANDOVER};

	keeper->server.is_leaving = true;
	keeper->stop_ns = clients_now_ns() + KEEPER_LEAVE_NS;
	if (link_send(keeper->server.link, &handover, NULL, 0))
		child_signal(&keeper->server, SIGKILL);
}

/* (*ours) is (*next) from now on, if there is one. */
static void keeper_take_one(int *ours, int *next)
{
	if (*next < 0)
		return;
	if (*ours >= 0)
		close(*ours);
	*ours = *next;
	*next = -1;
}

/* What the server read is what its successors read. */
static void keeper_take_config(struct keeper *keeper)
{
	keeper_take_one(&keeper->holdings.config, &keeper->next_config);
	keeper_take_one(&keeper->holdings.known, &keeper->next_known);
}

static void keeper_leave_config(struct keeper *keeper)
{
	if (keeper->next_config >= 0)
		close(keeper->next_config);
	if (keeper->next_known >= 0)
		close(keeper->next_known);
	keeper->next_config = keeper->next_known = -1;
}

/* (fds): what it looked up, and the configuration that it read; each may be -1. */
static void keeper_ready(struct keeper *keeper, struct child *child, const int *fds)
{
	child->is_ready = true;
	if (fds[0] >= 0) {
		keeper_leave_config(keeper);
		keeper->next_known = fds[0];
		keeper->next_config = fds[1];
		for (unsigned i = 0; i < LINK_FDS; i++)
			if (fds[i] >= 0)
				fcntl(fds[i], F_SETFD, 0);
	}
	if (child == &keeper->server) {
		keeper_take_config(keeper);
		keeper_go(keeper);
	} else if (keeper->server.pid > 0) {
		keeper_hand_over(keeper);
	}
}

/* One message of (child). What it is not entitled to is ignored. */
static void keeper_obey(
    struct keeper *keeper, struct child *child, const struct link_message *message, int *fds)
{
	child->heard_ns = clients_now_ns();
	/* A dead one says what it said before: it is neither begun with nor killed. */
	if (message->kind == LINK_READY && !child->is_ready && child->pid > 0) {
		keeper_ready(keeper, child, fds);
		fds[0] = fds[1] = -1;
	} else if (message->kind == LINK_ALIVE) {
		keeper_alive(keeper, child);
	} else if (message->kind == LINK_DROP && child == &keeper->server && child->is_going) {
		holdings_drop(&keeper->holdings, message->index);
		keeper_accept_if(keeper);
	} else if (message->kind == LINK_UNLISTEN && !child->is_ready) {
		holdings_unlisten(&keeper->holdings, message->index);
	} else if (message->kind == LINK_REBIND && !child->is_ready) {
		holdings_move(&keeper->holdings, message->index, message->slot);
	} else if (message->kind == LINK_LISTEN && !child->is_ready && fds[0] >= 0) {
		if (holdings_listen(&keeper->holdings, message, fds[0], fds[1]) == 0)
			fds[0] = fds[1] = -1;
	}
	for (unsigned i = 0; i < LINK_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void keeper_hear(struct keeper *keeper, struct child *child)
{
	struct link_message message;
	int fds[LINK_FDS], got = 0;

	if (child->link < 0)
		return;
	/* No more at a time than a server that serves can have to say: others have their turn. */
	for (unsigned i = 0; i < KEEPER_HEARS; i++) {
		got = link_receive(child->link, &message, fds);
		if (got <= 0)
			break;
		keeper_obey(keeper, child, &message, fds);
	}
	if (got >= 0)
		return;
	/* A server that has closed its end is of no use; most have just ended. */
	close(child->link);
	child->link = -1;
	child_signal(child, SIGKILL);
}

/* The next server is the server now; it begins when it is ready. */
static void keeper_promote(struct keeper *keeper)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = KEEPER_SERVER};

	keeper->server = keeper->next;
	keeper->next = (struct child){.process = -1, .link = -1};
	keeper_take_config(keeper);
	if (keeper->server.link >= 0)
		epoll_ctl(keeper->epoll, EPOLL_CTL_MOD, keeper->server.link, &event);
	keeper->holdings.ledger.head->counts.reloads++;
	log_event("event=reload result=done server=%ld", (long)keeper->server.pid);
	if (keeper->server.is_ready)
		keeper_go(keeper);
}

static void keeper_stop(struct keeper *keeper)
{
	keeper->is_stopping = true;
	keeper_accept_if(keeper);
	notify("STOPPING=1");
	child_signal(&keeper->next, SIGKILL);
	if (keeper->server.pid > 0)
		child_signal(&keeper->server, SIGTERM);
	else
		keeper->is_stopped = true;
	keeper->stop_ns = clients_now_ns() + KEEPER_LEAVE_NS;
}

/* The server has ended: by our word, by somebody's, or by accident. */
static void keeper_bury(struct keeper *keeper, int status)
{
	struct child old = keeper->server;
	bool is_good = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	/* What it said at the end still counts: connections that it closed. */
	keeper->server.pid = 0;
	while (keeper->server.link >= 0)
		keeper_hear(keeper, &keeper->server);
	child_close(&keeper->server);
	if (keeper->next.pid == 0)
		holdings_rebind(&keeper->holdings, false);
	keeper_accept(keeper, false);
	if (!keeper->is_stopping)
		keeper->stop_ns = 0;
	if (keeper->is_stopping) {
		keeper->is_stopped = true;
	} else if (keeper->next.pid > 0 && (old.is_leaving || !is_good)) {
		keeper_promote(keeper);
	} else if (is_good && !old.is_leaving) {
		log_event("event=stop server=%ld", (long)old.pid);
		keeper_stop(keeper);
	} else if (!keeper->is_ready) {
		keeper->is_stopped = true;
	} else {
		log_event("event=server-ended server=%ld signal=%d status=%d", (long)old.pid,
		    WIFSIGNALED(status) ? WTERMSIG(status) : 0,
		    WIFEXITED(status) ? WEXITSTATUS(status) : 0);
		keeper->holdings.ledger.head->counts.takeovers++;
		if (!old.is_alive || clients_now_ns() - old.began_ns < KEEPER_SHORT_NS)
			keeper->failures++;
		else
			keeper->failures = 0;
		/* What is installed under our name does not work: the next one is what we run. */
		keeper->is_own = !old.is_alive && !keeper->is_own;
		/* One that fails at once is not started in a loop: keeper_tick() does it then. */
		if (keeper->failures < (old.is_alive ? KEEPER_FAILURES : 2))
			keeper_start(keeper);
	}
}

/* The next server ended before the old one did: nothing changes. */
static void keeper_bury_next(struct keeper *keeper)
{
	child_close(&keeper->next);
	holdings_rebind(&keeper->holdings, false);
	keeper_leave_config(keeper);
	log_event("event=reload result=failed");
	notify("READY=1");
	keeper_accept_if(keeper);
}

/* Children of the program that became us, or, as process 1, of others that have ended. */
static void keeper_reap_others(const struct keeper *keeper)
{
	for (;;) {
		siginfo_t info = {.si_pid = 0};

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid == 0 ||
		    info.si_pid == keeper->next.pid || info.si_pid == keeper->server.pid)
			return;
		waitpid(info.si_pid, NULL, WNOHANG);
	}
}

static void keeper_reap(struct keeper *keeper)
{
	int status;

	if (child_has_ended(&keeper->next, &status))
		keeper_bury_next(keeper);
	if (child_has_ended(&keeper->server, &status))
		keeper_bury(keeper, status);
	keeper_reap_others(keeper);
}

static void keeper_reload(struct keeper *keeper)
{
	/* What the next one has read may have changed since: keeper_tick() does it again. */
	keeper->is_reload_due = !keeper->server.is_going || keeper->next.pid > 0;
	if (keeper->is_reload_due)
		return;
	notify("RELOADING=1");
	keeper_accept(keeper, false);
	holdings_write_down(&keeper->holdings);
	if (child_start(&keeper->next, &keeper->program, &keeper->holdings, true, false) == 0)
		keeper_watch(keeper, keeper->next.link, KEEPER_NEXT);
	else
		keeper_bury_next(keeper);
}

static void keeper_signal(struct keeper *keeper)
{
	struct signalfd_siginfo info;

	while (read(keeper->signals, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo == SIGCHLD) {
			keeper_reap(keeper);
		} else if (info.ssi_signo == SIGHUP && !keeper->is_stopping) {
			keeper_reload(keeper);
		} else if (!keeper->is_stopping) {
			log_event("event=stop signal=%u", info.ssi_signo);
			keeper_stop(keeper);
		}
	}
}

/* Kill a server that does not do its part in time. */
static void keeper_judge(const struct child *child, uint64_t now_ns)
{
	uint64_t since_ns = child->is_going ? child->heard_ns : child->began_ns;

	if (child->pid == 0 || child->is_leaving ||
	    now_ns - since_ns < (child->is_going ? KEEPER_ALIVE_NS : KEEPER_BEGIN_NS))
		return;
	log_event("event=hang server=%ld", (long)child->pid);
	child_signal(child, SIGKILL);
}

static void keeper_tick(struct keeper *keeper)
{
	uint64_t now_ns, ticks;

	if (read(keeper->timer, &ticks, sizeof ticks) < 0)
		return;
	/* If we were stopped ourselves, signs of life wait here. */
	keeper_hear(keeper, &keeper->server);
	keeper_reap(keeper);
	if (keeper->server.pid == 0 && !keeper->is_stopping)
		keeper_start(keeper);
	if (keeper->is_reload_due && !keeper->is_stopping)
		keeper_reload(keeper);
	now_ns = clients_now_ns(); /* not before what is judged by it */
	keeper_judge(&keeper->server, now_ns);
	if (!keeper->next.is_ready)
		keeper_judge(&keeper->next, now_ns);
	if (keeper->stop_ns && now_ns >= keeper->stop_ns)
		child_signal(&keeper->server, SIGKILL);
	acceptor_tick(&keeper->acceptor);
	if (keeper->is_held_up && keeper->server.is_going)
		keeper_pass(keeper);
	keeper_accept_if(keeper);
	notify_watchdog(now_ns);
}

/* What the server says, and room for what there is to say to it. */
static void keeper_link(struct keeper *keeper, uint32_t events)
{
	if (events & ~(uint32_t)EPOLLOUT)
		keeper_hear(keeper, &keeper->server);
	if ((events & EPOLLOUT) && keeper->is_held_up && keeper->server.is_going)
		keeper_pass(keeper);
}

static int keeper_events(struct keeper *keeper)
{
	const struct itimerspec tick = {{0, KEEPER_TICK_NS}, {0, KEEPER_TICK_NS}};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	keeper->epoll = epoll_create1(EPOLL_CLOEXEC);
	keeper->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	keeper->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (keeper->timer < 0 || timerfd_settime(keeper->timer, 0, &tick, NULL))
		return log_failure("timer", "%s", strerror(errno));
	if (keeper_watch(keeper, keeper->signals, KEEPER_SIGNALS) ||
	    keeper_watch(keeper, keeper->timer, KEEPER_TIMER))
		return -1;
	return acceptor_open(&keeper->acceptor);
}

static void keeper_run(struct keeper *keeper)
{
	struct epoll_event events[KEEPER_EVENTS];

	while (!keeper->is_stopped) {
		uint32_t passing = keeper_is_passing(keeper) ? keeper->passing_count : 0;
		int count = epoll_wait(keeper->epoll, events, KEEPER_EVENTS, passing ? 0 : -1);

		for (int i = 0; i < count; i++) {
			uint32_t what = events[i].data.u32;

			if (what == KEEPER_TIMER)
				keeper_tick(keeper);
			else if (what == KEEPER_SIGNALS)
				keeper_signal(keeper);
			else if (what == KEEPER_SERVER)
				keeper_link(keeper, events[i].events);
			else if (what == KEEPER_NEXT)
				keeper_hear(keeper, &keeper->next);
			else
				keeper_take(keeper, what - KEEPER_LISTENERS);
		}
		/* Nobody else has come meanwhile. */
		if (passing && passing == keeper->passing_count && keeper_is_passing(keeper))
			keeper_pass(keeper);
	}
}

static int keeper_pid_file(const struct keeper *keeper, int *fd)
{
	const struct options *options = &keeper->options;

	if (!options->pid_file)
		return 0;
	settings_about(options, 'p');
	*fd = daemon_pid_write(options->pid_file);
	log_about(NULL);
	return *fd < 0 ? -1 : 0;
}

int keeper_main(struct keeper *keeper, char **argv)
{
	const char *pid_file = keeper->options.pid_file;
	int pid_fd = -1;

	keeper->server = keeper->next = (struct child){.process = -1, .link = -1};
	keeper->next_config = keeper->next_known = -1;
	/* Mustn't, from here on: gain privileges by executing anything. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || program_open(&keeper->program, argv) ||
	    holdings_open(&keeper->holdings, &keeper->options))
		return 1;
	if (keeper_events(keeper) == 0 && keeper_pid_file(keeper, &pid_fd) == 0) {
		keeper_start(keeper);
		keeper_run(keeper);
		if (pid_file)
			daemon_pid_remove(pid_file, pid_fd);
	}
	holdings_close(&keeper->holdings);
	return keeper->is_ready || keeper->is_stopping ? 0 : 1;
}
