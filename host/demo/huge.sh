# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# huge.sh - the demo on huge pages: run-qemu.sh sources it.

# Two runs of the bare demo. Without pages, and without a way to get any, the status is 77.
pages=/sys/kernel/mm/hugepages/hugepages-2048kB
lent=0
hugepages() {
	local have need=$(((size + (2 << 20) - 1) / (2 << 20))) place kind status
	place=$(folder huge) || exit
	# shellcheck disable=SC2064  # this place, and no other
	trap "give_back '$place'" EXIT
	on_signal INT 'exit 130'
	on_signal TERM 'exit 143'
	have=$(cat $pages/free_hugepages 2>/dev/null) ||
		die 77 "this kernel has no huge pages of 2M"
	if ((have < need)); then
		lent=$((need - have))
		borrow "$lent" || die 77 "$need huge pages of 2M are needed, $have are free:" \
			"as root, echo $need >$pages/nr_hugepages"
	fi
	mount -t hugetlbfs -o pagesize=2M ivsh "$place" 2>/dev/null ||
		die 77 "a hugetlbfs cannot be mounted: this needs root"
	for kind in "--hugetlb 2M" "-m $place"; do
		echo "run-qemu.sh: on huge pages: ivsh-server $kind"
		"$top/run-qemu.sh" bare "${options[@]}" --no-build --memory "$((size >> 20))M" \
			--server-arg "${kind%% *}" --server-arg "${kind#* }" &
		wait $!
		status=$?
		((status == 0)) || return "$status"
	done
}

borrow() { # $1: how many pages more, or fewer
	local now
	now=$(cat $pages/nr_hugepages)
	{ echo $((now + $1)) >$pages/nr_hugepages; } 2>/dev/null &&
		(($(cat $pages/nr_hugepages) == now + $1))
}

give_back() { # $1: where the file system was mounted
	is_child && return
	trap - EXIT
	end_jobs 300
	umount "$1" 2>/dev/null
	rmdir "$1"
	((lent == 0)) || borrow "-$lent" || echo "run-qemu.sh: $lent huge pages stay reserved" >&2
}
