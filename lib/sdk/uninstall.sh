#!/bin/sh
# SPDX-License-Identifier: MIT
#
# uninstall.sh - removes what install.sh has put below PREFIX, and the folders that it made for it:
# what PREFIX/share/ivsh/installed says. `make uninstall` calls it, with the same variables in the
# environment; DESTDIR and PREFIX must be those of the installation.
set -eu
unset CDPATH
cd "$(dirname "$0")/../.."
goal=uninstall
. lib/sdk/paths.sh
work=$(mktemp -d "${TMPDIR:-/tmp}/ivsh-install.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ ! -e "$DESTDIR$SHARE/installed" ]; then
	echo "make uninstall: $DESTDIR$SHARE/installed: is not there: nothing was installed below" \
		"this PREFIX" >&2
	exit 0
fi
while read -r kind path; do
	[ "$kind" != file ] || printf '%s\0' "$DESTDIR$path"
done <"$DESTDIR$SHARE/installed" >"$work/files"
sort -r "$DESTDIR$SHARE/installed" >"$work/all" # the deepest folder first
xargs -0 rm -f <"$work/files"
while read -r kind sum size path; do
	case $kind in
	unless-changed)
		if [ -e "$DESTDIR$path" ] && [ "$(cksum <"$DESTDIR$path")" = "$sum $size" ]; then
			rm -f "$DESTDIR$path"
		fi
		;;
	esac
done <"$work/all"
# The Filesystem Hierarchy Standard has these, whoever made them.
while read -r kind path; do
	case $kind.$DESTDIR.$path in
	folder../usr | folder../usr/local | folder../etc) ;;
	folder../usr/bin | folder../usr/sbin | folder../usr/lib | folder../usr/include) ;;
	folder../usr/share | folder../usr/share/man | folder../usr/share/doc) ;;
	folder../usr/local/bin | folder../usr/local/sbin | folder../usr/local/lib) ;;
	folder../usr/local/include | folder../usr/local/share | folder../usr/local/share/man) ;;
	folder.*) rmdir "$DESTDIR$path" 2>/dev/null || true ;;
	esac
done <"$work/all"
