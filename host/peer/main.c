/* SPDX-License-Identifier: MIT */
/*
 * main.c - ivsh: the commands of firmware/app as a process: of the host, or of a Linux guest.
 */
#include "app/app.h"
#include "app/command.h"
#include "app/status.h"
#include "observe/dump.h"
#include "peer/bridge.h"
#include "peer/capture.h"
#include "peer/expose.h"
#include "peer/files.h"
#include "peer/forward.h"
#include "peer/log.h"
#include "peer/mem.h"
#include "peer/place.h"
#include "peer/plot.h"
#include "peer/progress.h"
#include "peer/stop.h"
#include "peer/tune.h"
#include "process/inherited.h"
#include "top/top.h"

#include <signal.h>

/*
 * A signal ends a sleep at once; the partner's death, where no server announces it, may wait a
 * little.
 */
#define CHECK_NS UINT64_C(100000000)

#define CAPTURE                                                                                    \
	(OPTION_PLACE | OPTION_CAPTURE | OPTION_TIME | OPTION_OUTPUT | OPTION_PEER | OPTION_PORT | \
	    OPTION_COUNT | OPTION_WAIT | OPTION_SPIN | OPTION_JSON)

#define FORWARD (OPTION_PLACE | OPTION_SLOT | OPTION_NAME | OPTION_TIMEOUT | OPTION_FORWARD)

/* A stranger to signals: those of this process are remembered for it. */
static int top_run(const struct world *world, const struct options *options)
{
	stop_listen();
	return top_command(world, options);
}

static const struct command commands[] = {
    {"mem", mem_run, 1, 4, 0, 0,
	OPTION_SLOTS | OPTION_GEOMETRY | OPTION_FORCE | OPTION_QUIET | OPTION_JSON | OPTION_SPLIT,
	"create|info|rm FILE", "memory files for peers without a server; create FILE SIZE"},
    {"tune", tune_command, 1, 1, 0, 0,
	OPTION_TUNE | OPTION_TIME | OPTION_OUTPUT | OPTION_JSON | OPTION_QUIET, "",
	"measure this machine for a minute, and print a geometry for it"},
    {"capture", capture_command, 1, 1, 0, 0, CAPTURE, "",
	"write what passes through the rings to a pcapng file, without a slot"},
    {"dump", dump_command, 1, 4, 0, 0, OPTION_PLACE | OPTION_DUMP | OPTION_JSON | OPTION_COUNT,
	"[PART]", "show the words of a region, and which of them break SPEC.md"},
    {"top", top_run, 1, 1, 0, 0,
	OPTION_PLACE | OPTION_TOP | OPTION_INTERVAL | OPTION_JSON | OPTION_COUNT, "",
	"watch peers and rings live, without a slot"},
    {"log", log_command, 2, 2, 0, 0, OPTION_PLACE | OPTION_LOG | OPTION_JSON, "PEER",
	"print what a peer, living or dead, has logged last, without a slot"},
    {"cat", cat_command, 2, 2, 0, 0, FORWARD, "PEER[:SERVICE]",
	"a service's stream (a guest's console) to stdout, and stdin to it"},
    {"serve", serve_command, 3, UINT32_MAX, 48, 0, FORWARD | OPTION_PORT | OPTION_JSON,
	"NAME [--] PROGRAM [ARG]...", "offer a service: a process for each connection"},
    {"forward", forward_command, 3, 3, 49, 0, FORWARD | OPTION_PORT | OPTION_JSON,
	"LISTEN PEER:SERVICE", "a socket's connections to a service; --reverse SERVICE CONNECT"},
    {"bridge", bridge_command, 1, UINT32_MAX, 0, 0, 0, "[OPTION]...",
	"peers of other hosts as peers here, over NATS: ivsh-bridge(8)"},
    {NULL, NULL, 0, 0, 0, 0, 0, NULL, NULL},
};

static bool stopped(void)
{
	return stop_signal() != 0;
}

int main(int argc, char **argv)
{
	static const struct world world = {
	    .name = "Linux",
	    .options = place_options,
	    .place_option = place_option,
	    .places = place_count,
	    .open = place_open,
	    .probe = place_probe,
	    .close = place_close,
	    .entered = place_entered,
	    .refused = place_refused,
	    .state = place_state,
	    .release = place_release,
	    .ready = place_ready,
	    .join = place_join,
	    .vectors = place_vectors,
	    .expose = expose_run,
	    .event = place_event,
	    .now_ns = place_now_ns,
	    .nap = place_nap,
	    .progress = progress_bytes,
	    .progress_end = progress_end,
	    .stopped = stopped,
	    .check_ns = CHECK_NS,
	    .files = &files,
	    .plot = &plot,
	    .commands = commands,
	};
	int status = bridge_exec(argc, argv);
	sigset_t kept;

	if (status >= 0)
		return status;
	/* nohup(1) is asked for; whatever else is ignored or blocked is its parent's affair. */
	sigemptyset(&kept);
	sigaddset(&kept, SIGHUP);
	if (inherited_reset(NULL, &kept))
		return STATUS_FAILED;
	stop_guard();
	return app_main(argc, argv, &world);
}
