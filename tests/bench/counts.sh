#!/bin/sh
# SPDX-License-Identifier: MIT
#
# counts.sh - counts instructions and bytes, which are the same in every run, and compares them with
# the table beside it. $1: the compiler, as gcc-12; $2: the program that counts, for the host; then
# for each architecture four files of build/ARCH: the same as a guest; the least polling program,
# linked; its own object; libivsh.a.
#
# The table has a column for each compiler that it was measured with. With another one the counts
# are shown beside those of the first column, and are skipped: they cannot fail.
#
#   host    callgrind, the difference of two run lengths, per message
#   guest, aarch64, riscv64
#           QEMU -icount shift=0,sleep=off: the processor's counter counts instructions
#           send-slept, receive-slept: both ends sleep at times, and are awake now
#           send-node, receive-node: through the front door
#   text    poller: bytes that the linker took of libivsh.a for a program that polls; sleeper: for
#           one with the device and its interrupts; streamer: for a stream by polling; fronter: for
#           the front door; library: all of it; basic: without what only some link (waits, MSI-X,
#           peer events, services, many peers, streams, nodes, logs, metrics, split regions)
#
# IVSH_COUNTS=write: writes this compiler's column anew, with what was counted.
set -eu
compiler=$1 host=$2
shift 2
table=$(dirname "$0")/counts.txt
host_sizes='8 64 1024' node_sizes='8 64' guest_sizes='8 64 256 1024 4096 65536'
other_sizes='8 64 1024 65536'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
for tool in valgrind qemu-system-x86_64 qemu-system-aarch64 qemu-system-riscv64; do
	command -v "$tool" >/dev/null || {
		echo "FAIL: counts: $tool is missing: ./setup.sh test"
		echo "0 passed, 1 failed, 0 skipped"
		exit 1
	}
done

# One run of $host at size $1 in $2 rounds, $3: node, or nothing: what it cost, by function. glibc
# chooses its memcpy by the processor: the tunables leave the one that every x86_64 has.
simd=-AVX2,-AVX512F,-AVX512VL,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM,-Fast_Unaligned_Copy
callgrind() {
	LD_BIND_NOW=1 GLIBC_TUNABLES=glibc.cpu.hwcaps=$simd valgrind -q --tool=callgrind \
		--callgrind-out-file="$work/$1.$2" "$host" "$1" "$2" \
		${3:+"$3"} >"$work/messages.$1.$2" || {
		cat "$work/messages.$1.$2" >&2
		return 1
	}
	callgrind_annotate --inclusive=yes --threshold=100 "$work/$1.$2" >"$work/cost.$1.$2"
}

# Instructions per message inside function $2 at size $1.
per_message() {
	cat "$work/cost.$1.64" "$work/messages.$1.64" "$work/cost.$1.192" "$work/messages.$1.192" |
		awk -v f=":$2 " '
		index($0 " ", f) {gsub(",", "", $1); cost = $1}
		$1 == "count" {n++; c[n] = cost; m[n] = $3}
		END {printf "%.2f", (c[2] - c[1]) / (m[2] - m[1])}'
}

# shellcheck source=tests/bench/in_guest.sh
. "$(dirname "$0")/in_guest.sh"

# What the guest $1 counts, at each of the sizes $2.
in_guests() {
	for size in $2; do
		in_guest "$1" "$size" '' || true
		in_guest "$1" "$size" slept || true
	done
	for size in $node_sizes; do
		in_guest "$1" "$size" node || true
	done
}

# Bytes of text. $1: poller; $2: its own object; $3: libivsh.a.
weigh() {
	arch=$(arch_of "$1")
	for program in poller sleeper streamer fronter; do
		{ size "${1%/*}/$program"; size "${2%/*}/$program.o"; } |
			awk -v arch="$arch" -v program="$program" '
			NR == 2 { all = $1 }
			NR == 4 { print "text " program " " arch " " all - $1 }'
	done
	more='wait|request|msix|peer_event|next|service|stream|split|split_format|set|part|log'
	more="$more|metric|follow|open|free|idle|post|post_all|deliver"
	more="$more|dispatch|pump|inbox|call|reply|flow|find|services|watch|any|fast"
	size "$3" | awk -v more="^($more)[.]o" -v arch="$arch" 'NR > 1 {
		all += $1
		if ($6 !~ more)
			basic += $1
	}
	END {print "text library " arch " " all; print "text basic " arch " " basic}'
}

counted() {
	for size in $host_sizes; do
		callgrind "$size" 64
		callgrind "$size" 192
		echo "host send $size $(per_message "$size" count_send)"
		echo "host receive $size $(per_message "$size" count_receive)"
	done
	for size in $node_sizes; do
		callgrind "$size" 64 node
		callgrind "$size" 192 node
		echo "host send-node $size $(per_message "$size" count_node_send)"
		echo "host receive-node $size $(per_message "$size" count_node_receive)"
	done
	while [ $# -ge 4 ]; do
		case $1 in
		*x86_64*) in_guests "$1" "$guest_sizes" ;;
		*) in_guests "$1" "$other_sizes" ;;
		esac
		weigh "$2" "$3" "$4"
		shift 4
	done
}

counted "$@" | LC_ALL=C sort -V >"$work/counted"
# A run that broke off must not empty the table.
if [ "${IVSH_COUNTS:-}" = write ] && grep -q '^text library riscv64' "$work/counted"; then
	awk -v counted="$work/counted" -v compiler="$compiler" '
	BEGIN {while ((getline <counted) > 0) now[$1 " " $2 " " $3] = $4}
	/^#/ {print; next}
	$1 == "what" {
		for (i = 4; i <= NF; i++)
			if ($i == compiler)
				column = i
		if (!column)
			$(column = NF + 1) = compiler
		print
		columns = NF
		next
	}
	{
		for (i = NF + 1; i <= columns; i++)
			$i = "-"
		name = $1 " " $2 " " $3
		if (name in now)
			$column = now[name]
		delete now[name]
		print
	}
	END {
		for (name in now) {
			line = name
			for (i = 4; i <= columns; i++)
				line = line " " (i == column ? now[name] : "-")
			print line
		}
	}
	' "$table" >"$work/table"
	cp "$work/table" "$table"
fi
awk -v counted="$work/counted" -v compiler="$compiler" '
BEGIN {while ((getline <counted) > 0) now[$1 " " $2 " " $3] = $4}
/^#/ {next}
$1 == "what" {
	for (i = 4; i <= NF; i++)
		if ($i == compiler)
			column = i
	first = $4
	if (!column)
		printf "counts: %s has no column in tests/bench/counts.txt: beside %s\n", \
			compiler, first
	next
}
{
	name = $1 " " $2 " " $3
	allowed = column ? $column : $4
	if (!(name in now) || now[name] <= 0) {
		printf "FAIL: counts: %s: nothing was counted\n", name
		failed++
	} else if (!column) {
		printf "%s: %s with %s, %s with %s\n", name, now[name], compiler, allowed, first
		skipped++
	} else if (allowed == "-") {
		printf "%s: %s with %s, which the table does not have\n", name, now[name], compiler
		skipped++
	} else if (now[name] > allowed * 1.01) {
		printf "FAIL: counts: %s: got %s, allowed %s and 1 %%: tests/bench/counts.txt\n", \
			name, now[name], allowed
		failed++
	} else {
		printf "%s: %s of %s%s\n", name, now[name], allowed, \
			now[name] < allowed * 0.99 ? ": less: lower the table" : ""
		passed++
	}
	delete now[name]
}
END {
	for (name in now) {
		printf "FAIL: counts: %s: %s is not in tests/bench/counts.txt\n", name, now[name]
		failed++
	}
	if (failed)
		print "To allow a count: write it into tests/bench/counts.txt," \
			" or IVSH_COUNTS=write make counts, and say in DESIGN.md what it buys."
	printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
	exit failed != 0
}' "$table"
