# SPDX-License-Identifier: MIT
"""test_stress.py - many messages of random sizes both ways, every byte and checksum checked."""

import re

import pytest

from qemu import SOAK


@pytest.mark.parametrize(
    "demo, count",
    [("bare", 1000000 if SOAK else 100000), ("mixed", 50000 if SOAK else 5000)],
)
def test_stress(world, demo, count):
    limit = 800 if SOAK else 90
    script = world.script(
        demo, "--no-build", "--timeout", str(limit),
        "--command", f"stress --count={count} --quiet --timeout={limit - 5}",
    )  # fmt: skip
    text = script.done(seconds=limit + 10)
    ends = re.findall(
        r"^\[\d\] stress: slot \d .*: sent (\d+) bytes in (\d+) messages, "
        r"received (\d+) bytes in (\d+): every byte verified$",
        text,
        re.MULTILINE,
    )
    assert len(ends) == 2
    assert {number for end in ends for number in (end[1], end[3])} == {str(count)}
    assert ends[0][0] == ends[1][2] and ends[0][2] == ends[1][0]
    assert list(world.folder.iterdir()) == []
    print(f"{demo}: {ends[0][0]} and {ends[1][0]} bytes: {text.splitlines()[-1]}")
