#!/bin/sh
# SPDX-License-Identifier: MIT
#
# initramfs.sh - packs what a Linux guest runs: init, our programs, and of Debian's packages busybox
# and the modules of VFIO.
#
# usage: host/demo/initramfs.sh FOLDER INITRAMFS PROGRAM...
#
# FOLDER has the packages' files (./setup.sh linux). A PROGRAM is linked statically, and is called
# by its name without "-static".
set -eu
unset CDPATH
files=$1 target=$2
shift 2
root=$target.root
rm -rf "$root"
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/modules"
cp "$(dirname "$0")/init" "$root/init"
chmod 755 "$root/init"
busybox=$(find "$files" -name busybox -type f)
cp "$busybox" "$root/bin/busybox"
for program in "$@"; do
	strip -o "$root/bin/$(basename "$program" -static)" "$program"
done
# Debian 13 has them compressed.
find "$files" -name '*.ko' -exec cp {} "$root/modules" \;
find "$files" -name '*.ko.xz' -exec cp {} "$root/modules" \;
find "$root/modules" -name '*.xz' -exec xz -d {} +
(cd "$root" && find . | LC_ALL=C sort | ./bin/busybox cpio -o -H newc 2>/dev/null) >"$target.new"
mv "$target.new" "$target"
