/* SPDX-License-Identifier: MIT */
/*
 * loop.c - an epoll(7) set whose entries point to their watches.
 */
#include "process/loop.h"
#include "process/log.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define LOOP_EVENTS 16 /* taken from the kernel in one call */

static void on_timer(struct watch *watch, uint32_t events)
{
	struct loop *loop = watch->context;
	uint64_t ticks;

	(void)events;
	if (read(watch->fd, &ticks, sizeof(ticks)) == sizeof(ticks))
		loop->on_tick(loop->context);
}

static void on_signals(struct watch *watch, uint32_t events)
{
	struct loop *loop = watch->context;
	struct signalfd_siginfo info;

	(void)events;
	while (read(watch->fd, &info, sizeof(info)) == sizeof(info))
		loop->on_signal(loop->context, (int)info.ssi_signo);
}

static int add_signals(struct loop *loop, const sigset_t *signals)
{
	int fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);

	if (fd < 0)
		return log_failure("signals", "%s", strerror(errno));
	loop->signals = (struct watch){.on_event = on_signals, .context = loop};
	return loop_add(loop, &loop->signals, fd);
}

static int add_timer(struct loop *loop, uint32_t tick_ns)
{
	const struct itimerspec tick = {{0, (long)tick_ns}, {0, (long)tick_ns}};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0 || timerfd_settime(fd, 0, &tick, NULL))
		return log_failure("timer", "%s", strerror(errno));
	loop->timer = (struct watch){.on_event = on_timer, .context = loop};
	return loop_add(loop, &loop->timer, fd);
}

int loop_open(struct loop *loop, const sigset_t *signals, uint32_t tick_ns)
{
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		return log_failure("epoll", "%s", strerror(errno));
	if (signals && add_signals(loop, signals))
		return -1;
	return tick_ns ? add_timer(loop, tick_ns) : 0;
}

int loop_add(struct loop *loop, struct watch *watch, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};

	watch->fd = fd;
	watch->is_watched = fd >= 0 && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
	return watch->is_watched ? 0 : log_failure("epoll", "%s", strerror(errno));
}

void loop_remove(struct loop *loop, struct watch *watch)
{
	if (watch->is_watched)
		epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->is_watched = false;
}

void loop_await_room(struct loop *loop, const struct watch *watch, bool on)
{
	struct epoll_event event = {
	    .events = EPOLLIN | (on ? EPOLLOUT : 0u), .data.ptr = (void *)(uintptr_t)watch};

	if (watch->is_watched)
		epoll_ctl(loop->epoll, EPOLL_CTL_MOD, watch->fd, &event);
}

void loop_wait(struct loop *loop, int timeout_ms)
{
	struct epoll_event events[LOOP_EVENTS];
	int count = epoll_wait(loop->epoll, events, LOOP_EVENTS, timeout_ms);

	for (int i = 0; i < count; i++) {
		struct watch *watch = events[i].data.ptr;

		/* One that was called before may have removed it. */
		if (watch->is_watched)
			watch->on_event(watch, events[i].events);
	}
}
