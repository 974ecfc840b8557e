/* SPDX-License-Identifier: MIT */
/*
 * children.c - server processes, and the restart policy.
 */
#include "supervisor/children.h"
#include "process/clock.h"
#include "process/log.h"
#include "process/notify.h"
#include "supervisor/messages.h"
#include "supervisor/passing.h"
#include "supervisor/reload.h"

#include <signal.h>
#include <sys/wait.h>

#define SHORT_NS UINT64_C(100000000) /* a server that ends sooner counts as a failure */
#define FAILURES 5                   /* in a row; then servers are started by the tick */

#define BEGIN_NS UINT64_C(10000000000) /* for a server to be ready */
#define ALIVE_NS UINT64_C(10000000000) /* between two LINK_ALIVE */

/*
 * After a failure the file by our name is given up for the one that we run: what was installed over
 * it does not work.
 */
void children_start(struct supervisor *supervisor)
{
	struct child *server = &supervisor->server;

	resources_write_down(&supervisor->resources);
	if (child_start(server, &supervisor->program, &supervisor->resources, false,
		supervisor->is_own) == 0)
		messages_watch(supervisor, server);
}

void children_stop(struct supervisor *supervisor)
{
	supervisor->is_stopping = true;
	passing_update(supervisor);
	notify("STOPPING=1");
	child_signal(&supervisor->next, SIGKILL);
	if (supervisor->server.pid > 0)
		child_signal(&supervisor->server, SIGTERM);
	else
		supervisor->is_stopped = true;
	supervisor->stop_ns = clock_now_ns() + SUPERVISOR_LEAVE_NS;
}

/* A server (old) was killed, or failed: start another one, now or at the next tick. */
static void restart(struct supervisor *supervisor, const struct child *old, int status)
{
	log_event("event=server-ended server=%ld signal=%d status=%d", (long)old->pid,
	    WIFSIGNALED(status) ? WTERMSIG(status) : 0,
	    WIFEXITED(status) ? WEXITSTATUS(status) : 0);
	supervisor->resources.state.head->counts.takeovers++;
	if (!old->is_alive || clock_now_ns() - old->began_ns < SHORT_NS)
		supervisor->failures++;
	else
		supervisor->failures = 0;
	/* The program installed by our name fails: the next server runs our own program. */
	supervisor->is_own = !old->is_alive && !supervisor->is_own;
	/* A server that fails at once is not started in a loop: the tick does it then. */
	if (supervisor->failures < (old->is_alive ? FAILURES : 2))
		children_start(supervisor);
}

/* The server has ended: at our request, by another process's signal, or by an error. */
static void on_server_exit(struct supervisor *supervisor, int status)
{
	struct child old = supervisor->server;
	bool is_good = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	/* Its last messages still count: they name connections that it closed. */
	messages_end(supervisor, &supervisor->server);
	child_close(&supervisor->server);
	if (supervisor->next.pid == 0)
		resources_settle(&supervisor->resources, false);
	passing_pause(supervisor);
	if (!supervisor->is_stopping)
		supervisor->stop_ns = 0;
	if (supervisor->is_stopping) {
		supervisor->is_stopped = true;
	} else if (supervisor->next.pid > 0 && (old.is_leaving || !is_good)) {
		reload_promote(supervisor);
	} else if (is_good && !old.is_leaving) {
		log_event("event=stop server=%ld", (long)old.pid);
		children_stop(supervisor);
	} else if (!supervisor->is_ready) {
		supervisor->is_stopped = true;
	} else {
		restart(supervisor, &old, status);
	}
}

/* Children of the program that became us, or, as process 1, of others that have ended. */
static void reap_others(const struct supervisor *supervisor)
{
	for (;;) {
		siginfo_t info = {.si_pid = 0};

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid == 0 ||
		    info.si_pid == supervisor->next.pid || info.si_pid == supervisor->server.pid)
			return;
		waitpid(info.si_pid, NULL, WNOHANG);
	}
}

void children_reap(struct supervisor *supervisor)
{
	int status;

	if (child_has_ended(&supervisor->next, &status))
		reload_on_exit(supervisor);
	if (child_has_ended(&supervisor->server, &status))
		on_server_exit(supervisor, status);
	reap_others(supervisor);
}

static void check_timeout(const struct child *child, uint64_t now_ns)
{
	uint64_t since_ns = child->may_begin ? child->alive_ns : child->began_ns;

	if (child->pid == 0 || child->is_leaving ||
	    now_ns - since_ns < (child->may_begin ? ALIVE_NS : BEGIN_NS))
		return;
	log_event("event=hang server=%ld", (long)child->pid);
	child_signal(child, SIGKILL);
}

void children_check_time(const struct supervisor *supervisor, uint64_t now_ns)
{
	check_timeout(&supervisor->server, now_ns);
	if (!supervisor->next.is_ready)
		check_timeout(&supervisor->next, now_ns);
	if (supervisor->stop_ns && now_ns >= supervisor->stop_ns)
		child_signal(&supervisor->server, SIGKILL);
}
