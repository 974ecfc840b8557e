/* SPDX-License-Identifier: MIT */
/*
 * extcap.c - capture as Wireshark starts it.
 */
#include "peer/extcap.h"

#include "app/output.h"
#include "capture/packet.h"

#include <ivsh/version.h>

#include <stdio.h>

static enum {
	QUERY_NOTHING,
	QUERY_INTERFACES,
	QUERY_LINK_TYPES,
	QUERY_OPTIONS,
} query;
static const char *fifo;

bool extcap_interfaces_take(const char *text)
{
	(void)text;
	query = QUERY_INTERFACES;
	return true;
}

bool extcap_dlts_take(const char *text)
{
	(void)text;
	query = QUERY_LINK_TYPES;
	return true;
}

bool extcap_config_take(const char *text)
{
	(void)text;
	query = QUERY_OPTIONS;
	return true;
}

bool extcap_capture_take(const char *text)
{
	(void)text;
	return true;
}

bool extcap_fifo_take(const char *text)
{
	fifo = text;
	return true;
}

/* There is one interface, and each version of Wireshark gets the same answers. */
bool extcap_ignore_take(const char *text)
{
	(void)text;
	return true;
}

bool extcap_queries(void)
{
	return query != QUERY_NOTHING;
}

static void options_answer(void)
{
	static const struct {
		const char *call, *display, *type, *help;
	} rows[] = {
	    {"socket", "Server's socket", "string", "of ivsh-server; empty: the default one"},
	    {"file", "Or a memory file", "fileselect", "without a server: the memory itself"},
	    {"peer", "Peer", "string", "a slot or a name: only messages from it and to it"},
	    {"from", "From", "string", "a slot or a name: only messages from it"},
	    {"to", "To", "string", "a slot or a name: only messages to it"},
	    {"port", "Port", "unsigned", "only messages on this port"},
	    {"snap", "Bytes of a message", "unsigned", "that are kept at most"},
	    {"unproven", "Released messages, too", "boolflag",
		"their bytes may be those of a later message: they are marked"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		printf("arg {number=%u}{call=--%s}{display=%s}{type=%s}{tooltip=%s}\n", i,
		    rows[i].call, rows[i].display, rows[i].type, rows[i].help);
}

int extcap_answer(void)
{
	if (query == QUERY_INTERFACES)
		printf("extcap {version=%s}{display=ivsh}\n"
		       "interface {value=ivsh}{display=ivsh: messages of an ivshmem region}\n",
		    IVSH_VERSION);
	else if (query == QUERY_LINK_TYPES)
		printf("dlt {number=%u}{name=USER0}{display=ivsh messages}\n", PACKET_LINK_TYPE);
	else
		options_answer();
	return output_flush();
}

const char *extcap_fifo(void)
{
	return fifo;
}
