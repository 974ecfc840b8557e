/* SPDX-License-Identifier: MIT */
/*
 * handover.c - one server after another.
 */
#include "supervisor/handover.h"
#include "process/clock.h"
#include "process/inherited.h"
#include "supervisor/passing.h"

#include <signal.h>
#include <unistd.h>

void handover_begin(struct supervisor *supervisor)
{
	const struct link_message begin = {.kind = LINK_BEGIN};

	resources_settle(&supervisor->resources, true);
	resources_write_down(&supervisor->resources);
	if (link_send(supervisor->server.link, &begin, NULL, 0)) {
		child_signal(&supervisor->server, SIGKILL);
		return;
	}
	supervisor->server.may_begin = true;
	passing_forget(supervisor);
	passing_update(supervisor);
}

void handover_request(struct supervisor *supervisor)
{
	const struct link_message handover = {.kind = LINK_HANDOVER};

	supervisor->server.is_leaving = true;
	supervisor->stop_ns = clock_now_ns() + SUPERVISOR_LEAVE_NS;
	if (link_send(supervisor->server.link, &handover, NULL, 0))
		child_signal(&supervisor->server, SIGKILL);
}

void handover_keep_config(struct supervisor *supervisor, const int *fds)
{
	handover_drop_config(supervisor);
	supervisor->next_known = fds[0];
	supervisor->next_config = fds[1];
	inherited_pass_on(fds[0]);
	inherited_pass_on(fds[1]);
}

/* If there is a next descriptor, it takes the place of the present one. */
static void adopt(int *present, int *next)
{
	if (*next < 0)
		return;
	if (*present >= 0)
		close(*present);
	*present = *next;
	*next = -1;
}

void handover_adopt_config(struct supervisor *supervisor)
{
	adopt(&supervisor->resources.config, &supervisor->next_config);
	adopt(&supervisor->resources.known, &supervisor->next_known);
}

void handover_drop_config(struct supervisor *supervisor)
{
	if (supervisor->next_config >= 0)
		close(supervisor->next_config);
	if (supervisor->next_known >= 0)
		close(supervisor->next_known);
	supervisor->next_config = supervisor->next_known = -1;
}
