#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""split.py - what a round trip costs in a split region, beside one memory for all, by rounds.

usage: tests/bench/split.py [SLICES [ROUNDS]]

Between two processes: tests/bench/native measures both in random order, SLICES of each; each slice
of one is compared with the nearest of the other on the same pair of processors. Between two guests:
pair.elf has both, and each slice of one stands behind one of the other, ROUNDS times, with flags
between them; a slice counts only if the host left both guests where they were. Hosts move
processors about within minutes, so nothing else is ever compared. Prints the median of the ratios
and its quartiles; fails above 1.05.
"""

import pathlib
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "demos"), str(TESTS / "lib")]

import pair  # noqa: E402
from qemu import World  # noqa: E402

NATIVE = TESTS.parent / "build/host/tests/bench/native/native"
SIZES = (8, 64)
LIMIT = 1.05
NEAR = 8  # lines of output between two slices that are compared
FEW = 10
TRIPS = 200  # of a guest's slice
SECONDS = 300  # for one run of two guests


def native(slices):
    """{what: [(ns in one memory, ns in a split region)]}, of two processes."""
    cells = "".join(f",roundtrip/{size}" for size in SIZES)
    words = [NATIVE, "--only=ivsh,ivsh_split", f"--cells={cells},", f"--slices={slices}"]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True)
    one, found = defaultdict(list), defaultdict(list)
    lines = [line.split() for line in done.stdout.splitlines()]
    for number, (name, _, size, place, ns, _) in enumerate(lines):
        if name == "ivsh":
            one[size, place].append((number, float(ns)))
    for number, (name, _, size, place, ns, _) in enumerate(lines):
        near = one[size, place]
        if name != "ivsh_split" or not near:
            continue
        nearest = min(near, key=lambda each, number=number: abs(each[0] - number))
        if abs(nearest[0] - number) <= NEAR:
            near.remove(nearest)
            found[f"processes, {size} bytes, {place}"].append((nearest[1], float(ns)))
    return found


def guests(rounds):
    """Likewise, of two guests: in round trips of flags, of the slices before and behind."""
    with tempfile.TemporaryDirectory(prefix="ivsh-bench.") as folder:
        world = World(pathlib.Path(folder))
        try:
            server = world.server("--split", slots=2)
            slices = pair.run(world, rounds, TRIPS, SECONDS, split=server.folder)
        finally:
            world.close()
    found = defaultdict(list)
    for both in zip(slices[0::2], slices[1::2]):
        places = {pair.place(before, behind, near) for *_, before, behind, near in both}
        pause, size = both[0][:2]
        if size in SIZES and len(places) == 1 and None not in places:
            how = "with" if pause == "pause" else "no"
            what = f"guests, {size} bytes, {places.pop()}, {how} pause"
            found[what].append(
                tuple(2 * ns / (before + behind) for _, _, ns, before, behind, _ in both)
            )
    return found


def show(found, unit):
    """Print a line for each; the worst median, or 0."""
    worst = 0
    for what, both in sorted(found.items()):
        if len(both) < FEW:
            print(f"{what}: {len(both)} rounds: too few")
            continue
        low, median, high = statistics.quantiles([split / one for one, split in both], n=4)
        one, split = (statistics.median(column) for column in zip(*both))
        print(
            f"{what}, {len(both)} rounds: {one:.1f} {unit} in one memory, {split:.1f} in a split"
            f" region: {median:.3f} ({low:.3f} to {high:.3f})"
        )
        worst = max(worst, median)
    return worst


def main():
    slices, rounds = (int(word) for word in [*sys.argv[1:], 100, 1000][:2])
    worst = [show(native(slices), "ns"), show(guests(rounds), "flags")]
    return 0 in worst or max(worst) > LIMIT


if __name__ == "__main__":
    sys.exit(main())
