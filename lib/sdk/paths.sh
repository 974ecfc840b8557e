# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154  # variables of who includes this
#
# paths.sh - where an installation is, of PREFIX, LIBDIR, SBINDIR, SYSCONFDIR and PYTHONDIR:
# included by install.sh and uninstall.sh, which set (goal). The paths stand in files of pkg-config,
# CMake and systemd, each of which writes a space in another way: so there must be none.
refuse() { # $1: a variable, $2: what is wrong with it
	echo "make $goal: $1: $2" >&2
	exit 2
}
for variable in PREFIX LIBDIR SBINDIR SYSCONFDIR PYTHONDIR; do
	eval "value=\$$variable"
	case $value in
	*[!A-Za-z0-9_./+@~-]*)
		refuse "$variable" "'$value': it can have letters, digits and _ . / + @ ~ -"
		;;
	*..*) refuse "$variable" "'$value': without .." ;;
	esac
done
for variable in PREFIX SYSCONFDIR; do
	eval "value=\$$variable"
	case $value in
	/* | '') ;;
	*) refuse "$variable" "'$value': an absolute path is needed" ;;
	esac
done
PREFIX=${PREFIX%/}
# "/" is no folder for a package, but the machine itself.
DESTDIR=${DESTDIR%"${DESTDIR##*[!/]}"}
case $DESTDIR in
/* | '') ;;
*) DESTDIR=$PWD/$DESTDIR ;;
esac
below() { # $1: a path
	case $1 in
	/*) echo "${1%/}" ;;
	*) echo "$PREFIX/${1%/}" ;;
	esac
}
LIB=$(below "$LIBDIR")
SBIN=$(below "$SBINDIR") PYTHON=$(below "$PYTHONDIR") SHARE=$PREFIX/share/ivsh
