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
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

if [ ! -e "$DESTDIR$SHARE/installed" ]; then
	echo "make uninstall: $DESTDIR$SHARE/installed: is not there: nothing was installed below" \
		"this PREFIX" >&2
	exit 0
fi
cp "$DESTDIR$SHARE/installed" "$work/all"
# Before anything is removed.
sed -n 's|^file \(.*\)/[^/]*$|\1|p; s|^unless-changed [0-9]* [0-9]* \(.*\)/[^/]*$|\1|p' \
	"$work/all" | sort -u | while read -r path; do
	if [ -d "$DESTDIR$path" ] && [ ! -w "$DESTDIR$path" ]; then
		echo "make uninstall: $DESTDIR$path: you may remove nothing from it: be root" >&2
		exit 1
	fi
done
# What says what is there goes last: what could not be removed can be again.
while read -r kind path; do
	[ "$kind $path" = "file $SHARE/installed" ] || [ "$kind" != file ] ||
		printf '%s\0' "$DESTDIR$path"
done <"$work/all" >"$work/files"
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
rm -f "$DESTDIR$SHARE/installed"
# What the Filesystem Hierarchy Standard has stays, whoever made it.
kept='/etc /usr /usr/bin /usr/sbin /usr/lib /usr/include /usr/share /usr/share/man /usr/share/doc
	/usr/local /usr/local/bin /usr/local/sbin /usr/local/lib /usr/local/include
	/usr/local/share /usr/local/share/man /usr/local/share/doc'
folders() {
	sed -n 's/^folder //p' "$work/all"
	echo "$SYSCONFDIR/ivsh"
	# Nothing in DESTDIR is anybody else's.
	[ -z "$DESTDIR" ] || awk '{path = $NF; while (sub("/[^/]*$", "", path) && path != "")
		print path}' "$work/all"
}
# The deepest first.
folders | sort -ru | while read -r path; do
	# shellcheck disable=SC2086,SC2116  # a list of words, on one line
	case " $(echo $kept) " in
	*" $DESTDIR$path "*) ;;
	*) rmdir "$DESTDIR$path" 2>/dev/null || true ;;
	esac
done
