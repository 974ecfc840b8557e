#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""observer.py - what a running `ivsh top` costs an 8-byte stream between two processes.

usage: tests/bench/observer.py [ROUNDS]

Each round streams twice, in turns with top stopped (SIGSTOP) and with top at work: bench sink of 8
bytes, in one memory file. Hosts move processors about within minutes, and a stream on near ones
takes half as long: so each round is compared in itself. Prints the median of the rounds' ratios and
its quartiles; fails above 1.03.
"""

import json
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile

IVSH = pathlib.Path(__file__).parents[2] / "build/host/ivsh"
COUNT = 10_000_000  # as many as bench takes
INTERVAL_S = 0.25  # four times as often as by default: about one look in each stream
LIMIT = 1.03


def stream(place):
    """Nanoseconds for a message."""
    words = ["bench", "sink", "--slot=1", f"--count={COUNT}", "--size=8", "--wait=poll", "--json"]
    done = subprocess.run([*place, *words], capture_output=True, check=True, timeout=120)
    one = next(line for line in done.stdout.splitlines() if b'"one_way"' in line)
    return json.loads(one)["time_ns"] / COUNT


def measure(place, top, rounds):
    """The pairs (without, with)."""
    pairs = []
    for i in range(2 * rounds):
        # Which one is first changes from round to round.
        at_work = (i % 2 == 0) == (i // 2 % 2 == 0)
        top.send_signal(signal.SIGCONT if at_work else signal.SIGSTOP)
        took = stream(place)
        if i % 2 == 0:
            pairs.append({})
        pairs[-1][at_work] = took
    return [(pair[False], pair[True]) for pair in pairs]


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        place = [IVSH, "-f", f"{folder}/memory"]
        subprocess.run([IVSH, "mem", "create", place[2], "16M"], check=True, capture_output=True)
        words = [["sink", "--slot=0", "--wait=poll"]]
        words += [["top", "--plain", f"--interval={INTERVAL_S}"]]
        running = [subprocess.Popen([*place, *each], stdout=subprocess.DEVNULL) for each in words]
        try:
            stream(place)
            pairs = measure(place, running[1], rounds)
        finally:
            for each in running:
                each.send_signal(signal.SIGCONT)
                each.terminate()
                each.wait()
    ratios = [beside / without for without, beside in pairs]
    low, median, high = statistics.quantiles(ratios, n=4)
    without, beside = (statistics.median(column) for column in zip(*pairs))
    print(
        f"8 bytes, {rounds} rounds of {COUNT}, a look each {INTERVAL_S} s: {without:.2f} ns without"
        f" top, {beside:.2f} with it: {median:.3f} round by round ({low:.3f} to {high:.3f})"
    )
    return median > LIMIT


if __name__ == "__main__":
    sys.exit(main())
