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
if [ "$(wc -l < README.md)" -le 150 ]; then ok; else bad "more than 150 lines"; fi
# The row "| all of it | N | ... aarch64 N, riscv64 N. A program takes of it: polling N, N and N;
# ... |": bytes of text, which are gcc 12's: of the built libraries, and by feature as in
# tests/bench/counts.txt. IVSH_SIZES=write: writes the latter into README.md.
row=$(sed -n 's/^| all of it |//p' README.md | tr -d ,)
of_library() { size -t "build/$1/libivsh.a" | awk 'END {print $1}'; }
of_program() { # $1: program, $2: what stands between thousands
	awk -v program="$1" -v by="$2" '
	function text(n) {
		return n < 1000 ? n : sprintf("%d%s%03d", n / 1000, by, n % 1000)
	}
	$1 == "text" && $2 == program {n[$3] = $4}
	END {print text(n["x86_64"]) ", " text(n["aarch64"]) " and " text(n["riscv64"])}' \
		tests/bench/counts.txt
}
of_programs() {
	echo "A program takes of it: polling $(of_program poller "$1"); with interrupts" \
		"$(of_program sleeper "$1"); a stream $(of_program streamer "$1"); the front door" \
		"$(of_program fronter "$1") |"
}
if [ "${IVSH_SIZES:-}" = write ]; then
	sed "/^| all of it |/s/A program takes.*/$(of_programs ,)/" README.md >README.md.new
	mv README.md.new README.md
fi
stated_library() {
	case $1 in
	x86_64) echo "$row" | awk '{print $1}' ;;
	*) echo "$row" | sed -n "s/.* $1 \([0-9]*\).*/\1/p" ;;
	esac
}
if grep '^| all of it |' README.md | grep -qF "$(of_programs ,)"; then
	ok
else
	bad "tests/bench/counts.txt: $(of_programs ,)"
fi
for arch in x86_64 aarch64 riscv64; do
	stated=$(stated_library "$arch") built=$(of_library "$arch")
	if [ "$compiler" != gcc-12 ]; then
		echo "readme: libivsh.a of $arch: $stated bytes of gcc-12, $built of $compiler"
		skipped=$((skipped + 1))
	elif [ "$stated" = "$built" ]; then
		ok
	else
		bad "libivsh.a of $arch: $stated bytes of text stated, $built built"
	fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
