#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bridge.py - what two bridges add to a message over NATS, by rounds.

usage: tests/bench/bridge.py [SLICES [TRIPS [MESSAGES]]]

Two regions of this machine, a bridge and a program in each, and one nats-server. The two programs,
tests/bench/bridge, are peers of their region and clients of the bus at once, and take turns: TRIPS
round trips over the bridges, beside as many requests of libnats; MESSAGES one way over the bridges,
beside as many from libnats' publisher to a subscriber of its own. Each slice of one is compared
with the one beside it, SLICES times. Prints the median of the ratios and its quartiles. It fails
where a round trip takes more than 1.5 of the bus's, or the bridges pass less than 0.7 of its
messages. All that is measured with the rings of a region's default geometry, whose 256 descriptors
hold as many messages of 64 bytes, and the rates again with 1,024: the bus buffers far more.

The two programs sleep at once where they wait, as libnats does. All is measured again with programs
that poll for 50 us before, the library's own choice, and shown: they take the processors from the
bridges and the bus, where there are fewer than programs.
"""

import itertools
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "host"), str(TESTS / "lib")]

import bridgetool  # noqa: E402

PROGRAM = TESTS.parent / "build/host/tests/bench/bridge/bridge"
RATES = (("rate", 64), ("rate", 4096))
KINDS = {256: (("trip", 64), *RATES), 1024: RATES}  # of rings with so many descriptors
WAITS = {"asleep": [], "polling": ["polling"]}  # the second is only shown
TRIP_MOST = 1.5  # times the bus's time
RATE_LEAST = 0.7  # of the bus's messages a second
SECONDS = 600


def measure(world, wait, kind, size, slices, count):
    """[(ns over the bridges, ns over the bus)]."""
    url = f"nats://127.0.0.1:{world.nats.port}"
    answer = subprocess.Popen(
        [PROGRAM, *wait, "answer", world.b.socket, url], stdout=subprocess.PIPE, text=True
    )
    try:
        assert answer.stdout.readline() == "ready\n"
        done = subprocess.run(
            [PROGRAM, *wait, "ask", world.a.socket, url, "5", kind]
            + [str(number) for number in (size, slices, count)],
            stdout=subprocess.PIPE,
            check=True,
            text=True,
            timeout=SECONDS,
        )
    finally:
        answer.kill()
        answer.communicate()
    return [tuple(float(word) for word in line.split()) for line in done.stdout.splitlines()]


def show(kind, size, both):
    """Print a line; whether it is what is promised."""
    if kind == "trip":
        ratios = [bridges / bus for bridges, bus in both]
        unit, values = "us", [statistics.median(c) / 1e3 for c in zip(*both)]
    else:
        ratios = [bus / bridges for bridges, bus in both]
        unit, values = "messages/s", [1e9 / statistics.median(c) for c in zip(*both)]
    low, median, high = statistics.quantiles(ratios, n=4)
    print(
        f"{kind}, {size} bytes, {len(both)} rounds: {values[0]:.0f} {unit} over the bridges,"
        f" {values[1]:.0f} over the bus alone: {median:.2f} ({low:.2f} to {high:.2f})",
        flush=True,
    )
    return median <= TRIP_MOST if kind == "trip" else median >= RATE_LEAST


def world_of(folder, descs):
    """A world whose regions' rings have (descs) descriptors."""
    geometry = folder / "geometry"
    geometry.write_text(f"descs = {descs}\nsmall-size = 256K\nlarge-size = 2M\n")
    server = ("--geometry", geometry, "-l", "64M")
    return bridgetool.World(folder, "core", servers=(server, server))


def main():
    given = [int(word) for word in sys.argv[1:]]
    slices, trips, messages = [*given, *(20, 1000, 20000)[len(given) :]]
    good = True
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors", flush=True)
    for descs in KINDS:
        with tempfile.TemporaryDirectory(prefix="ivsh-bench.") as folder:
            world = world_of(pathlib.Path(folder), descs)
            try:
                for wait, (kind, size) in itertools.product(WAITS, KINDS[descs]):
                    count = trips if kind == "trip" else messages if size < 4096 else messages // 5
                    print(f"{descs} descriptors, {wait}: ", end="")
                    both = measure(world, WAITS[wait], kind, size, slices, count)
                    good &= show(kind, size, both) or wait != "asleep"
            finally:
                world.stop()
    return not good


if __name__ == "__main__":
    sys.exit(main())
