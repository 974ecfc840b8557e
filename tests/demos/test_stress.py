# SPDX-License-Identifier: MIT
"""test_stress.py - many messages of random sizes both ways, every byte and checksum checked."""

import re

import pytest

from qemu import SOAK

pytestmark = pytest.mark.arches()


@pytest.mark.parametrize(
    "demo, count",
    [("bare", 1000000 if SOAK else 100000), ("mixed", 50000 if SOAK else 5000)],
)
def test_stress(world, demo, count):
    stress(world, demo, count)


@pytest.mark.x86_64  # and all others
def test_cross(world):
    """A guest of each architecture and a process of the host: each with each, both ways."""
    stress(world, "cross", 100000 if SOAK else 5000, peers=3)


def stress(world, demo, count, peers=1):
    limit = 800 if SOAK else 90
    script = world.script(
        demo, "--no-build", "--timeout", str(limit), "--command",
        f"stress --peers={peers} --count={count} --quiet --timeout={limit - 5}",
    )  # fmt: skip
    text = script.done(seconds=limit + 10)
    ends = re.findall(
        r"^\[\d\] stress: slot \d .*: sent (\d+) bytes in (\d+) messages, "
        r"received (\d+) bytes in (\d+): every byte verified$",
        text,
        re.MULTILINE,
    )
    ends = [tuple(map(int, end)) for end in ends]
    assert len(ends) == peers + 1
    assert {number for end in ends for number in (end[1], end[3])} == {count * peers}
    assert sum(end[0] for end in ends) == sum(end[2] for end in ends)
    assert peers > 1 or ends[0][0] == ends[1][2]
    assert list(world.folder.iterdir()) == []
    print(f"{demo}: {[end[0] for end in ends]} bytes: {text.splitlines()[-1]}")
