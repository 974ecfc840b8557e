#!/bin/sh
# SPDX-License-Identifier: MIT
# amalgamation.sh - the whole library as two files, for a build that wants no more than these.
# $1: the folder that gets ivsh.h and ivsh.c; the rest: the library's sources, as paths from the
# root of this tree. ivsh.h is <ivsh/ivsh.h> and what that includes; ivsh.c is the sources.
set -eu
unset CDPATH
cd "$(dirname "$0")/.."
out=$1
shift
version=$(sed -n 's/^#define IVSH_VERSION "\(.*\)"$/\1/p' lib/include/ivsh/version.h)

# Each file once, where it is first included. $1: the include lines that are replaced by the files;
# $2: where these are; $3: the include lines that are left out; the rest: the files to begin with.
join() {
	ours=$1 root=$2 without=$3
	shift 3
	awk -v ours="$ours" -v root="$root" -v without="$without" '
	function take(path, line, name, got, lines) {
		if (last != "")
			print last = ""
		while ((got = (getline line < path)) > 0) {
			lines++
			if (line ~ "SPDX-License-Identifier" ||
			    without != "" && line ~ without)
				continue
			if (line ~ "^#include ") {
				name = substr(line, 11, length(line) - 11)
				if (taken[name]++)
					continue
				if (line ~ ours) {
					take(root name)
					continue
				}
			}
			if (line != "" || last != "")
				print line
			last = line
		}
		close(path)
		if (got < 0 || !lines) {
			print "amalgamation.sh: " path ": cannot be read" > "/dev/stderr"
			exit failed = 1
		}
	}
	BEGIN {
		for (i = 1; i < ARGC && !failed; i++)
			take(ARGV[i])
		exit failed
	}' "$@"
}

mkdir -p "$out"
{
	echo "/* SPDX-License-Identifier: MIT */"
	echo "/* ivsh $version: the public headers of the library, all in one. */"
	join '<ivsh/' lib/include/ '' lib/include/ivsh/ivsh.h
} >"$out/ivsh.h.new"
{
	echo "/* SPDX-License-Identifier: MIT */"
	cat <<-END
	/*
	 * ivsh $version: the library, all in one file. It needs ivsh.h beside it, of the C library
	 * memcpy(), memmove(), memset() and memcmp(), and these headers of the compiler.
	 */
	#include "ivsh.h"
	END
	# In one file every function is known to be in the same program.
	join '"' lib/ '<ivsh/' "$@" | sed 's/^#define HIDDEN .*/#define HIDDEN/'
} >"$out/ivsh.c.new"
mv "$out/ivsh.h.new" "$out/ivsh.h"
mv "$out/ivsh.c.new" "$out/ivsh.c"
