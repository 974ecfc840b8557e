/* SPDX-License-Identifier: MIT */
/*
 * loss.c - telling a peer that messages for it are missing.
 */
#include "node/inside.h"

int ivsh_node_report_loss(struct ivsh_node *node, uint32_t peer)
{
	int error;

	if (!is_peer(node, peer))
		return IVSH_EINVAL;
	error = ivsh_chan_report_loss(&node->chans[peer]);
	if (error != IVSH_EPROTO)
		return error;
	error = ivsh_node_mend(node, peer);
	/* The ring that broke may have been the other one. */
	return error ? error : ivsh_chan_report_loss(&node->chans[peer]);
}
