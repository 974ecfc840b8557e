# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# bridge.sh - the demo with two hosts, a and b, each with a server, a guest and a bridge, and a bus
# between them: run-qemu.sh sources it.
#
# Guest 0 is on host a, guest 1 on host b. On each host the other one's slot is the bridge's, so
# both regions look like one that has both guests.
#
# As root the hosts and the bus are in network namespaces of their own, with a veth each from a host
# to the bus. None has a name: a namespace goes with the last process in it. The first process of
# each ends with this script, however that ends; after.sh ends the others if this script cannot.
# This machine's own network has nothing of it. Otherwise, all are on the loopback, and instead of
# a link the whole bus stands still.

hosts=(a b) networks=() bus='' bus_network=() bridges=() bridge_filters=() homes=() inside=()

bridge_needs() {
	local file
	[[ $TMPDIR != *[[:space:]]* ]] ||
		die 2 "TMPDIR $TMPDIR: the bridge's configuration takes no path with a space"
	for file in build/host/ivsh-bridge build/nats/usr/sbin/nats-server; do
		[[ -e $file ]] || die 1 "$file is missing: ./setup.sh bridge, then make"
	done
}

# A network namespace; in (made) the process that keeps it.
network_make() {
	local try ours
	ours=$(readlink /proc/self/ns/net)
	unshare -n tail -s 0.5 --pid="$$" -f /dev/null &
	made=$!
	for ((try = 0; try < 500; try++)); do
		[[ "$(readlink "/proc/$made/ns/net")" == "$ours" ]] || return 0
		kill -0 "$made" 2>/dev/null || break
		sleep 0.01
	done
	die 1 "unshare -n: no network namespace"
}

# ip(8) in the network that process $1 keeps.
network_ip() {
	nsenter -t "$1" -n ip "${@:2}" || die 1 "ip ${*:2}: failed"
}

# The networks: (networks), and (bus_network); empty if all is on the loopback.
networks_make() {
	local host made bus_pid
	if ! unshare -n ip link add name a type veth peer name b 2>/dev/null; then
		say "no network namespaces here (they take root, ip, veth): all is on the loopback"
		return
	fi
	network_make
	bus_pid=$made
	bus_network=("$bus_pid")
	for host in 0 1; do
		network_make
		networks[host]=$made
		network_ip "$bus_pid" link add name "${hosts[host]}" type veth \
			peer name bus netns "$made"
		network_ip "$bus_pid" address add "10.0.$host.1/24" dev "${hosts[host]}"
		network_ip "$bus_pid" link set dev "${hosts[host]}" up
		network_ip "$made" address add "10.0.$host.2/24" dev bus
		network_ip "$made" link set dev bus up
	done
	say "hosts a and b, and the bus, are in network namespaces of their own"
}

# What runs from now on does so in the network that process $1 keeps; without one, here.
enter() {
	inside=()
	[[ -z ${1:-} ]] || inside=(nsenter -t "$1" -n)
}

# nats-server, in (bus) its process, in (bus_port) its port. None of them are the usual ones.
bus_start() {
	local try file address=127.0.0.1 line
	((${#bus_network[@]} == 0)) || address=0.0.0.0
	mkdir "$dir/bus" || exit 1
	enter "${bus_network[0]:-}"
	line=("${inside[@]}" build/nats/usr/sbin/nats-server -a "$address" -p -1 -js
		-sd "$dir/bus/store" --ports_file_dir "$dir/bus" -l "$dir/bus/log")
	quote "${line[@]}"
	"${line[@]}" >"$dir/bus/said" 2>&1 &
	bus=$!
	for ((try = 0; try < 1000; try++)); do
		for file in "$dir"/bus/*.ports; do
			[[ -e $file && "$(<"$file")" =~ nats://[^\"]*:([0-9]+)\" ]] || continue
			bus_port=${BASH_REMATCH[1]}
			return
		done
		kill -0 "$bus" 2>/dev/null || break
		sleep 0.02
	done
	die 1 "nats-server: does not serve: $(tail -n 1 "$dir/bus/said" "$dir/bus/log")"
}

# Host $1's bridge.
bridge_start() {
	local host=${hosts[$1]} other=$((1 - $1)) address=127.0.0.1 line
	local home=${homes[$1]} out
	((${#bus_network[@]} == 0)) || address=10.0.$1.1
	cat >"$home/bridge.conf" <<-END
		region = demo
		host = $host
		url = nats://$address:$bus_port
		socket = $home/ivsh.sock
		state = $home/state
		local $1 = ${names[$1]}
		slot $other = ${hosts[other]}/${names[other]} $row socket=$home/$other.sock
	END
	sed "s/^/[bridge.conf of $host] /" "$home/bridge.conf"
	line=("${inside[@]}" build/host/ivsh-bridge --config "$home/bridge.conf")
	quote "${line[@]}"
	out=$home/bridge.out
	mkfifo "$out" || exit 1
	show "bridge $host" '' <"$out" 3>>"$home/bridge.log" &
	bridge_filters[$1]=$!
	"${line[@]}" >"$out" 2>&1 &
	bridges[$1]=$!
}

# Wait until bridge $1 has said $2, or for all that it says (die) that it has ended.
bridge_says() {
	local try
	for ((try = 0; try < timeout * 50; try++)); do
		grep -q -- "$2" "${homes[$1]}/bridge.log" 2>/dev/null && return
		kill -0 "${bridges[$1]}" 2>/dev/null || die 1 "the bridge of ${hosts[$1]} ended"
		sleep 0.02
	done
	die 1 "the bridge of ${hosts[$1]} said nothing of $2 within $timeout s"
}

# Both hosts, without guests.
hosts_start() {
	local i
	networks_make
	bus_start
	for i in 0 1; do
		homes[i]=$dir/${hosts[i]}
		mkdir "${homes[i]}" || exit 1
		enter "${networks[i]:-}"
		server_start "${homes[i]}"
		bridge_start "$i"
	done
	bridge_says 0 event=ready
	bridge_says 1 event=ready
}

bridge_guests() {
	local i
	for i in 0 1; do
		enter "${networks[i]:-}"
		guest_start "$i"
	done
	inside=()
}

# Wait for both guests; how many are done, in (good).
bridge_wait() {
	local i
	good=0
	for i in 0 1; do
		judge "$i" && good=$((good + 1))
	done
}

# Cut host b from the bus, or the bus from all, and back: $1 is down or up.
link() {
	if ((${#bus_network[@]})); then
		network_ip "${bus_network[0]}" link set dev b "$1"
	elif [[ $1 == down ]]; then
		kill -STOP "$bus"
	else
		kill -CONT "$bus"
	fi
}

# Wait until the bridge of host a has brought $1 more messages. Fails if guest 0 ends before.
answers_await() {
	local begin now
	begin=$(answers_count) || exit
	while [[ ! -e $dir/over ]]; do
		now=$(answers_count) || exit
		((now >= begin + $1)) && return
		kill -0 "${pids[0]}" 2>/dev/null || return 1
		sleep 0.05
	done
	exit 1
}
answers_count() {
	local said
	said=$(build/host/ivsh-bridge --config "${homes[0]}/bridge.conf" --status) ||
		die 1 "the bridge of host a does not answer"
	[[ $said =~ \ received=([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

# A message, by itself; then round trips while the link is cut. A round trip has one message on its
# way: if that is lost, which core NATS may do, ping is told and sends it again.
bridge_talk() {
	local i before after text="a message from host a"
	commands=("send ${names[1]} --timeout=$timeout $text" "recv --timeout=$timeout")
	say "guest 0, on host a, sends a message to guest 1, on host b"
	bridge_guests
	bridge_wait
	((good == 2)) || return
	grep -q "^\[1\] .*$text" "$dir/guest.1.log" || die 1 "guest 1 did not print the message"
	for i in 0 1; do mv "$dir/guest.$i.log" "$dir/guest.$i.first"; done
	count=10000 # seconds: the link is to be cut before they are over
	[[ ${accel[$arch]} != kvm ]] || count=30000
	commands=("ping ${names[1]} --keep-going --count=$count --timeout=$timeout" echo)
	say "it has arrived; now guest 0 counts $count round trips to guest 1"
	bridge_guests
	answers_await 100 || die 1 "guest 0 has ended before its time"
	if ((${#bus_network[@]})); then
		say "host b's link to the bus is cut for 3 s"
	else
		say "the bus stands still for 3 s, which is a cut of every link"
	fi
	link down
	before=$(answers_count) || exit
	sleep 3
	after=$(answers_count) || exit
	link up
	say "the link is back; meanwhile $((after - before)) answers have come to guest 0;" \
		"the round trips go on when the bridges have found each other"
	# Few are left where this script had no processor, and the guests had.
	if answers_await 100; then say "they do: until all are counted"; fi
	good=0
	judge 0 && good=1
	# An echo does not end by itself.
	kill "${pids[1]}" 2>/dev/null
	wait "${pids[1]}"
	# shellcheck disable=SC2086  # a list of numbers
	wait ${filters[1]}
	((good == 0)) || good=2
}

# The guests of both hosts, and what they do; how many are done, in (good).
bridge_run() {
	watch &
	if ((${#commands[@]})); then
		bridge_guests
		bridge_wait
	else
		bridge_talk
	fi
	bridge_status
	# The verdict is the last line.
	kill "${bridges[@]}" 2>/dev/null
	wait "${bridges[@]}" "${bridge_filters[@]}"
}

# What both bridges have counted.
bridge_status() {
	local i
	for i in 0 1; do
		build/host/ivsh-bridge --config "${homes[i]}/bridge.conf" --status |
			sed "s/^/[bridge ${hosts[i]}] /"
	done
}
