# SPDX-License-Identifier: MIT
"""pair.py - two guests that run pair.elf, and what their slices come to.

A slice of messages stands between two of flags. It counts only if the host left both guests where
they were meanwhile: the two agree. The cost of a message in flags is its slice over their mean. It
depends on where the two guests are, so slices of different places are never taken together. Where
they are shows in the flags of the round without a pause: with one, translated guests take longer.
"""

import os
import re
import statistics
from collections import Counter, defaultdict

from memory import memory_file
from qemu import plain
from split import device, parts

SIZES = (8, 64, 1024)
# As tests/bench/native has it: a round trip of flags takes less than that many nanoseconds.
PLACES = {"sibling": 75, "cluster": 200, "far": 1000, "beyond": float("inf")}
AGREE = 0.15  # two slices of flags that differ by more: the host moved the guests
CHECKED = 2 * 64 * len(SIZES)  # messages that pair.c checks before it measures


def run(world, rounds, trips, seconds=60, split=None):
    """
    The slices of one run, as (pause, size, ns, flag ns before, flag ns behind, flag ns without a
    pause in that round), for a round trip each. Each guest is kept on a processor of its own: on
    one together, each round trip would last until the host's scheduler has its turn.
    split: the folder of a split region of two slots: behind each slice then stands one in there.
    """
    memory = memory_file(world.folder, size=8 << 20, name="pair")
    guests = [
        world.guest(
            f"pair {slot}",
            f"{slot} {rounds} {trips}{' split' if split else ''}",
            *plain(memory),
            *(device(split / "common", "common", True) + parts(split, slot, 2) if split else []),
            image="pair",
        )
        for slot in (0, 1)
    ]
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) > 1:
        for guest, processor in zip(guests, processors):
            guest.pin(processor)
    texts = [guest.done(seconds=seconds) for guest in guests]
    ends = 2 if split else 1
    want = (2 * rounds * trips * len(SIZES) + CHECKED) * ends
    for guest, text in zip(guests, texts):
        if f"pair: {want} messages verified\n" not in text:
            guest.fail(f"verified other than {want} messages")
    slices = []
    for pause, line in re.findall(r"^pair: (none|pause) (flag .*)$", texts[0], re.MULTILINE):
        words = line.split()
        times = [int(word) / trips for word in words[1::2]]
        if pause == "none":
            near = statistics.median(times[0::2])
        for at in range(1, len(times), 2):
            slices.append(
                (pause, int(words[2 * at]), times[at], times[at - 1], times[at + 1], near)
            )
    assert len(slices) == 2 * rounds * len(SIZES) * ends
    return slices


def quartiles(values):
    return statistics.quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3


def place(before, behind, near):
    """Where the two guests were; None: the two slices of flags disagree."""
    if abs(before - behind) > AGREE * (before + behind) / 2:
        return None
    return next(name for name, below in PLACES.items() if near < below)


def summary(slices):
    """
    [{place, pause, size, slices, ns, flag_ns, ratio, ratio_quartiles}]: medians of the slices, the
    place with most of them first. Slices without a place are left out.
    """
    found = defaultdict(list)
    for pause, size, ns, before, behind, near in slices:
        found[place(before, behind, near), pause, size].append((ns, (before + behind) / 2))
    found = {key: good for key, good in found.items() if key[0]}
    share = Counter()
    for key, good in found.items():
        share[key[0]] += len(good)
    rows = []
    for (where, pause, size), good in sorted(
        found.items(), key=lambda item: (-share[item[0][0]], *item[0])
    ):
        low, middle, high = quartiles([ns / flag for ns, flag in good])
        rows.append(
            {
                "place": where,
                "pause": pause,
                "size": size,
                "slices": len(good),
                "ns": statistics.median(ns for ns, _ in good),
                "flag_ns": statistics.median(flag for _, flag in good),
                "ratio": middle,
                "ratio_quartiles": [low, high],
            }
        )
    return rows
