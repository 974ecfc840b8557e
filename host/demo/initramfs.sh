#!/bin/sh
# SPDX-License-Identifier: MIT
#
# initramfs.sh - packs what a Linux guest runs: init, ivsh-static, and of Debian's packages busybox
# and the modules of VFIO.
#
# usage: host/demo/initramfs.sh FOLDER PROGRAM INITRAMFS
#
# FOLDER has the packages' files (./setup.sh linux), PROGRAM is build/host/ivsh-static.
set -eu
unset CDPATH
files=$1 program=$2 target=$3
root=$target.root
rm -rf "$root"
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/modules"
cp "$(dirname "$0")/init" "$root/init"
chmod 755 "$root/init"
busybox=$(find "$files" -name busybox -type f)
cp "$busybox" "$root/bin/busybox"
strip -o "$root/bin/ivsh" "$program"
# Debian 13 has them compressed.
find "$files" -name '*.ko' -exec cp {} "$root/modules" \;
find "$files" -name '*.ko.xz' -exec cp {} "$root/modules" \;
find "$root/modules" -name '*.xz' -exec xz -d {} +
(cd "$root" && find . | LC_ALL=C sort | ./bin/busybox cpio -o -H newc 2>/dev/null) >"$target.new"
mv "$target.new" "$target"
