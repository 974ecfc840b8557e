/* SPDX-License-Identifier: MIT */
/*
 * reload.c - a second server takes over from the first.
 */
#include "supervisor/reload.h"
#include "process/log.h"
#include "process/notify.h"
#include "supervisor/handover.h"
#include "supervisor/messages.h"
#include "supervisor/passing.h"

void reload_start(struct supervisor *supervisor)
{
	/* The file may have changed since the next server read it: the tick reloads again. */
	supervisor->is_reload_due = !supervisor->server.may_begin || supervisor->next.pid > 0;
	if (supervisor->is_reload_due)
		return;
	notify("RELOADING=1");
	passing_pause(supervisor);
	resources_write_down(&supervisor->resources);
	if (child_start(
		&supervisor->next, &supervisor->program, &supervisor->resources, true, false) == 0)
		messages_watch(supervisor, &supervisor->next);
	else
		reload_on_exit(supervisor);
}

void reload_on_exit(struct supervisor *supervisor)
{
	loop_remove(&supervisor->loop, &supervisor->next.watch);
	child_close(&supervisor->next);
	resources_settle(&supervisor->resources, false);
	handover_drop_config(supervisor);
	log_event("event=reload result=failed");
	notify("READY=1");
	passing_update(supervisor);
}

void reload_promote(struct supervisor *supervisor)
{
	loop_remove(&supervisor->loop, &supervisor->next.watch);
	supervisor->server = supervisor->next;
	supervisor->next = (struct child){.process = -1, .link = -1};
	messages_watch(supervisor, &supervisor->server);
	handover_adopt_config(supervisor);
	supervisor->resources.state.head->counts.reloads++;
	log_event("event=reload result=done server=%ld", (long)supervisor->server.pid);
	if (supervisor->server.is_ready)
		handover_begin(supervisor);
}
