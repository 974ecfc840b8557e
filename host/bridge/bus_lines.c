/* SPDX-License-Identifier: MIT */
/*
 * bus_lines.c - what the log says of the connection to NATS.
 */
#include "bridge/bus.h"
#include "bridge/bus_parts.h"
#include "process/clock.h"
#include "process/log.h"

#define REPORT_NS UINT64_C(2000000000)

/* Lines of what a stranger may cause without end. */
void bus_errors_log(struct bus *bus, uint64_t now)
{
	uint64_t errors = atomic_load(&bus->errors);
	struct say said;

	if (errors != bus->logged_errors)
		say_add(&bus->error_lines, errors - bus->logged_errors);
	bus->logged_errors = errors;
	if (!say_is_due(&bus->error_lines, now))
		return;
	said = say_take(&bus->error_lines, now);
	log_event("event=bus-error count=%llu reason=\"%s\"%s", (unsigned long long)said.count,
	    natsStatus_GetText((natsStatus)atomic_load(&bus->error)),
	    atomic_load(&bus->error) == NATS_NOT_PERMITTED
		? " hint=\"nats-server's log names the subject; PERMISSIONS in ivsh-bridge(8)\""
		: "");
}

/* That it came, or went, once a second each, however often: the last line says how it is. */
void bus_changes_log(struct bus *bus, uint64_t now)
{
	uint64_t disconnects = atomic_load(&bus->disconnects);
	bool has_come = bus->connects != bus->logged_connects && bus_is_up(bus);
	bool has_gone = disconnects != bus->logged_disconnects;
	char url[256] = "", times[32];
	struct say gone = {.times = disconnects - bus->logged_disconnects};

	if ((!has_come && !has_gone) ||
	    (bus->changes_ns != 0 && now != SAY_ALL && now - bus->changes_ns < SAY_NS))
		return;
	bus->changes_ns = now;
	bus->logged_disconnects = disconnects;
	if (has_gone)
		log_event("event=bus-down%s", say_times(times, &gone));
	if (!has_come)
		return;
	bus->logged_connects = bus->connects;
	(void)natsConnection_GetConnectedUrl(bus->connection, url, sizeof(url));
	log_event("event=bus-up url=%s connects=%llu", url, (unsigned long long)bus->connects);
}

/* Why the connection does not stand, in libnats' words. */
static const char *reason_of(struct bus *bus)
{
	natsStatus status = (natsStatus)atomic_load(&bus->reason);
	const char *reason = NULL;

	/* Of a first connection libnats does not keep the server's words. */
	if (bus_is_closed(bus) &&
	    natsConnection_GetLastError(bus->connection, &reason) == NATS_NO_SERVER)
		return "no server answers, or it refuses the credentials or the certificates, or "
		       "has none that is trusted";
	if (reason && *reason)
		return reason;
	return status == NATS_OK ? "no answer" : natsStatus_GetText(status);
}

void bus_down_log(struct bus *bus)
{
	if (bus->is_reported || clock_now_ns() - bus->down_ns < REPORT_NS)
		return;
	log_event("event=bus-failed url=%s reason=\"%s\"", bus->config->url[0], reason_of(bus));
	bus->is_reported = true;
}
