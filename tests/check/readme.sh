#!/bin/sh
# SPDX-License-Identifier: MIT
# readme.sh - the C in README.md compiles as it stands; the size that it states is the size that is;
# it is no longer than a reader likes. $1: the compiler, as gcc-12.
set -eu
unset CDPATH
compiler=$1
cd "$(dirname "$0")/../.."
passed=0 failed=0 skipped=0
ok() { passed=$((passed + 1)); }
bad() { echo "FAIL: readme: $1"; failed=$((failed + 1)); }

if awk '/^```c$/ {on = 1; next} /^```$/ {on = 0} on' README.md |
    gcc -std=c11 -ffreestanding -Wall -Wextra -Werror -Ilib/include -fsyntax-only -xc -; then
	ok
else
	bad "the example does not compile"
fi
# The calls that the table of examples quotes stand in the programs as they are.
# shellcheck disable=SC2016  # backquotes of Markdown
quoted=$(sed -n 's/^| \([a-z]*\.c\)\{0,1\} *| .*| `\(.*\)` |$/\1 \2/p' README.md)
program='' quotes=0
while read -r line; do
	case $line in
	*.c\ *) program=${line%%.c *}.c ;;
	esac
	line=${line#*.c }
	grep -qF -- "$line" "examples/$program" || bad "$program has no line: $line"
	quotes=$((quotes + 1))
done <<END
$quoted
END
if [ "$quotes" -ge 6 ]; then ok; else bad "the table of examples quotes $quotes calls"; fi
if [ "$(wc -l < README.md)" -le 165 ]; then ok; else bad "more than 165 lines"; fi
# The table of sizes, a row for each architecture: bytes of text, which are gcc 12's: by feature and
# of the whole library, as in tests/bench/counts.txt. IVSH_SIZES=write: writes the rows into
# README.md.
print_row() { # $1: architecture
	awk -v arch="$1" '
	function text(n) {
		return n < 1000 ? n : sprintf("%d,%03d", n / 1000, n % 1000)
	}
	$1 == "text" && $3 == arch {n[$2] = $4}
	END {
		print "| " arch " | " text(n["poller"]) " | " text(n["sleeper"]) " | " \
		    text(n["streamer"]) " | " text(n["fronter"]) " | " text(n["library"]) " |"
	}' tests/bench/counts.txt
}
for arch in x86_64 aarch64 riscv64; do
	row=$(print_row "$arch")
	if [ "${IVSH_SIZES:-}" = write ]; then
		sed "s/^| $arch | [0-9].*/$row/" README.md >README.md.new
		mv README.md.new README.md
	fi
	if grep -qxF "$row" README.md; then ok; else bad "tests/bench/counts.txt: $row"; fi
	stated=$(echo "$row" | tr -d , | awk '{print $(NF - 1)}')
	built=$(size -t "build/$arch/libivsh.a" | awk 'END {print $1}')
	if [ "$compiler" != gcc-12 ]; then
		echo "readme: libivsh.a of $arch: $stated bytes of gcc-12, $built of $compiler"
		skipped=$((skipped + 1))
	elif [ "$stated" = "$built" ]; then
		ok
	else
		bad "libivsh.a of $arch has $built bytes of text, and README says $stated"
	fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
