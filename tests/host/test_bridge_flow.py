# SPDX-License-Identifier: MIT
"""test_bridge_flow.py - what waits when the bus, its stream or the receiver takes nothing."""

import signal
import struct

from bridgetool import PORT, await_event, drained, fill, ivsh, killed, waits
from pause import pause
from rawclient import until
from servertool import LIMIT


def test_cut_bus(both):
    """SPEC R19.1.6: while the bus is away nothing is lost, and nothing grows but the ring."""
    with both.a.peer() as a, both.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        both.nats.stop()
        for side in both.sides:
            side.bridge.await_line("event=bus-down")
        sent = fill(a, lambda: True)
        assert 100 < sent < 10000  # the ring is full
        both.nats.start()
        for i in range(sent):
            assert struct.unpack("<Q", b.receive(LIMIT).data) == (i,)


def test_silent_bus(world):
    """A bus that stands still is given up, and everything goes on when it moves again."""
    both = world("core")
    with both.a.peer() as a, both.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        pause(both.nats.process.pid)
        try:
            await_event(b, ivsh.EventKind.DOWN)
            for side in both.sides:
                side.bridge.await_line("event=bus-down")
        finally:
            both.nats.process.send_signal(signal.SIGCONT)
        await_event(b, ivsh.EventKind.UP)
        a.find("bpeer", LIMIT)
        a.send(5, PORT, b"after", LIMIT)
        assert b.receive(LIMIT).data == b"after"


def test_full_stream(world):
    """A stream that is full makes the sender wait, and loses nothing; SPEC R19.1.2."""
    w = world("jetstream", "stream-messages = 10\n")
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        # The other side takes nothing more.
        pause(w.b.bridge.process.pid)
        try:
            until(lambda: a.peer(5).presence != ivsh.Presence.ATTACHED)
            a.send(5, PORT, struct.pack("<Q", 0), LIMIT)
        finally:
            w.b.bridge.process.send_signal(signal.SIGCONT)
        a.find("bpeer", LIMIT)
        with killed(w, w.b):
            # The ring is full, and what the stream has not taken is not sent.
            sent = fill(a, lambda: w.a.bridge.pair("refused") > 0)
            assert sent > 100
            taken = w.a.bridge.pair("sent")
            refused = w.a.bridge.pair("refused")
            until(lambda: w.a.bridge.pair("refused") > refused)
            assert w.a.bridge.pair("sent") == taken < sent
        w.b.bridge.start()
        assert struct.unpack("<Q", b.receive(LIMIT).data) == (0,)
        for i in range(sent):
            assert struct.unpack("<Q", b.receive(LIMIT).data) == (i,)
        assert ivsh.EventKind.LOST not in drained(b)


def test_slow_receiver(world):
    """SPEC R19.1.7, R19.2.5: a receiver that takes nothing makes the sender wait; none is lost."""
    w = world("core", "buffer = 128K\n", servers=(("-l", "16M"), ("-l", "16M")))
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        for turn in range(2):
            before = w.a.bridge.pair("sent")
            # Both rings are full: b's, for which something waits, and then a's, which has more
            # than the window.
            sent = fill(a, waits(w.b.bridge), bytes(1000))
            assert sent > 300
            # Behind what is in b's ring, a window and no more is under way; and states.
            assert w.b.bridge.pair("waiting_bytes") <= (64 << 10) + 4096
            assert w.a.bridge.pair("sent") - before < sent
            if turn:  # nor is there more where the sender's bridge has forgotten how much that is
                w.a.bridge.stop(signal.SIGKILL)
                w.a.bridge.start()
                a.find("bpeer", LIMIT)
            for i in range(sent):
                assert struct.unpack_from("<Q", b.receive(LIMIT).data) == (i,)
        # Frames larger than the window, each of them alone.
        for size in (100000, 8, 100000, 60000):
            a.send(5, PORT, bytes(size), LIMIT)
            assert b.receive(LIMIT).data == bytes(size)
        assert int(w.b.bridge.status()[0]["dropped"]) == 0
        assert ivsh.EventKind.LOST not in drained(b)


def test_slow_receiver_of_stream(world):
    """SPEC R19.2.6: what a bridge has no room for is read from the stream again, also the last."""
    w = world("jetstream", "buffer = 64K\n", servers=(("-l", "16M"), ("-l", "16M")))
    sizes = [20000, 30000, 100000, 8] * 32
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        for i, size in enumerate(sizes):
            a.send(5, PORT, struct.pack("<Q", i) + bytes(size), LIMIT)
        # All of it is in the stream, and but for what b's ring has, not on the other side.
        until(lambda: w.a.bridge.pair("sent") == len(sizes))
        assert w.b.bridge.pair("received") < len(sizes) / 2
        for i, size in enumerate(sizes):
            assert b.receive(LIMIT).data == struct.pack("<Q", i) + bytes(size)
        assert ivsh.EventKind.LOST not in drained(b)
