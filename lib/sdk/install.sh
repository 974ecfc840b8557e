#!/bin/sh
# SPDX-License-Identifier: MIT
#
# install.sh - puts what make has built below PREFIX, or says in a line why it cannot. `make
# install` calls it, and hands over in the environment:
#
#   DESTDIR     a folder that PREFIX is put into, for packages; may be empty
#   PYTHONDIR   where Python looks for modules, below PREFIX or absolute
#   PREFIX      /usr/local; LIBDIR, SBINDIR: below it, or absolute; SYSCONFDIR: absolute
#   ARCHES      the architectures of guests, and of each: CC_ARCH, and what programs for it are
#               compiled and linked with, CFLAGS_ARCH and LDFLAGS_ARCH; C++ also with CXXFLAGS
#   UEFI_ARCHES those of ivsh.efi
#
# What is there in build/ is installed. PREFIX/share/ivsh/installed says what was, and what folders
# were made for it, also after a failure or a signal: uninstall.sh removes that.
set -eu
unset CDPATH
cd "$(dirname "$0")/../.."
goal=install
. lib/sdk/paths.sh
work=$(mktemp -d "${TMPDIR:-/tmp}/ivsh-install.XXXXXX")
list=$work/list
finish() {
	trap - EXIT
	# What an earlier installation has put here goes with this one.
	if [ -s "$list" ]; then
		[ ! -e "$DESTDIR$SHARE/installed" ] || cat "$DESTDIR$SHARE/installed" >>"$list"
		sort -u "$list" >"$work/all"
		install -m 644 "$work/all" "$DESTDIR$SHARE/installed"
	fi
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# End before anything is written, if a folder cannot be had.
writable() { # $1: a variable, $2: a folder below DESTDIR that comes of it
	near=$DESTDIR$2
	while [ -n "$near" ] && [ ! -e "$near" ]; do
		near=${near%/*}
	done
	[ -d "${near:-/}" ] && [ -w "${near:-/}" ] || refuse "$1" \
		"${near:-/}: no folder that you may write to: be root, or give another $1"
}
# Folders that are missing are made. Written down are these, and those that are ours by their name:
# an earlier installation may have made them.
folder() { # $1: below DESTDIR
	case ${1#"$PREFIX"} in
	*/ivsh | */ivsh/*) ;;
	*) [ ! -d "$DESTDIR$1" ] || return 0 ;;
	esac
	[ "$1" = "" ] || folder "${1%/*}"
	[ "$1" = "" ] || echo "folder $1" >>"$list"
	[ -d "$DESTDIR$1" ] || mkdir -m 755 "$DESTDIR$1"
}
file() { # $1: a mode, $2: a file, $3: its path below DESTDIR
	folder "${3%/*}"
	echo "file $3" >>"$list"
	install -m "$1" "$2" "$DESTDIR$3"
}
data() { # $1: a folder below DESTDIR, the rest: files
	to=$1
	shift
	folder "$to"
	for each; do
		echo "file $to/${each##*/}" >>"$list"
	done
	install -m 644 -t "$DESTDIR$to" "$@"
}
built() { # $1: a mode, $2: a file of build/, $3: its path below DESTDIR
	[ ! -e "build/$2" ] || file "$1" "build/$2" "$3"
}
link() { # $1: what it says, $2: its path below DESTDIR
	folder "${2%/*}"
	echo "file $2" >>"$list"
	ln -sfn "$1" "$DESTDIR$2"
}
# Without what make or an editor has left there.
tree() { # $1: a folder, $2: its path below DESTDIR
	find "$1" \( -name out -o -name '.*' -o -name '*~' -o -name '*.o' \) -prune -o -print \
		>"$work/tree"
	sort "$work/tree" | while read -r each; do
		if [ -d "$each" ]; then
			folder "$2${each#"$1"}"
		else
			echo "file $2${each#"$1"}" >>"$list"
			install -m 644 "$each" "$DESTDIR$2${each#"$1"}"
		fi
	done
}
# Of one architecture: its compiler, what it needs, what its linker needs.
of() { # $1: CC, CFLAGS or LDFLAGS; $2: an architecture
	eval "printf '%s' \"\${$1_$2-}\""
}
# For pkg-config: what is below PREFIX moves with its prefix.
case $LIB in
"$PREFIX"/*) lib="\${prefix}${LIB#"$PREFIX"}" ;;
*) lib=$LIB ;;
esac
# A file of lib/sdk, with what its @NAMES@ stand for.
fill() { # $1: it, $2: its path below DESTDIR, $3: a target, $4: its name, $5: more for its linker
	arch=${3#uefi-}
	sed -e "s|@PREFIX@|$PREFIX|; s|@LIB@|$lib|" \
		-e "s|@VERSION@|$version|; s|@MINOR@|${version%.*}|" \
		-e "s|@TARGET@|$3|g; s|@NAME@|$4|g; s|@CC@|$(of CC "$arch")|" \
		-e "s|@CXX@|$(of CC "$arch" | sed 's/gcc$/g++/; s/clang$/clang++/')|" \
		-e "s|@CFLAGS@|$(of CFLAGS "$arch")|; s|@LDFLAGS@|$(of LDFLAGS "$arch")$5|" \
		-e "s|@CXXFLAGS@|$CXXFLAGS|" \
		"lib/sdk/$1" >"$work/filled"
	file 644 "$work/filled" "$2"
}
# A linker's script in one file: from anywhere, the linker finds no tail.ld.
script() { # $1: a target
	sed -e '/INCLUDE linker\/tail.ld/r linker/tail.ld' -e '//d' "linker/$1.ld" >"$work/script"
	file 644 "$work/script" "$LIB/ivsh/$1/ivsh.ld"
}
archives() { # $1: a target
	for each in libivsh libivsh-client libivsh-bare libivsh-conformance; do
		built 644 "$1/$each.a" "$LIB/ivsh/$1/$each.a"
	done
	name=-$1
	[ ! -e "build/$1/libivsh-conformance.a" ] ||
		fill conformance.pc "$LIB/pkgconfig/ivsh-conformance${name#-host}.pc" "$1" \
			"${name#-host}" ""
}

programs() {
	file 755 build/host/ivsh "$PREFIX/bin/ivsh"
	built 755 host/conformance "$PREFIX/bin/ivsh-conformance"
	built 755 host/ivsh-static "$LIB/ivsh/ivsh-static"
	file 755 build/host/ivsh-server "$SBIN/ivsh-server"
	link ivsh-server "$SBIN/ivshmem-server"
	data "$PREFIX/share/man/man1" host/man/ivsh.1 host/man/ivsh-conformance.1
	data "$PREFIX/share/man/man1" host/man/ivsh-capture.1
	data "$LIB/wireshark/plugins" host/wireshark/ivsh.lua
	# Wireshark's PATH may lack the program's folder.
	sed "s|exec ivsh|exec $PREFIX/bin/ivsh|" host/wireshark/ivsh-extcap >"$work/extcap"
	file 755 "$work/extcap" "$LIB/wireshark/extcap/ivsh-extcap"
	data "$PREFIX/share/man/man8" host/man/ivsh-server.8
	link ivsh-server.8 "$PREFIX/share/man/man8/ivshmem-server.8"
	data "$PREFIX/share/man/man3" build/man3/*.3
	data "$PREFIX/share/bash-completion/completions" host/completion/ivsh \
		host/completion/ivsh-server
	link ivsh-server "$PREFIX/share/bash-completion/completions/ivshmem-server"
	for unit in host/systemd/ivsh-server*; do
		sed "s|@SBINDIR@|$SBIN|; s|@SYSCONFDIR@|$SYSCONFDIR|" "$unit" >"$work/unit"
		file 644 "$work/unit" "$PREFIX/lib/systemd/system/${unit##*/}"
	done
	file 644 host/systemd/sysusers.conf "$PREFIX/lib/sysusers.d/ivsh-server.conf"
}

# Where libnats was there, and it was built.
bridge() {
	[ -e build/host/ivsh-bridge ] || return 0
	file 755 build/host/ivsh-bridge "$SBIN/ivsh-bridge"
	data "$PREFIX/share/man/man8" host/man/ivsh-bridge.8
	data "$PREFIX/share/bash-completion/completions" host/completion/ivsh-bridge
	sed "s|@SBINDIR@|$SBIN|; s|@SYSCONFDIR@|$SYSCONFDIR|" host/systemd/ivsh-bridge@.service \
		>"$work/unit"
	file 644 "$work/unit" "$PREFIX/lib/systemd/system/ivsh-bridge@.service"
}

# As soon as it was changed it is its owner's: uninstall.sh compares it with this sum.
configuration() {
	conf=$SYSCONFDIR/ivsh/default.conf
	[ ! -e "$DESTDIR$conf" ] || cmp -s host/systemd/default.conf "$DESTDIR$conf" || return 0
	folder "${conf%/*}"
	echo "unless-changed $(cksum <host/systemd/default.conf) $conf" >>"$list"
	install -m 644 host/systemd/default.conf "$DESTDIR$conf"
}

libraries() {
	data "$PREFIX/include/ivsh" lib/include/ivsh/*.h
	# For the guests' compilers the headers are also where no other headers are: pkg-config
	# leaves out /usr/include, and nothing of that is a guest's.
	# Elsewhere than below PREFIX, /lib may be /usr/lib: the way up from there is another.
	folder "$LIB/ivsh/include"
	case $LIB in
	"$PREFIX"/*) from=$(realpath -ms --relative-to="$LIB/ivsh/include" "$PREFIX") ;;
	*) from=$PREFIX ;;
	esac
	link "$from/include/ivsh" "$LIB/ivsh/include/ivsh"
	archives host
	fill host.pc "$LIB/pkgconfig/ivsh.pc" host ivsh ""
	# The same for programs that load it when they start: all of it in one library, which stands
	# where the loader looks.
	file 644 build/host/libivsh-client.so.1 "$LIB/libivsh-client.so.1"
	link libivsh-client.so.1 "$LIB/libivsh-client.so"
	fill client.pc "$LIB/pkgconfig/ivsh-client.pc" host ivsh-client ""
	fill ivsh-config.cmake "$LIB/cmake/ivsh/ivsh-config.cmake" host ivsh ""
	fill ivsh-config-version.cmake "$LIB/cmake/ivsh/ivsh-config-version.cmake" host ivsh ""
}

guest() { # $1: an architecture
	[ -e "build/$1/libivsh-bare.a" ] || return 0
	archives "$1"
	script "$1"
	tree "build/newlib/$1-elf/include" "$LIB/ivsh/$1/newlib/include"
	rm -f "$DESTDIR$LIB/ivsh/$1/newlib/include/stdatomic.h" # the compiler's is right, and whole
	built 644 "newlib/$1-elf/lib/libc.a" "$LIB/ivsh/$1/newlib/lib/libc.a"
	data "$LIB/ivsh/$1/newlib" build/newlib/COPYING.NEWLIB
	fill library.pc "$LIB/pkgconfig/ivsh-$1.pc" "$1" "$1" ""
	fill bare.pc "$LIB/pkgconfig/ivsh-bare-$1.pc" "$1" "$1" ""
	fill toolchain.cmake "$LIB/cmake/ivsh/toolchain-$1.cmake" "$1" "$1" ""
	more=${1#x86_64}
	built 755 "$1/ivsh.elf" "$SHARE/ivsh${more:+-$more}.elf"
	built 755 "$1/conformance.elf" "$SHARE/conformance${more:+-$more}.elf"
	[ "$1" = riscv64 ] || return 0
	built 755 riscv64/ivsh-sbi.elf "$SHARE/ivsh-riscv64-sbi.elf"
	fill bare.pc "$LIB/pkgconfig/ivsh-bare-riscv64-sbi.pc" "$1" riscv64-sbi \
		" -Wl,--defsym=image_base=0x80200000,--defsym=image_entry=rv_supervisor_entry"
}

uefi() { # $1: an architecture
	[ -e "build/uefi-$1/libivsh.a" ] || return 0
	archives "uefi-$1"
	script "uefi-$1"
	fill library.pc "$LIB/pkgconfig/ivsh-uefi-$1.pc" "uefi-$1" "uefi-$1" ""
	more=${1#x86_64}
	built 644 "uefi-$1/ivsh.efi" "$SHARE/ivsh${more:+-$more}.efi"
	built 644 "uefi-$1/conformance.efi" "$SHARE/conformance${more:+-$more}.efi"
}

python() {
	data "$PYTHON/ivsh" host/python/ivsh/*.py host/python/ivsh/py.typed
}

sources() {
	data "$SHARE" firmware/uefi/ivsh.man
	for each in ivsh.h ivsh.c; do
		built 644 "amalgamation/$each" "$SHARE/amalgamation/$each"
	done
	[ ! -d lib/port ] || tree lib/port "$SHARE/port"
	data "$PREFIX/share/doc/ivsh" README.md SPEC.md DESIGN.md LICENSE lib/PORTING.md
	tree examples "$PREFIX/share/doc/ivsh/examples"
}

version=$(sed -n 's/#define IVSH_VERSION "\(.*\)"/\1/p' lib/include/ivsh/version.h)
for each in "PREFIX $SHARE" "PREFIX $PREFIX/bin" "PREFIX $PREFIX/include/ivsh" "LIBDIR $LIB/ivsh" \
	"SBINDIR $SBIN" "SYSCONFDIR $SYSCONFDIR/ivsh"; do
	writable "${each%% *}" "${each#* }"
done
[ -z "$DESTDIR" ] || mkdir -p "$DESTDIR"
folder "$SHARE"
echo "file $SHARE/installed" >>"$list"
programs
bridge
configuration
libraries
for arch in $ARCHES; do
	guest "$arch"
done
for arch in $UEFI_ARCHES; do
	uefi "$arch"
done
sources
python
