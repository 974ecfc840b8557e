# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# show.sh - what a demo prints: each guest's lines, and each command. run-qemu.sh sources it.

# One guest's output: without the firmware's escape sequences, each line with the guest's number;
# while firmware says nothing that matters, a line of progress: what it says is of use if nothing
# comes after it. On standard output, and to descriptor 3.
show() { # $1: number, $2: under UEFI that line of progress
	local line booting=$2 boot=()
	[[ -z $booting ]] || put "[$1] $booting"
	while IFS= read -r line || [[ -n $line ]]; do
		line=${line//$'\r'/}
		while [[ $line =~ ^(.*)$'\e'\[[0-9\;\?=]*[A-Za-z](.*)$ ]]; do
			line=${BASH_REMATCH[1]}${BASH_REMATCH[2]}
		done
		if [[ -n $booting ]]; then
			[[ -z $line ]] && continue
			[[ $line == BdsDxe:* || $line == *Boot[0-9]* ||
				$line == "UEFI firmware "* ]] &&
				boot+=("$line") && continue
			booting=''
		fi
		put "[$1] $line"
	done
	[[ -z $booting ]] || for line in "${boot[@]}"; do put "[$1] $line"; done
}

put() {
	printf '%s\n' "$1"
	printf '%s\n' "$1" >&3
}

quote() { # a command line that can be pasted into a shell
	local word out=
	for word; do
		[[ $word =~ ^[A-Za-z0-9_./:=,@%+-]+$ ]] || word="'${word//\'/\'\\\'\'}'"
		out+="$word "
	done
	echo "+ ${out% }"
}
