/* SPDX-License-Identifier: MIT */
/*
 * start.c - starts the supervisor, and runs its loop: signals and the tick of 250 ms.
 */
#include "supervisor/start.h"
#include "config/settings.h"
#include "process/clock.h"
#include "process/log.h"
#include "process/notify.h"
#include "supervisor/children.h"
#include "supervisor/daemon.h"
#include "supervisor/messages.h"
#include "supervisor/passing.h"
#include "supervisor/reload.h"

#include <signal.h>
#include <sys/prctl.h>

#define TICK_NS 250000000u

static void on_signal(void *context, int signal)
{
	struct supervisor *supervisor = context;

	if (signal == SIGCHLD) {
		children_reap(supervisor);
	} else if (signal == SIGHUP && !supervisor->is_stopping) {
		reload_start(supervisor);
	} else if (!supervisor->is_stopping) {
		log_event("event=stop signal=%d", signal);
		children_stop(supervisor);
	}
}

static void on_tick(void *context)
{
	struct supervisor *supervisor = context;
	uint64_t now_ns;

	/* After a time in which this process was stopped, LINK_ALIVE waits in the link. */
	messages_read(supervisor, &supervisor->server);
	children_reap(supervisor);
	if (supervisor->server.pid == 0 && !supervisor->is_stopping)
		children_start(supervisor);
	if (supervisor->is_reload_due && !supervisor->is_stopping)
		reload_start(supervisor);
	now_ns = clock_now_ns(); /* not before the times that it is compared with */
	children_check_time(supervisor, now_ns);
	passing_retry(supervisor);
	notify_watchdog(now_ns);
}

static int open_loop(struct supervisor *supervisor)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	supervisor->loop =
	    (struct loop){.context = supervisor, .on_tick = on_tick, .on_signal = on_signal};
	if (loop_open(&supervisor->loop, &set, TICK_NS))
		return -1;
	return passing_open(supervisor);
}

static void run(struct supervisor *supervisor)
{
	while (!supervisor->is_stopped) {
		uint32_t waiting = passing_count(supervisor);

		loop_wait(&supervisor->loop, waiting ? 0 : -1);
		/* No other has come meanwhile: pass on all of them in one system call. */
		if (waiting && waiting == passing_count(supervisor))
			passing_send(supervisor);
	}
}

static int write_pid_file(const struct supervisor *supervisor, int *fd)
{
	const struct options *options = &supervisor->options;

	if (!options->pid_file)
		return 0;
	settings_about(options, SETTING_PID_FILE);
	*fd = daemon_pid_write(options->pid_file);
	log_about(NULL);
	return *fd < 0 ? -1 : 0;
}

int start_supervisor(struct supervisor *supervisor, char **argv)
{
	const char *pid_file = supervisor->options.pid_file;
	int pid_fd = -1;

	supervisor->server = supervisor->next = (struct child){.process = -1, .link = -1};
	supervisor->next_config = supervisor->next_known = -1;
	/* Mustn't, from here on: gain privileges by executing anything. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || program_open(&supervisor->program, argv) ||
	    resources_open(&supervisor->resources, &supervisor->options))
		return 1;
	if (open_loop(supervisor) == 0 && write_pid_file(supervisor, &pid_fd) == 0) {
		children_start(supervisor);
		run(supervisor);
		if (pid_file)
			daemon_pid_remove(pid_file, pid_fd);
	}
	resources_close(&supervisor->resources);
	return supervisor->is_ready || supervisor->is_stopping ? 0 : 1;
}
