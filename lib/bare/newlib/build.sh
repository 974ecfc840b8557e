#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh - makes of newlib's source what guests link with: the headers, and of the C library the
# functions that are named below, and what those call. newlib's own build makes 1,100 files for each
# architecture, and its configure scripts take as long again.
#
# usage: build.sh SOURCE ARCH FOLDER CC AR CFLAGS...
#
#   SOURCE   newlib's source, unpacked: the folder with libc and libm in it
#   FOLDER   gets include and lib/libc.a
#
# Who calls a function that is missing adds its file's name: one that newlib does not have is left
# out, since what belongs together differs by version; the linker names what is not there.
set -eu
source=$1 arch=$2 folder=$3 cc=$4 ar=$5
shift 5
here=$(dirname "$0")

stdio='fclose ferror fflush findfp fiprintf fprintf fputc fread fvwrite fwalk fwrite makebuf printf
	putc putchar refill setvbuf snprintf stdio vsnprintf wbuf wsetup fputs puts sprintf vprintf
	vsprintf fgetc fgets getc getchar rget ungetc sfputs_r sprint_r ssputs_r
	ssprint_r'
stdlib='__atexit __call_atexit abort abs assert atexit atoi atol calloc dtoa environ envlock exit
	getenv getenv_r gdtoa-gethex gdtoa-hexnan malloc mbtowc_r mlock mprec rand realloc strtol
	strtoul strtoull wctomb_r'
string='memchr memcmp memcpy memcpy-asm memmove memmove-asm memmove-stub memset strcat strchr strcmp
	strcpy strcspn strerror strlen strncmp strncpy strnlen strrchr strspn strstr u_strerr'
reent='closer fstatr impure isattyr lseekr readr reent sbrkr signalr writer getreent'
others='errno locale localeconv ctype_ qsort bsearch signal s_frexp setjmp'

case $arch in
riscv64) machine=$source/libc/machine/riscv ;;
*) machine=$source/libc/machine/$arch ;;
esac

rm -rf "$folder"
mkdir -p "$folder/include" "$folder/lib" "$folder/objects"
cp -r "$source"/libc/include/. "$folder/include"
for more in "$source/libc/machine/shared_x86" "$machine"; do
	case $arch.$more in
	aarch64.*shared_x86 | riscv64.*shared_x86) continue ;;
	esac
	for part in machine sys; do
		[ ! -d "$more/$part" ] || cp -r "$more/$part" "$folder/include"
	done
done
cp "$here/newlib.h" "$folder/include"
version=$(sed -n "s/^PACKAGE_VERSION='\(.*\)'/\1/p" "$source/configure")
echo "#define _NEWLIB_VERSION \"$version\"" >"$folder/include/_newlib_version.h"

# The file of one name: the machine's own, if there is one.
file_of() {
	for file in "$machine/$1.S" "$machine/$1.c" "$source"/libc/*/"$1.c" \
		"$source"/libm/common/"$1.c" "$source"/libm/math/"$1.c"; do
		if [ -e "$file" ]; then
			echo "$file"
			return
		fi
	done
}

# Lines of: object, file, and what is defined for it.
objects() {
	# shellcheck disable=SC2086  # lists of words
	for name in $stdio $stdlib $string $reent $others; do
		file=$(file_of "$name")
		[ -z "$file" ] || echo "$name $file"
	done
	print=$source/libc/stdio/vfprintf.c
	echo "vfprintf $print"
	echo "vfiprintf $print -DINTEGER_ONLY"
	echo "svfprintf $print -DSTRING_ONLY"
	echo "svfiprintf $print -DINTEGER_ONLY -DSTRING_ONLY"
	for part in mallocr-MALLOC freer-FREE reallocr-REALLOC callocr-CALLOC \
		msizer-MALLOC_USABLE_SIZE; do
		if [ -e "$source/libc/stdlib/_mallocr.c" ]; then
			echo "${part%-*} $source/libc/stdlib/${part%-*}.c"
		else
			echo "${part%-*} $source/libc/stdlib/nano-mallocr.c" \
				"-DINTERNAL_NEWLIB -DDEFINE_${part#*-}"
		fi
	done
}

objects | while read -r name file defines; do
	# shellcheck disable=SC2086  # a list of words
	"$cc" -isystem "$folder/include" -I"${file%/*}" -I"$source/libc/string" \
		-I"$source/libm/common" -fno-builtin -D__NO_SYSCALLS__ -D_COMPILING_NEWLIB -D_LIBC \
		-DHAVE_INIT_FINI -DMISSING_SYSCALL_NAMES "$@" $defines -w -c "$file" \
		-o "$folder/objects/$name.o"
done
"$ar" rcs "$folder/lib/libc.a" "$folder"/objects/*.o
rm -r "$folder/objects"
