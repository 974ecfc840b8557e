// SPDX-License-Identifier: MIT
//
// echo.cpp - returns what comes to the echo port (`ivsh ping`), and prints the texts that come
// (`ivsh send`), until one of them is "end".
//
#include "ivsh.hpp"
#include "transport.h"

#include <stdio.h>
#include <string.h>

static const uint64_t room_ns = 100000000; // how long an answer waits

int main()
{
	const ivsh_mem *mem = transport_open();
	ivsh_node_options options = {};
	ivsh::node<> node;
	char text[32768];

	options.name = "echo";
	if (!mem || node.open(*mem, &options))
		return 1;
	for (ivsh_node_message m;;) {
		int error = node.receive(m, text);

		if (error == IVSH_ENOSPC) { // larger than text
			ivsh_node_drop(node.get(), &m);
			continue;
		}
		if (error)
			return 1;
		if (m.port == IVSH_PORT_ECHO) {
			ivsh::reservation answer(node.get(), m.peer, m.size);

			if (answer.data())
				memcpy(answer.data(), text, m.size);
			error = answer.publish(m.port);
			if (error == IVSH_EAGAIN) // no room: this waits for it
				error = node.send(m.peer, m.port, text, m.size, room_ns);
			if (error) // a peer that takes no answers out is not to stop the others
				printf("peer %u loses an answer\n", (unsigned)m.peer);
		} else if (m.port == IVSH_PORT_TEXT) {
			printf("peer %u says %.*s\n", (unsigned)m.peer, (int)m.size, text);
			if (m.size == 3 && memcmp(text, "end", 3) == 0)
				return 0;
		}
	}
}
