#!/bin/sh
# SPDX-License-Identifier: MIT
# names.sh - the library goes into systems that define macros of common words, and whose standard
# headers are small. Every public header, in C and in C++, and every source is compiled behind the
# macros that Linux, U-Boot, Zephyr, NuttX and lwIP define, with headers that have only what
# lib/PORTING.md says. An empty <stdint.h>, as U-Boot's is, gets an error that says what to do.
set -eu
unset CDPATH
cd "$(dirname "$0")/../.."
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
report() { # $1: what, $2: the offenders
	if [ -n "$2" ]; then
		echo "$2" | sed "s|^|FAIL: names: $1: |"
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
}

# What lib/PORTING.md asks of the headers, and no more.
mkdir "$work/headers" "$work/empty"
for type in INT8 INT16 INT32 INT64 UINT8 UINT16 UINT32 UINT64 UINTPTR; do
	name=$(echo "$type" | tr '[:upper:]' '[:lower:]')_t
	echo "typedef __${type}_TYPE__ $name;"
	echo "#define ${type}_MAX __${type}_MAX__"
done >"$work/headers/types.h"
cat >"$work/headers/stdint.h" <<'END'
#ifndef STDINT
#define STDINT
#include <types.h>
#define UINT32_C(value) value##u
#define UINT64_C(value) value##ull
#endif
END
cat >"$work/headers/stddef.h" <<'END'
#ifndef STDDEF
#define STDDEF
typedef __SIZE_TYPE__ size_t;
#ifdef __cplusplus
#define NULL 0
#else
#define NULL ((void *)0)
#endif
#endif
END
cat >"$work/headers/stdbool.h" <<'END'
#ifndef __cplusplus
#define bool _Bool
#define true 1
#define false 0
#endif
END
# Words that are attributes, or macros of the same kind: each as itself and, below, as a call.
for word in noinline always_inline cold hot packed warn_unused_result may_alias unused noreturn \
	hidden weak fallthrough pure malloc deprecated; do
	echo "#define $word __attribute__((__${word}__)) no_$word"
done >"$work/macros.h"
for word in aligned visibility section min max min_t max_t clamp swap abs likely unlikely BIT \
	GENMASK MIN MAX CLAMP ARRAY_SIZE ALIGN ROUND_UP DIV_ROUND_UP KB MB GB readl writel barrier \
	mb rmb wmb smp_mb dsb isb dmb READ_ONCE WRITE_ONCE container_of offsetof memset memmove \
	memcmp send recv read write close open connect bind listen accept select poll log printk \
	printf assert IS_ENABLED CONTAINER_OF Z_MIN BUG_ON WARN_ON; do
	echo "#define $word(...) no_$word(__VA_ARGS__)"
done >>"$work/macros.h"
for word in FAR CODE OK ERROR TRUE FALSE PAGE_SIZE PAGE_SHIFT PAGE_MASK current errno linux unix \
	interrupt ALWAYS_INLINE __iomem __user EAGAIN EINVAL ENODEV ENOSPC EBUSY; do
	echo "#undef $word"
	echo "#define $word no($word)"
done >>"$work/macros.h"
# A macro that takes the place of a function, with each argument in parentheses.
echo '#define memcpy(to, from, size) (__builtin_memcpy((to), (from), (size)))' >>"$work/macros.h"

try() { # $1: what is compiled, $2: a file, the rest: how
	what=$1 file=$2
	shift 2
	if said=$("$@" -ffreestanding -Wall -Wextra -Werror -Ilib/include -iquote lib -nostdinc \
	    -isystem "$work/headers" -include "$work/macros.h" -fsyntax-only "$file" 2>&1); then
		passed=$((passed + 1))
	else
		report "$what: $*" "$(echo "$said" | grep -m 3 error: || echo "$said")"
	fi
}
for path in lib/include/ivsh/*.h; do
	header=ivsh/${path##*/}
	# Those that need an operating system, or are not the library's.
	[ "$header" != ivsh/client.h ] && [ "$header" != ivsh/bare.h ] || continue
	printf '%s\n' "#include <$header>" 'extern int something;' >"$work/one.c"
	cp "$work/one.c" "$work/one.cc"
	try "$header" "$work/one.c" gcc -std=gnu11
	try "$header" "$work/one.c" clang -std=gnu99
	try "$header" "$work/one.cc" g++ -std=c++17
done
for source in lib/core/*.c lib/device/*.c lib/node/*.c; do
	try "$source" "$source" gcc -std=gnu11
	try "$source" "$source" clang -std=gnu99
done

touch "$work/empty/stdint.h"
said=$(echo '#include <ivsh/ivsh.h>' | gcc -ffreestanding -Ilib/include -isystem "$work/empty" \
	-fsyntax-only -xc - 2>&1 || true)
case $(echo "$said" | grep -m 1 error) in
*"stdint.h"*"PORTING.md"*) passed=$((passed + 1)) ;;
*) report "an empty <stdint.h>" "its first error does not say so: $(echo "$said" | head -3)" ;;
esac
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
