#!/bin/sh
# SPDX-License-Identifier: MIT
#
# deb.sh - builds Debian packages of this tree's files, as git has them, in a folder: `make deb`
# calls it. A tree that is no clone is taken as it is, but for what was built in it.
#
# usage: lib/sdk/deb.sh FOLDER
#
# FOLDER is made, or emptied if an earlier call made it. newlib is taken from build/ if it is there.
set -eu
unset CDPATH
cd "$(dirname "$0")/../.."
folder=$1
[ ! -e "$folder" ] || [ -e "$folder/ivsh.packages" ] || {
	echo "deb.sh: $folder: is there, and not of an earlier call: remove it, or name another" >&2
	exit 2
}
command -v dpkg-buildpackage >/dev/null && command -v dh >/dev/null || {
	echo "deb.sh: debhelper or dpkg-dev is missing: ./setup.sh packages" >&2
	exit 1
}
rm -rf "$folder"
tree=$folder/ivsh-$(sed -n 's/#define IVSH_VERSION "\(.*\)"/\1/p' lib/include/ivsh/version.h)
mkdir -p "$tree/build"
: >"$folder/ivsh.packages"
print_files() {
	if [ -e .git ]; then
		git ls-files -z
	else
		find . -path ./build -prune -o -path ./examples/out -prune -o ! -type d -print0
	fi
}
print_files >"$folder/files"
tar -c --null -T "$folder/files" | tar -x -C "$tree"
[ ! -e build/newlib ] || cp -a build/newlib "$tree/build/"
cd "$tree"
# What the caller's make hands down is for this tree.
if ! env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS dpkg-buildpackage --no-sign --build=binary \
	>"../build.log" 2>&1; then
	tail -n 20 ../build.log >&2
	echo "deb.sh: dpkg-buildpackage failed: $folder/build.log has all of it" >&2
	exit 1
fi
cd ..
ls -- *.deb
