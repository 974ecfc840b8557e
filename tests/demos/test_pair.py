# SPDX-License-Identifier: MIT
"""test_pair.py - what `make bench-guest` compares with works: a run of the least length."""

import statistics

import pair

# Guests whose processors are next to each other have flags that take next to nothing: 10 in place
# of 3.5 was seen. A wait by mistake would be hundreds.
MOST = 40


def test_pair(world):
    """Both guests end, with every message verified; the ratio is shown, and bounded widely."""
    slices = pair.run(world, rounds=10, trips=100)
    for row in pair.summary(slices):
        line = "{place} {pause:5} {size:4} B: {ns:.0f} ns, {ratio:.2f} flags of {flag_ns:.0f} ns"
        print(line.format(**row))
    # Of all slices: none may be good on a busy host.
    ratio = statistics.median(
        2 * ns / (before + behind) for _, size, ns, before, behind, _ in slices if size == 8
    )
    print(f"8 B: library / flag: {ratio:.2f}")
    assert ratio < MOST


def test_pair_split(world):
    """The same with a split region beside it, which tests/bench/split.py compares."""
    server = world.server("--split", slots=2)
    slices = pair.run(world, rounds=5, trips=100, split=server.folder)
    assert [size for _, size, *_ in slices[:6]] == [8, 8, 64, 64, 1024, 1024]
