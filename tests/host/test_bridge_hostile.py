# SPDX-License-Identifier: MIT
"""test_bridge_hostile.py - what who may publish on the bus can do to ivsh-bridge, and cannot."""

import re
import struct
import time

import pytest
from bridgetool import World, ivsh
from rawclient import until
from servertool import LIMIT

PORT = 77
MAGIC = b"IVB\x02"
LOST, PRESENT = 1, 2  # frame.h
HEADER = struct.Struct("<4sIQQII")
RECEIVED = struct.pack("<QQII", 0, 0, 0, 0)  # of a state


@pytest.fixture
def world(tmp_path):
    made = []

    def make(*words, **keywords):
        made.append(World(tmp_path, *words, **keywords))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def counts(bridge, reason):
    """Of the lines of lost messages, by this reason: their counts."""
    with bridge.more:
        pattern = rf"event=lost .* count=(\d+) reason={reason}\b"
        found = [re.search(pattern, line) for line in bridge.lines]
    return [int(match[1]) for match in found if match]


def test_flood_log(world):
    """10,000 losses, one by one: a line a second, and the lines' counts are what was lost."""
    w, total = world("core"), 10000
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        raw = w.raw()
        begin = time.monotonic()
        for i in range(total):
            frame = HEADER.pack(MAGIC, LOST, 99, 2 * i + 2, 1, 1)
            raw.publish(f"ivsh.r.a.apeer.{PORT}.b.bpeer", frame)
            if i % 1000 == 999:
                raw.flush()
        until(lambda: w.b.bridge.pair("lost") >= 2 * total)
        until(lambda: sum(counts(w.b.bridge, "near")) == total)
        a.send(5, PORT, b"true", LIMIT)
        assert b.receive(LIMIT).data == b"true"
        # What is left is said at the end.
        lost = w.b.bridge.pair("lost")
        w.b.bridge.stop()
        most = time.monotonic() - begin + 2
        reasons = ("epoch", "gap", "tail", "near", "size")
        found = {reason: counts(w.b.bridge, reason) for reason in reasons}
        assert sum(found["near"]) == total
        assert sum(map(sum, found.values())) == lost
        assert all(len(lines) <= most for lines in found.values()), found
        times = re.search(r"reason=near times=(\d+)", "\n".join(w.b.bridge.lines))
        assert times and int(times[1]) > 100
        w.b.bridge.start()


def test_flood_states(world):
    """States of ever another incarnation: a line a second says how often the slot came and went."""
    w = world("core")
    with w.b.peer():
        raw = w.raw()
        # The true one says that nobody is there, between them.
        w.a.bridge.stop()
        begin, incarnation = time.monotonic(), 0
        first = w.b.bridge.pair("attaches")
        while w.b.bridge.pair("attaches") < first + 8:
            for _ in range(20):
                incarnation += 1
                state = HEADER.pack(MAGIC, PRESENT, 99, 0, incarnation, 0) + RECEIVED
                raw.publish("ivsh.r.a.apeer.state.b.bpeer", state)
            raw.flush()
        w.b.bridge.await_line("event=attach ")
        attaches = w.b.bridge.pair("attaches")
        w.b.bridge.stop()
        most = time.monotonic() - begin + 2
        for event in ("attach", "detach"):
            lines = [line for line in w.b.bridge.lines if f"event={event} " in line]
            times = [re.search(r" times=(\d+)", line) for line in lines]
            assert len(lines) <= most, lines
            assert sum(int(match[1]) if match else 1 for match in times) == attaches, lines
        # The last one says how it is.
        assert "event=detach " in [line for line in w.b.bridge.lines if "tach " in line][-1]
        w.b.bridge.start()
        w.a.bridge.start()
