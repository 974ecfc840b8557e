#!/bin/sh
# SPDX-License-Identifier: MIT
# heights.sh - the files of lib/core stand in the order of the drawing in DESIGN.md, "The layers": a
# file includes only headers, and calls only functions, of files at its own height or lower. At one
# height, too, no file includes or calls another that leads back to it.
# $1: the library, whose objects are named as the files.
set -eu
unset CDPATH
cd "$(dirname "$0")/../.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
report() { # $1: what, $2: the offenders
	if [ -n "$2" ]; then
		echo "$2" | sed "s/^/FAIL: heights: $1: /"
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
}
# The drawing: a height, and the files that stand at it, the lowest first.
cat > "$dir/heights" <<'END'
1 atomic copy error linkage layout mix trace
2 format place split split_format text server slot moved claim region nonce peer service metric log
2 origin follow
3 area descriptor ring discard condition notify one_way
4 reset sender receiver check renew loss
5 channel fastpath send receive inplace batch packed
6 request wait arm next peer_event stream
END
awk '{for (i = 2; i <= NF; i++) print $i, $1}' "$dir/heights" | sort > "$dir/height"
# Every file stands in it, once.
find lib/core -name '*.[ch]' | sed 's|.*/||; s|\.[ch]$||' | sort -u > "$dir/files"
report "not in the drawing" \
	"$(cut -d' ' -f1 "$dir/height" | sort | comm -3 - "$dir/files" | tr -d '\t')"

# Pairs: who includes whom, and who calls whom.
grep -HoE '^#include "core/[a-z_]+\.h"' lib/core/*.[ch] |
	sed -E 's|^lib/core/([a-z_]+)\.[ch]:#include "core/([a-z_]+)\.h"|\1 \2|' |
	awk '$1 != $2' | sort -u > "$dir/includes"
nm -A "$1" |
	sed -nE 's/^[^:]*:([a-z_]+)\.o: *[0-9a-f]* +([A-Za-z]) ([a-z0-9_]+)$/\1 \2 \3/p' \
	    > "$dir/symbols"
awk 'NR == FNR {core[$1] = 1; next}
	!($1 in core) {next}
	$2 == "T" {home[$3] = $1}
	$2 == "U" {uses[++n] = $1 " " $3}
	END {for (i = 1; i <= n; i++) {
		split(uses[i], u, " ")
		if (u[2] in home) print u[1], home[u[2]]
	}}' "$dir/files" "$dir/symbols" | sort -u > "$dir/calls"
[ "$(wc -l < "$dir/includes")" -ge 40 ] || report "includes" "fewer were found than there are"
[ "$(wc -l < "$dir/calls")" -ge 40 ] || report "calls" "fewer were found than there are"

for kind in includes calls; do
	report "$kind upward" "$(awk 'NR == FNR {h[$1] = $2; next}
		h[$1] < h[$2] {print $1 ": " $2}' "$dir/height" "$dir/$kind")"
	# tsort says which pairs make a circle.
	report "a circle of $kind" "$(tsort "$dir/$kind" 2>&1 >"$dir/order" |
		sed "s/^tsort: //; s#$dir/[a-z]*: ##" | tr '\n' ' ')"
done
report "a circle of includes and calls" "$(cat "$dir/includes" "$dir/calls" |
	tsort 2>&1 >"$dir/order" |  sed "s/^tsort: //; s#$dir/[a-z]*: ##" | tr '\n' ' ')"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
