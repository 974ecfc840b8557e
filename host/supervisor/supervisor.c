/* SPDX-License-Identifier: MIT */
/*
 * supervisor.c - holds what servers serve, and sees that there is one.
 *
 * Theory of operation
 *
 * Every server is started in the same way: forked and executed, with all descriptors inherited and
 * the state in which the last one worked. It reads its configuration, isolates itself, and says
 * that it is ready; when the last one has ended it is told to go. The first one finds an empty
 * state. So what happens after a kill -9 happens at each start and at each reload.
 *
 * Connections are accepted here, and passed on: one that only a server held would end with it, and
 * QEMU spins for ever when its connection ends without a word. The supervisor never sends to a client
 * and never reads from one. From a server it takes numbers, and bounds them: nothing that a server
 * says makes it do more than close connections and start another server.
 */
#include "supervisor/supervisor.h"
#include "process/clock.h"
#include "supervisor/daemon.h"
#include "process/log.h"
#include "supervisor/notify.h"
#include "config/settings.h"

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

#define SUPERVISOR_TICK_NS 250000000
#define SUPERVISOR_EVENTS 16

#define SUPERVISOR_HEARS 256                    /* messages taken from a server at a time */
#define SUPERVISOR_SHORT_NS UINT64_C(100000000) /* a life so short counts as a failure */
#define SUPERVISOR_FAILURES 5                   /* in a row; then servers are started by the tick */

#define SUPERVISOR_BEGIN_NS UINT64_C(10000000000) /* for a server to be ready */
#define SUPERVISOR_ALIVE_NS UINT64_C(10000000000) /* between two signs of life */
#define SUPERVISOR_LEAVE_NS UINT64_C(1000000000)  /* for a server to end after it was told to */

/* What an event is about; the listeners follow from SUPERVISOR_LISTENERS on. */
enum {
	SUPERVISOR_TIMER,
	SUPERVISOR_SIGNALS,
	SUPERVISOR_SERVER,
	SUPERVISOR_NEXT,
	SUPERVISOR_LISTENERS
};

static int supervisor_watch(const struct supervisor *supervisor, int fd, uint32_t what)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = what};

	if (fd < 0 || epoll_ctl(supervisor->epoll, EPOLL_CTL_ADD, fd, &event))
		return log_failure("epoll", "%s", strerror(errno));
	return 0;
}

/* Watch the listeners, or let connections wait in their queues. */
static void supervisor_accept(struct supervisor *supervisor, bool on)
{
	if (supervisor->is_accepting == on)
		return;
	supervisor->is_accepting = on;
	for (uint32_t i = 0; i < supervisor->resources.listeners; i++) {
		int fd = supervisor->resources.listener[i].fd;

		if (fd < 0)
			continue;
		if (on)
			supervisor_watch(supervisor, fd, SUPERVISOR_LISTENERS + i);
		else
			epoll_ctl(supervisor->epoll, EPOLL_CTL_DEL, fd, NULL);
	}
}

/* Accept only for a server that serves, and has taken the last one. */
static void supervisor_accept_if(struct supervisor *supervisor)
{
	supervisor_accept(
	    supervisor, supervisor->server.is_going && !supervisor->server.is_leaving &&
			    supervisor->next.pid == 0 && !supervisor->is_held_up &&
			    !supervisor->acceptor.is_paused &&
			    supervisor->resources.used < supervisor->resources.sockets &&
			    !supervisor->is_stopping);
}

/* Hear of it when the server has taken some of what is on its way to it. */
static void supervisor_await_room(const struct supervisor *supervisor, bool on)
{
	struct epoll_event event = {
	    .events = EPOLLIN | (on ? EPOLLOUT : 0u), .data.u32 = SUPERVISOR_SERVER};

	if (supervisor->server.link >= 0)
		epoll_ctl(supervisor->epoll, EPOLL_CTL_MOD, supervisor->server.link, &event);
}

static bool supervisor_is_passing(const struct supervisor *supervisor)
{
	return supervisor->passing_count > 0 && !supervisor->is_held_up &&
	       supervisor->server.is_going;
}

/* Whether an error of a send is over after a while. */
static bool supervisor_is_brief(int error)
{
	return error == EAGAIN || error == ETOOMANYREFS || error == ENOMEM || error == ENOBUFS;
}

/* Those that are left, from (done) on. */
static void supervisor_passed(struct supervisor *supervisor, uint32_t done)
{
	supervisor->passing_count -= done;
	memmove(supervisor->passing, supervisor->passing + done,
	    supervisor->passing_count * sizeof *supervisor->passing);
}

/*
 * Pass connections on. A server that begins later finds them in the state. When the link is full
 * there is an event when it is no more; for what else passes, supervisor_tick() tries again.
 */
static void supervisor_pass(struct supervisor *supervisor)
{
	bool was_held_up = supervisor->is_held_up;
	int fds[SUPERVISOR_PASSES], error = 0;

	supervisor->is_held_up = false;
	for (uint32_t i = 0; i < supervisor->passing_count; i++)
		fds[i] = supervisor->resources.socket[supervisor->passing[i].index].fd;
	for (uint32_t done = 0; supervisor->passing_count > 0 && !supervisor->is_held_up;) {
		int sent = link_send_many(supervisor->server.link, supervisor->passing, fds + done,
		    supervisor->passing_count);

		error = sent < 0 ? errno : 0;
		supervisor->is_held_up = supervisor_is_brief(error);
		if (supervisor->is_held_up)
			break;
		/* What cannot be sent is no more, or the server is. */
		sent = sent > 0 ? sent : 1;
		supervisor_passed(supervisor, (uint32_t)sent);
		done += (uint32_t)sent;
	}
	if (supervisor->is_held_up)
		supervisor_await_room(supervisor, error == EAGAIN);
	else if (was_held_up)
		supervisor_await_room(supervisor, false);
	supervisor_accept_if(supervisor);
}

/*
 * As many connections as have come in this moment already, and at least one: so a single one costs
 * no second accept4(2), which is answered that there is none only after the kernel made all that
 * belongs to a connection.
 */
static void supervisor_take(struct supervisor *supervisor, uint32_t place)
{
	const struct listener *listener = &supervisor->resources.listener[place];
	uint32_t takes = supervisor->passing_count > 0 ? supervisor->passing_count : 1;

	for (uint32_t i = 0; i < takes && supervisor->is_accepting; i++) {
		uint32_t free_place = resources_free_place(&supervisor->resources);
		enum caller caller = CALLER_OTHER;
		int fd = -1;

		if (free_place == supervisor->resources.sockets)
			supervisor->acceptor.is_paused = true;
		else
			fd = acceptor_take(&supervisor->acceptor, listener->fd, &caller);
		if (fd >= 0) {
			resources_add(&supervisor->resources, free_place, fd, listener->slot);
			supervisor->passing[supervisor->passing_count++] =
			    (struct link_message){.kind = LINK_CLIENT,
				.index = free_place,
				.slot = listener->slot,
				.caller = caller};
		}
		supervisor->resources.state.head->counts.refused[CLIENTS_DESCRIPTORS] =
		    supervisor->acceptor.turned_away;
		if (supervisor->passing_count == SUPERVISOR_PASSES)
			supervisor_pass(supervisor);
		supervisor_accept_if(supervisor);
		if (fd < 0)
			return;
	}
}

/*
 * Start a server. After a failure the file by our name is given up for the one that we run: what
 * was installed over it does not work.
 */
static void supervisor_start(struct supervisor *supervisor)
{
	struct child *server = &supervisor->server;

	resources_write_down(&supervisor->resources);
	if (child_start(server, &supervisor->program, &supervisor->resources, false,
		supervisor->is_own) == 0)
		supervisor_watch(supervisor, server->link, SUPERVISOR_SERVER);
}

/* In a list of QEMU's options a comma is written twice: qemu-system(1). */
static void supervisor_say_hint(const char *path, uint32_t vectors)
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

static void supervisor_say_ready(const struct supervisor *supervisor)
{
	const struct options *options = &supervisor->options;
	const struct state_head *head = supervisor->resources.state.head;

	for (uint32_t i = 0; i < options->bound_count; i++)
		log_event("event=bound slot=%u name=%s socket=%s", options->bound[i].slot,
		    options->bound[i].name, options->bound[i].socket);
	log_event("event=ready pid=%ld server=%ld socket=%s memory=%s size=%llu slots=%u vectors=%u"
		  " raw=%d classic=%d kept=%u epoch=0x%08x",
	    (long)getpid(), (long)supervisor->server.pid, supervisor->resources.listener[0].path,
	    head->memory_path, (unsigned long long)options->size, options->slots, options->vectors,
	    options->raw, options->classic, head->kept, head->page_words.epoch);
	/* QEMU cannot be told the number of vectors, and under KVM dies of having too many. */
	if (options->vectors > 0)
		supervisor_say_hint(supervisor->resources.listener[0].path, options->vectors);
}

/* A server is ready and no other is there: it may begin. */
static void supervisor_go(struct supervisor *supervisor)
{
	const struct link_message go = {.kind = LINK_GO};

	resources_rebind(&supervisor->resources, true);
	resources_write_down(&supervisor->resources);
	if (link_send(supervisor->server.link, &go, NULL, 0)) {
		child_signal(&supervisor->server, SIGKILL);
		return;
	}
	supervisor->server.is_going = true;
	supervisor->passing_count = 0;
	supervisor->is_held_up = false;
	supervisor_accept_if(supervisor);
}

/* A sign of life; the first one of the first server says that all is there. */
static void supervisor_alive(struct supervisor *supervisor, struct child *child)
{
	if (child != &supervisor->server || !child->is_going || child->is_alive)
		return;
	child->is_alive = true;
	notify("READY=1");
	if (!supervisor->is_ready) {
		supervisor->is_ready = true;
		supervisor_say_ready(supervisor);
		daemon_ready();
	}
}

/* The next server is ready: the one that serves shall end, between two messages of its own. */
static void supervisor_hand_over(struct supervisor *supervisor)
{
	const struct link_message handover = {.kind = LINK_HANDOVER};

	supervisor->server.is_leaving = true;
	supervisor->stop_ns = clock_now_ns() + SUPERVISOR_LEAVE_NS;
	if (link_send(supervisor->server.link, &handover, NULL, 0))
		child_signal(&supervisor->server, SIGKILL);
}

/* (*ours) is (*next) from now on, if there is one. */
static void supervisor_take_one(int *ours, int *next)
{
	if (*next < 0)
		return;
	if (*ours >= 0)
		close(*ours);
	*ours = *next;
	*next = -1;
}

/* What the server read is what its successors read. */
static void supervisor_take_config(struct supervisor *supervisor)
{
	supervisor_take_one(&supervisor->resources.config, &supervisor->next_config);
	supervisor_take_one(&supervisor->resources.known, &supervisor->next_known);
}

static void supervisor_leave_config(struct supervisor *supervisor)
{
	if (supervisor->next_config >= 0)
		close(supervisor->next_config);
	if (supervisor->next_known >= 0)
		close(supervisor->next_known);
	supervisor->next_config = supervisor->next_known = -1;
}

/* (fds): what it looked up, and the configuration that it read; each may be -1. */
static void supervisor_ready(struct supervisor *supervisor, struct child *child, const int *fds)
{
	child->is_ready = true;
	if (fds[0] >= 0) {
		supervisor_leave_config(supervisor);
		supervisor->next_known = fds[0];
		supervisor->next_config = fds[1];
		for (unsigned i = 0; i < LINK_FDS; i++)
			if (fds[i] >= 0)
				fcntl(fds[i], F_SETFD, 0);
	}
	if (child == &supervisor->server) {
		supervisor_take_config(supervisor);
		supervisor_go(supervisor);
	} else if (supervisor->server.pid > 0) {
		supervisor_hand_over(supervisor);
	}
}

/* One message of (child). What it is not entitled to is ignored. */
static void supervisor_obey(struct supervisor *supervisor, struct child *child,
    const struct link_message *message, int *fds)
{
	child->heard_ns = clock_now_ns();
	/* A dead one says what it said before: it is neither begun with nor killed. */
	if (message->kind == LINK_READY && !child->is_ready && child->pid > 0) {
		supervisor_ready(supervisor, child, fds);
		fds[0] = fds[1] = -1;
	} else if (message->kind == LINK_ALIVE) {
		supervisor_alive(supervisor, child);
	} else if (message->kind == LINK_DROP && child == &supervisor->server && child->is_going) {
		resources_drop(&supervisor->resources, message->index);
		supervisor_accept_if(supervisor);
	} else if (message->kind == LINK_UNLISTEN && !child->is_ready) {
		resources_unlisten(&supervisor->resources, message->index);
	} else if (message->kind == LINK_REBIND && !child->is_ready) {
		resources_move(&supervisor->resources, message->index, message->slot);
	} else if (message->kind == LINK_LISTEN && !child->is_ready && fds[0] >= 0) {
		if (resources_listen(&supervisor->resources, message, fds[0], fds[1]) == 0)
			fds[0] = fds[1] = -1;
	}
	for (unsigned i = 0; i < LINK_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void supervisor_hear(struct supervisor *supervisor, struct child *child)
{
	struct link_message message;
	int fds[LINK_FDS], got = 0;

	if (child->link < 0)
		return;
	/* No more at a time than a server that serves can have to say: others have their turn. */
	for (unsigned i = 0; i < SUPERVISOR_HEARS; i++) {
		got = link_receive(child->link, &message, fds);
		if (got <= 0)
			break;
		supervisor_obey(supervisor, child, &message, fds);
	}
	if (got >= 0)
		return;
	/* A server that has closed its end is of no use; most have just ended. */
	close(child->link);
	child->link = -1;
	child_signal(child, SIGKILL);
}

/* The next server is the server now; it begins when it is ready. */
static void supervisor_promote(struct supervisor *supervisor)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = SUPERVISOR_SERVER};

	supervisor->server = supervisor->next;
	supervisor->next = (struct child){.process = -1, .link = -1};
	supervisor_take_config(supervisor);
	if (supervisor->server.link >= 0)
		epoll_ctl(supervisor->epoll, EPOLL_CTL_MOD, supervisor->server.link, &event);
	supervisor->resources.state.head->counts.reloads++;
	log_event("event=reload result=done server=%ld", (long)supervisor->server.pid);
	if (supervisor->server.is_ready)
		supervisor_go(supervisor);
}

static void supervisor_stop(struct supervisor *supervisor)
{
	supervisor->is_stopping = true;
	supervisor_accept_if(supervisor);
	notify("STOPPING=1");
	child_signal(&supervisor->next, SIGKILL);
	if (supervisor->server.pid > 0)
		child_signal(&supervisor->server, SIGTERM);
	else
		supervisor->is_stopped = true;
	supervisor->stop_ns = clock_now_ns() + SUPERVISOR_LEAVE_NS;
}

/* The server has ended: by our word, by somebody's, or by accident. */
static void supervisor_bury(struct supervisor *supervisor, int status)
{
	struct child old = supervisor->server;
	bool is_good = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	/* What it said at the end still counts: connections that it closed. */
	supervisor->server.pid = 0;
	while (supervisor->server.link >= 0)
		supervisor_hear(supervisor, &supervisor->server);
	child_close(&supervisor->server);
	if (supervisor->next.pid == 0)
		resources_rebind(&supervisor->resources, false);
	supervisor_accept(supervisor, false);
	if (!supervisor->is_stopping)
		supervisor->stop_ns = 0;
	if (supervisor->is_stopping) {
		supervisor->is_stopped = true;
	} else if (supervisor->next.pid > 0 && (old.is_leaving || !is_good)) {
		supervisor_promote(supervisor);
	} else if (is_good && !old.is_leaving) {
		log_event("event=stop server=%ld", (long)old.pid);
		supervisor_stop(supervisor);
	} else if (!supervisor->is_ready) {
		supervisor->is_stopped = true;
	} else {
		log_event("event=server-ended server=%ld signal=%d status=%d", (long)old.pid,
		    WIFSIGNALED(status) ? WTERMSIG(status) : 0,
		    WIFEXITED(status) ? WEXITSTATUS(status) : 0);
		supervisor->resources.state.head->counts.takeovers++;
		if (!old.is_alive || clock_now_ns() - old.began_ns < SUPERVISOR_SHORT_NS)
			supervisor->failures++;
		else
			supervisor->failures = 0;
		/* What is installed under our name does not work: the next one is what we run. */
		supervisor->is_own = !old.is_alive && !supervisor->is_own;
		/* One that fails at once is not started in a loop: supervisor_tick() does it then. */
		if (supervisor->failures < (old.is_alive ? SUPERVISOR_FAILURES : 2))
			supervisor_start(supervisor);
	}
}

/* The next server ended before the old one did: nothing changes. */
static void supervisor_bury_next(struct supervisor *supervisor)
{
	child_close(&supervisor->next);
	resources_rebind(&supervisor->resources, false);
	supervisor_leave_config(supervisor);
	log_event("event=reload result=failed");
	notify("READY=1");
	supervisor_accept_if(supervisor);
}

/* Children of the program that became us, or, as process 1, of others that have ended. */
static void supervisor_reap_others(const struct supervisor *supervisor)
{
	for (;;) {
		siginfo_t info = {.si_pid = 0};

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid == 0 ||
		    info.si_pid == supervisor->next.pid || info.si_pid == supervisor->server.pid)
			return;
		waitpid(info.si_pid, NULL, WNOHANG);
	}
}

static void supervisor_reap(struct supervisor *supervisor)
{
	int status;

	if (child_has_ended(&supervisor->next, &status))
		supervisor_bury_next(supervisor);
	if (child_has_ended(&supervisor->server, &status))
		supervisor_bury(supervisor, status);
	supervisor_reap_others(supervisor);
}

static void supervisor_reload(struct supervisor *supervisor)
{
	/* What the next one has read may have changed since: supervisor_tick() does it again. */
	supervisor->is_reload_due = !supervisor->server.is_going || supervisor->next.pid > 0;
	if (supervisor->is_reload_due)
		return;
	notify("RELOADING=1");
	supervisor_accept(supervisor, false);
	resources_write_down(&supervisor->resources);
	if (child_start(
		&supervisor->next, &supervisor->program, &supervisor->resources, true, false) == 0)
		supervisor_watch(supervisor, supervisor->next.link, SUPERVISOR_NEXT);
	else
		supervisor_bury_next(supervisor);
}

static void supervisor_signal(struct supervisor *supervisor)
{
	struct signalfd_siginfo info;

	while (read(supervisor->signals, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo == SIGCHLD) {
			supervisor_reap(supervisor);
		} else if (info.ssi_signo == SIGHUP && !supervisor->is_stopping) {
			supervisor_reload(supervisor);
		} else if (!supervisor->is_stopping) {
			log_event("event=stop signal=%u", info.ssi_signo);
			supervisor_stop(supervisor);
		}
	}
}

/* Kill a server that does not do its part in time. */
static void supervisor_judge(const struct child *child, uint64_t now_ns)
{
	uint64_t since_ns = child->is_going ? child->heard_ns : child->began_ns;

	if (child->pid == 0 || child->is_leaving ||
	    now_ns - since_ns < (child->is_going ? SUPERVISOR_ALIVE_NS : SUPERVISOR_BEGIN_NS))
		return;
	log_event("event=hang server=%ld", (long)child->pid);
	child_signal(child, SIGKILL);
}

static void supervisor_tick(struct supervisor *supervisor)
{
	uint64_t now_ns, ticks;

	if (read(supervisor->timer, &ticks, sizeof ticks) < 0)
		return;
	/* If we were stopped ourselves, signs of life wait here. */
	supervisor_hear(supervisor, &supervisor->server);
	supervisor_reap(supervisor);
	if (supervisor->server.pid == 0 && !supervisor->is_stopping)
		supervisor_start(supervisor);
	if (supervisor->is_reload_due && !supervisor->is_stopping)
		supervisor_reload(supervisor);
	now_ns = clock_now_ns(); /* not before what is judged by it */
	supervisor_judge(&supervisor->server, now_ns);
	if (!supervisor->next.is_ready)
		supervisor_judge(&supervisor->next, now_ns);
	if (supervisor->stop_ns && now_ns >= supervisor->stop_ns)
		child_signal(&supervisor->server, SIGKILL);
	acceptor_tick(&supervisor->acceptor);
	if (supervisor->is_held_up && supervisor->server.is_going)
		supervisor_pass(supervisor);
	supervisor_accept_if(supervisor);
	notify_watchdog(now_ns);
}

/* What the server says, and room for what there is to say to it. */
static void supervisor_link(struct supervisor *supervisor, uint32_t events)
{
	if (events & ~(uint32_t)EPOLLOUT)
		supervisor_hear(supervisor, &supervisor->server);
	if ((events & EPOLLOUT) && supervisor->is_held_up && supervisor->server.is_going)
		supervisor_pass(supervisor);
}

static int supervisor_events(struct supervisor *supervisor)
{
	const struct itimerspec tick = {{0, SUPERVISOR_TICK_NS}, {0, SUPERVISOR_TICK_NS}};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	supervisor->epoll = epoll_create1(EPOLL_CLOEXEC);
	supervisor->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	supervisor->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (supervisor->timer < 0 || timerfd_settime(supervisor->timer, 0, &tick, NULL))
		return log_failure("timer", "%s", strerror(errno));
	if (supervisor_watch(supervisor, supervisor->signals, SUPERVISOR_SIGNALS) ||
	    supervisor_watch(supervisor, supervisor->timer, SUPERVISOR_TIMER))
		return -1;
	return acceptor_open(&supervisor->acceptor);
}

static void supervisor_run(struct supervisor *supervisor)
{
	struct epoll_event events[SUPERVISOR_EVENTS];

	while (!supervisor->is_stopped) {
		uint32_t passing =
		    supervisor_is_passing(supervisor) ? supervisor->passing_count : 0;
		int count =
		    epoll_wait(supervisor->epoll, events, SUPERVISOR_EVENTS, passing ? 0 : -1);

		for (int i = 0; i < count; i++) {
			uint32_t what = events[i].data.u32;

			if (what == SUPERVISOR_TIMER)
				supervisor_tick(supervisor);
			else if (what == SUPERVISOR_SIGNALS)
				supervisor_signal(supervisor);
			else if (what == SUPERVISOR_SERVER)
				supervisor_link(supervisor, events[i].events);
			else if (what == SUPERVISOR_NEXT)
				supervisor_hear(supervisor, &supervisor->next);
			else
				supervisor_take(supervisor, what - SUPERVISOR_LISTENERS);
		}
		/* Nobody else has come meanwhile. */
		if (passing && passing == supervisor->passing_count &&
		    supervisor_is_passing(supervisor))
			supervisor_pass(supervisor);
	}
}

static int supervisor_pid_file(const struct supervisor *supervisor, int *fd)
{
	const struct options *options = &supervisor->options;

	if (!options->pid_file)
		return 0;
	settings_about(options, 'p');
	*fd = daemon_pid_write(options->pid_file);
	log_about(NULL);
	return *fd < 0 ? -1 : 0;
}

int supervisor_main(struct supervisor *supervisor, char **argv)
{
	const char *pid_file = supervisor->options.pid_file;
	int pid_fd = -1;

	supervisor->server = supervisor->next = (struct child){.process = -1, .link = -1};
	supervisor->next_config = supervisor->next_known = -1;
	/* Mustn't, from here on: gain privileges by executing anything. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || program_open(&supervisor->program, argv) ||
	    resources_open(&supervisor->resources, &supervisor->options))
		return 1;
	if (supervisor_events(supervisor) == 0 && supervisor_pid_file(supervisor, &pid_fd) == 0) {
		supervisor_start(supervisor);
		supervisor_run(supervisor);
		if (pid_file)
			daemon_pid_remove(pid_file, pid_fd);
	}
	resources_close(&supervisor->resources);
	return supervisor->is_ready || supervisor->is_stopping ? 0 : 1;
}
