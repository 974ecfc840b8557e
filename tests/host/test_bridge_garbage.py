# SPDX-License-Identifier: MIT
"""test_bridge_garbage.py - who publishes anything anywhere on the bus reaches nobody."""

import random
import struct
import time

from bridgetool import PORT, drained, ivsh
from rawclient import SOAK
from servertool import LIMIT

HEADER = struct.Struct("<4sIQQII")  # frame.h


def test_garbage(world):
    """SPEC R19.4: who publishes anything anywhere on the bus reaches nobody, and stops nothing."""
    w = world("core", "buffer = 1M\n")
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        raw = w.raw()
        right = HEADER.pack(b"IVB\x02", 0, 1, 1, 1, 1) + bytes([6, 0, 0, 0])
        subjects = [
            *("ivsh.r.a.apeer.%s.b.bpeer" % port for port in (0, 77, 65535, 65536, "x", "state")),
            *("ivsh.r.a.apeer.77.b.bpeer.kept", "ivsh.r.a.other.77.b.bpeer"),
            *("ivsh.r.c.apeer.77.b.bpeer", "ivsh.r.a.apeer.77.b.nobody", "ivsh.r.a.apeer"),
        ]
        seed = 1 if not SOAK else None
        draw = random.Random(seed)
        for turn in range(200 if not SOAK else 20000):
            size = draw.choice([0, 1, 31, 32, 33, 100, 5000])
            data = draw.randbytes(size)
            for subject in subjects:
                raw.publish(subject, data)
                raw.publish(subject.replace("apeer", "apeer" if turn % 2 else "no"), data[:31])
        # Messages of the right form, of those that the mapping does not name.
        for subject in subjects[6:]:
            raw.publish(subject, right + b"forged")
        raw.flush()
        a.send(5, PORT, b"true", LIMIT)
        m = b.receive(LIMIT)
        assert (m.peer, m.port, m.data) == (5, PORT, b"true")
        assert ivsh.EventKind.LOST not in drained(b)
        assert int(w.b.bridge.status()[0]["unknown"]) > 100
        w.b.bridge.await_line("event=unknown")
        assert w.b.bridge.process.poll() is None


def garbage(draw):
    """A subject and bytes that are no message of a's peer for b's, though some come near."""
    words = ["a", "b", "c", "r", "apeer", "bpeer", "ivsh", "state", "kept", "77", "-1", "A" * 40]
    strangers = ["a.other.77.b.bpeer", "c.apeer.77.b.bpeer", "a.apeer.77.b.nobody"]
    strangers += ["b.bpeer.77.b.bpeer", "a.apeer.77.c.bpeer", "a.apeer.70000.b.bpeer"]
    kind = draw.randrange(3)
    if kind == 0:  # a message, of a pair that is none
        epoch, number = draw.choice([1, 2, 1 << 63]), draw.randrange(100)
        head = HEADER.pack(b"IVB\x02", draw.randrange(8), epoch, number, 1, 1)
        data = head + bytes([6, 0, 0, 0]) + b"forged"
        return "ivsh.r." + draw.choice(strangers) + draw.choice(["", "", ".x"]), data
    if kind == 1:  # no message, of the right pair
        subject = f"ivsh.r.a.apeer.{draw.choice(['77', '0', 'state'])}.b.bpeer"
        return subject, draw.randbytes(draw.choice([0, 1, 31, 32, 33, 200]))
    subject = ".".join(draw.choice(words) for _ in range(draw.randrange(1, 10)))
    return subject, draw.randbytes(draw.choice([0, 1, 32, 1000]))


def test_garbage_long(both):
    """SPEC R19.4: while anything is published anywhere, each message arrives, and nothing else."""
    w, seconds = both, 60 if SOAK else 2.5
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        raw, draw = w.raw(), random.Random(7)
        end, sent, published = time.monotonic() + seconds, 0, 0
        while time.monotonic() < end:
            for _ in range(200):
                raw.publish(*garbage(draw))
            raw.flush()
            published += 200
            a.send(5, PORT, b"%d" % sent, LIMIT)
            m = b.receive(LIMIT)
            assert (m.peer, m.port, m.data) == (5, PORT, b"%d" % sent)
            sent += 1
        assert ivsh.EventKind.LOST not in drained(a) + drained(b)
        assert [side.bridge.process.poll() for side in w.sides] == [None, None]
        assert int(w.b.bridge.status()[0]["unknown"]) > published // 10
        print(f"{published} published, {sent} sent")


def test_garbage_kept(world):
    """SPEC R19.4: what a stream has for a pair that is no message holds none up."""
    w = world("jetstream")
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        raw = w.raw()
        late = 0
        for number in range(20):
            begin = time.monotonic()
            # As many as the bridge asks for at once.
            for _ in range(64):
                raw.publish("ivsh.r.a.apeer.x.b.bpeer.kept", b"garbage")
            raw.flush()
            a.send(5, PORT, b"%d" % number, LIMIT)
            assert b.receive(LIMIT).data == b"%d" % number
            # A request that is given up takes 5 s.
            late += time.monotonic() - begin >= 5
        assert late <= 3
        # What a request that is made anew brings once more counts again.
        unknown = int(w.b.bridge.status()[0]["unknown"])
        assert unknown >= 20 * 64 if late else unknown == 20 * 64
