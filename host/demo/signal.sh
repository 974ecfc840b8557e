# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# signal.sh - what a script does at a signal, also amidst an expansion: scripts source it.

# Run $2 when signal $1 comes. With a bare trap, bash 5.2 can lose the signal: one that is due when
# $(...) or <(...) is expanded is handled by the parser that has just begun to read the expansion.
# That one takes $2 for its body, misses the closing parenthesis, and drops it all: "trap: line 2:
# unexpected EOF while looking for matching `)'". Here the parenthesis stands on a line of its own,
# which is read there and nowhere else: (2) ends with exit, before any other parser gets that far.
on_signal() {
	# shellcheck disable=SC2064  # the words, as they are now
	trap "$2"$'\n)' "$1"
}
