#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""observer.py - what a running `ivsh top` costs an 8-byte stream between two processes.

usage: tests/bench/observer.py [ROUNDS]

Each round streams twice, without top and with it, in one memory file: bench sink of 8 bytes, whose
sink runs beside it. Prints the medians and their ratio; fails above 1.03.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

IVSH = pathlib.Path(__file__).parents[2] / "build/host/ivsh"
COUNT = 10_000_000  # as many as bench takes
LIMIT = 1.03


def stream(memory, with_top):
    """Nanoseconds for a message."""
    place = [IVSH, "-f", memory]
    started = [[*place, "sink", "--slot=0", f"--count={COUNT}", "--wait=poll"]]
    started += [[*place, "top", "--plain", "--interval=0.25"]] if with_top else []
    running = [subprocess.Popen(words, stdout=subprocess.DEVNULL) for words in started]
    words = ["bench", "sink", "--slot=1", f"--count={COUNT}", "--size=8", "--wait=poll", "--json"]
    try:
        done = subprocess.run(
            [*place, *words], capture_output=True, text=True, check=True, timeout=120
        )
        running[0].wait(120)
    finally:
        for each in running:
            each.kill()
            each.wait()
    one = next(json.loads(line) for line in done.stdout.splitlines() if '"one_way"' in line)
    return one["time_ns"] / COUNT


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        memory = f"{folder}/memory"
        subprocess.run([IVSH, "mem", "create", memory, "16M"], check=True, capture_output=True)
        stream(memory, False)
        without, beside = [], []
        for _ in range(rounds):
            without.append(stream(memory, False))
            beside.append(stream(memory, True))
    ratio = statistics.median(beside) / statistics.median(without)
    paired = statistics.median(b / w for b, w in zip(beside, without))
    print(
        f"8 bytes, {rounds} rounds of {COUNT}: {statistics.median(without):.2f} ns without top, "
        f"{statistics.median(beside):.2f} with it: {ratio:.3f} (round by round {paired:.3f})"
    )
    return paired > LIMIT


if __name__ == "__main__":
    sys.exit(main())
