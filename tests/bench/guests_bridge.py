#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""guests_bridge.py - a round trip of two guests behind two bridges, beside a request of NATS.

usage: tests/bench/guests_bridge.py [SLICES [TRIPS]]

Two regions of this machine, a bridge in each, one nats-server. In region a two guests and a
process, in region b a guest and a process. By turns, SLICES times, TRIPS round trips each, of 8 and
of 64 bytes: the processes over the bridges; the processes by requests of libnats; guest and guest
in one region; guest and guest over the bridges. What another one measures finds all others asleep.

Guests wait in three ways, one after the other: asleep until a doorbell comes; the same behind 50 us
of polling; and by polling alone. By slices these would not be comparable: behind guests that take
all processors a bridge does not poll for a while.

A guest's processor costs a round trip something that no bus has, most of it where it sleeps: the
interrupt. That is what two guests in one region take. So each line has, of the slices one by one,
the median of the ratio and its quartiles: over the bridges to the request; and what the bridges
add, over the bridges less in one region, to the request. It fails where sleeping guests, or
processes, take more than 1.5 of the request over the bridges.
"""

import itertools
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "demos"), str(TESTS / "lib")]

from hosts import NATS  # noqa: E402
from machine import TCG  # noqa: E402
from qemu import BUILD, World, doorbell  # noqa: E402

PROGRAM = BUILD / "host/tests/bench/bridge/bridge"
SIZES = (8, 64)
# How guests wait, and <ivsh/wait.h>'s number of it.
MODES = {"asleep": 2, "asleep behind 50 us of polling": 1, "polling": 0}
MOST = 1.5  # times the request's time
SECONDS = 600
# Slots, in both regions: a guest, one more of region a, the process; and of the other region the
# guest and the process, which are the bridge's.
GUEST, NEAR, PROCESS, FAR_GUEST, FAR_PROCESS = range(5)


class Sides:
    """Both regions, and all that runs but the process of a."""

    def __init__(self, world, port):
        self.servers = [world.server(bind=5, name=f"server.{name}") for name in "ab"]
        for name, other, server in zip("ab", "ba", self.servers):
            config = world.folder / f"bridge.{name}.conf"
            config.write_text(
                f"region = r\nhost = {name}\nurl = nats://127.0.0.1:{port}\n"
                f"socket = {server.socket}\nstate = {world.folder}/state.{name}\n"
                f"local {GUEST} = {name}guest\nlocal {PROCESS} = {name}peer\n"
                f"slot {FAR_GUEST} = {other}/{other}guest socket={server.bound[FAR_GUEST]}\n"
                f"slot {FAR_PROCESS} = {other}/{other}peer socket={server.bound[FAR_PROCESS]}\n"
            )
            bridge = world.program(
                f"bridge {name}", BUILD / "host/ivsh-bridge", "--config", config
            )
            bridge.expect("event=ready")
        self.url = f"nats://127.0.0.1:{port}"
        for name, server, slot in (("a", 0, GUEST), ("near", 0, NEAR), ("b", 1, GUEST)):
            device = doorbell(self.servers[server].bound[slot])
            guest = world.guest(f"guest {name}", f"{name}guest", *device, image="trips")
            guest.expect(rf"^trips: slot {slot}$")
        answer = world.program("answer", PROGRAM, "answer", self.place(1), self.url)
        answer.expect("^ready$")

    def place(self, server):
        return self.servers[server].bound[PROCESS]


def bus_start(world):
    """A nats-server on the loopback; its port."""
    bus = world.program(
        "bus", NATS, "-a", "127.0.0.1", "-p", "-1", "-js", "-sd", world.folder / "store"
    )
    return int(bus.expect(r"Listening for client connections on 127\.0\.0\.1:(\d+)")[1])


def measure(sides, size, mode, slices, trips):
    """Of each slice the figures of bridge.c's line, in microseconds."""
    words = [PROGRAM, "guests", sides.place(0), sides.url, FAR_PROCESS, size, slices, trips]
    words += [GUEST, NEAR, FAR_GUEST, MODES[mode]]
    done = subprocess.run(
        [str(word) for word in words],
        stdout=subprocess.PIPE, check=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    return [[float(word) / 1e3 for word in line.split()] for line in done.stdout.splitlines()]


def ratio(values):
    """Its median in words, and alone."""
    low, median, high = statistics.quantiles(values, n=4)
    return f"{median:.2f} ({low:.2f} to {high:.2f})", median


def show(size, mode, found):
    """Print the lines; whether it is what is promised."""
    processes, bus, near, far = zip(*found)
    text, least = ratio([a / b for a, b in zip(processes, bus)])
    print(
        f"{size} bytes, {len(found)} slices: a request {statistics.median(bus):.0f} us;"
        f" processes over the bridges {statistics.median(processes):.0f} us: {text} requests"
    )
    whole, median = ratio([a / b for a, b in zip(far, bus)])
    added, _ = ratio([(a - c) / b for a, b, c in zip(far, bus, near)])
    print(
        f"  guests {mode}: in one region {statistics.median(near):.0f} us, over the bridges"
        f" {statistics.median(far):.0f} us: {whole} requests; the bridges add {added}",
        flush=True,
    )
    return mode != "asleep" or max(least, median) <= MOST


def main():
    given = [int(word) for word in sys.argv[1:]]
    slices, trips = [*given, *(40, 200)[len(given) :]]
    good = True
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors", flush=True)
    with tempfile.TemporaryDirectory(prefix="ivsh-bench.") as folder:
        world = World(pathlib.Path(folder), TCG)
        try:
            sides = Sides(world, bus_start(world))
            for mode, size in itertools.product(MODES, SIZES):
                good &= show(size, mode, measure(sides, size, mode, slices, trips))
        finally:
            world.close()
    return not good


if __name__ == "__main__":
    sys.exit(main())
