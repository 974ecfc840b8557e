# SPDX-License-Identifier: MIT
"""test_bridge_hostile.py - what who may publish on the bus can do to ivsh-bridge, and cannot."""

import contextlib
import random
import re
import struct
import threading
import time

import pytest
from bridgetool import PORT, Receiver, Sender, await_event, drained, ivsh, killed, numbered
from rawclient import SOAK, until
from servertool import LIMIT

MAGIC = b"IVB\x02"
LOST, PRESENT, MORE, KEPT = 1, 2, 4, 8  # frame.h
FORGED = 1 << 31  # no bridge reads it: what the tests publish themselves
HEADER = struct.Struct("<4sIQQII")
RECEIVED = struct.pack("<QQII", 0, 0, 0, 0)  # of a state


STATE = {"a": "ivsh.r.a.apeer.state.b.bpeer", "b": "ivsh.r.b.bpeer.state.a.apeer"}
NUMBERS = [0, 1, (1 << 63), (1 << 64) - 2, (1 << 64) - 1]


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
        until(lambda: w.b.bridge.pair("lost") >= 2 * total, 6 * LIMIT)
        until(lambda: sum(counts(w.b.bridge, "near")) == total, 6 * LIMIT)
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
        # Each of these is of one message.
        times = [re.search(r"reason=near(?: times=(\d+))?", line) for line in w.b.bridge.lines]
        assert sum(int(match[1] or 1) for match in times if match) == total
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
        last = time.monotonic()
        attaches = w.b.bridge.pair("attaches")
        w.b.bridge.stop()
        now = time.monotonic()
        most = now - begin + 2
        # What was published last may attach it once more, or twice where that takes its time.
        later = 1 + (now - last) / 0.25  # remote.c: RETRY_NS
        for event in ("attach", "detach"):
            lines = [line for line in w.b.bridge.lines if f"event={event} " in line]
            times = [re.search(r" times=(\d+)", line) for line in lines]
            assert len(lines) <= most, lines
            total = sum(int(match[1]) if match else 1 for match in times)
            assert attaches <= total <= attaches + later, lines
        # The last one says how it is.
        assert "event=detach " in [line for line in w.b.bridge.lines if "tach " in line][-1]
        w.b.bridge.start()
        w.a.bridge.start()


class Ear(threading.Thread):
    """What the states of both sides said last, as whoever may subscribe to them hears it."""

    def __init__(self, w):
        super().__init__(daemon=True)
        self.raw = w.raw()
        self.raw.subscribe("ivsh.r.*.*.state.*.*")
        self.said = {}
        self.start()

    def run(self):
        while True:
            try:
                subject, data = self.raw.take()
            except (AssertionError, OSError, ValueError):
                return
            _, flags, epoch, number, incarnation, _ = HEADER.unpack_from(data)
            if flags & FORGED == 0:
                self.said[subject.split(".")[2]] = (flags, epoch, number, incarnation)

    def of(self, side):
        until(lambda: side in self.said)
        return self.said[side]


def state(flags, epoch, number, incarnation, received=(0, 0, 1 << 20), services=b""):
    head = HEADER.pack(MAGIC, flags | FORGED, epoch, number, incarnation, 0)
    return head + struct.pack("<QQII", *received, 0) + services


@pytest.fixture(params=["core", "jetstream"])
def both(request, world):
    """A world in each mode."""
    return world(request.param)


def test_overtaken(world):
    """
    SPEC R19.1.8: a state with a number that was never published, of the right epoch. The bridge
    there would drop all that follows; the one here begins anew, and all that follows arrives.
    """
    w = world("core")
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        ear, raw = Ear(w), w.raw()
        for turn, number in enumerate(((1 << 64) - 1, 1 << 63, 1000), 1):
            a.send(5, PORT, b"before", LIMIT)
            assert b.receive(LIMIT).data == b"before"
            drained(b)
            flags, epoch, _, incarnation = ear.of("a")
            forged = state(flags, epoch, number, incarnation)
            # Again and again: a true state that comes together with it takes its place.
            until(lambda: (raw.publish(STATE["a"], forged), ear.of("a")[1] != epoch)[1])
            await_event(b, ivsh.EventKind.LOST)
            w.a.bridge.await_line("event=overtaken local=0 slot=5 peer=b/bpeer ", turn)
            # And the other way: what is said to be received never was sent.
            flags, _, number, incarnation = ear.of("b")
            epoch = ear.of("a")[1]
            forged = state(flags, ear.of("b")[1], number, incarnation, (epoch, 77, 1 << 20))
            until(lambda: (raw.publish(STATE["b"], forged), ear.of("a")[1] != epoch)[1])


def flood(w, ear, ended, seed):
    """
    States of both sides, with a little of what is true in each; and always the mode. One of mode
    core may lose what the stream has.
    """
    raw, draw = w.raw(), random.Random(seed)
    while not ended.is_set():
        for _ in range(50):
            one, other = draw.choice(["ab", "ba"])
            flags, epoch, number, incarnation = ear.of(one)
            epoch = draw.choice([epoch, epoch, 1, draw.getrandbits(64) or 1])
            number = draw.choice([number, number, *NUMBERS])
            there = ear.of(other)
            received = (
                draw.choice([there[1], there[1], 0, 7]),
                draw.choice([there[2], there[2], *NUMBERS]),
                draw.choice([0, 1, 1 << 20, (1 << 32) - 1]),
            )
            others = [(flags & KEPT, 0), (flags & KEPT | PRESENT | MORE, 9)]
            flags, incarnation = draw.choice([(flags, incarnation)] * 3 + others)
            services = draw.choice([b"", draw.randbytes(30), b"\x4d\x00\x04\x65cho"])
            raw.publish(STATE[one], state(flags, epoch, number, incarnation, received, services))
        raw.flush()
        ended.wait(0.02)


def memory_of(bridge):
    """KiB of memory that the bridge has had at the most."""
    with open(f"/proc/{bridge.process.pid}/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1])


def test_forged_states(both, request):
    """
    SPEC R19.4: states that somebody forges, of both sides and with the right epochs, while numbers
    flow. Both bridges run on in bounded memory; in mode core each gap is reported, in mode
    JetStream there is none; and when it ends, everything arrives.
    """
    w, seconds = both, 60 if SOAK else 4
    ended = threading.Event()
    # One thread for each peer: what is reported between two messages stands between them.
    with ivsh.Peer(w.a.socket, "apeer") as a, ivsh.Peer(w.b.socket, "bpeer") as b:
        a.find("bpeer", LIMIT)
        ear = Ear(w)
        drained(b)
        receiver, sender, begin = Receiver(b), Sender(a), time.monotonic()
        flooder = threading.Thread(target=flood, args=(w, ear, ended, None if SOAK else 3))
        try:
            flooder.start()
            time.sleep(seconds)
            ended.set()
            flooder.join(LIMIT)
            done = receiver.next()
            until(lambda: receiver.next() > done + 100, 60)
            sender.end()
            # What was sent last has come, or is known as lost.
            until(lambda: receiver.next() == sender.sent or receiver.has_lost(), 60)
        finally:
            ended.set()
            sender.end()
            receiver.end()
        r = receiver
        print(request.node.name, f"got={r.next()} missing={r.missing} gaps={r.gaps} lost={r.lost}")
        assert (r.repeated, r.silent) == (0, 0)
        assert w.a.bridge.status()[1]["mode"] == "core" or r.missing == 0
        for side in w.sides:
            assert side.bridge.process.poll() is None
            print(side.name, memory_of(side.bridge), len(side.bridge.lines))
            assert memory_of(side.bridge) < 200 << 10
            assert len(side.bridge.lines) < 20 * (time.monotonic() - begin + 5)


def fill_from(peer, number):
    """Send numbers from this one on to slot 5, while there is room: the next one."""
    with contextlib.suppress(ivsh.Timeout):
        for number in range(number, number + 5000):
            peer.send(5, PORT, struct.pack("<Q", number), 0.2)
        number += 1
    return number


def test_states_bounded(world):
    """SPEC R19.4.2: states, and such as are larger than any, behind a message that has no room."""
    w = world("core")
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        sent = 0
        while w.b.bridge.pair("waiting") == 0:
            sent = fill_from(a, sent)
        ear, raw, before = Ear(w), w.raw(), memory_of(w.b.bridge)
        flags, epoch, number, incarnation = ear.of("a")
        for size in (0, 500, 900000):
            for i in range(300 if size else 30000):
                services = bytes(size)
                forged = state(flags, epoch, number, incarnation, (0, 0, 1 << 20), services)
                raw.publish(STATE["a"], forged)
                if i % 100 == 99:
                    raw.flush()
        raw.flush()
        # All have come: behind them does this.
        raw.publish(STATE["a"], HEADER.pack(b"IVB\x01", PRESENT, epoch, 1, 1, 0))
        w.b.bridge.await_line("event=version from=a/apeer version=1 ", limit=30)
        assert memory_of(w.b.bridge) - before < 100 << 10
        assert w.b.bridge.pair("waiting_bytes") <= 4 << 20
        assert ivsh.EventKind.LOST not in drained(b)
        for i in range(sent):
            assert struct.unpack("<Q", b.receive(LIMIT).data) == (i,)
        assert ivsh.EventKind.LOST not in drained(b)


def test_other_version(both):
    """
    SPEC R19.4.1: that a bridge has another version is said once for each pair, and nothing of it is
    taken: a state as version 1 has it, a message of each mode, and a version that is none yet.
    """
    w = both
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        raw, kept = w.raw(), ".kept" if w.a.bridge.status()[1]["mode"] == "jetstream" else ""
        for version in (1, 1, 3, 255):
            head = HEADER.pack(b"IVB%c" % version, PRESENT, 99, 5, 9, 0)
            raw.publish(STATE["a"], head + b"\x4d\x00\x04echo")
            raw.publish("ivsh.r.a.apeer.77.b.bpeer" + kept, head + b"old")
        raw.flush()
        w.b.bridge.await_line("event=version from=a/apeer version=1 ")
        until(lambda: int(w.b.bridge.status()[0]["unknown"]) >= 8)
        a.send(5, PORT, b"true", LIMIT)
        m = b.receive(LIMIT)
        assert (m.port, m.data) == (PORT, b"true")
        assert b.peer(5).incarnation < 9
        assert ivsh.EventKind.LOST not in drained(b)
        assert w.b.bridge.count("event=version") == 1 and w.a.bridge.count("event=version") == 0
        assert w.b.bridge.count("event=unknown") == 0


class Forger(threading.Thread):
    """Acknowledges what a's bridge publishes, in JetStream's place."""

    def __init__(self, w):
        super().__init__(daemon=True)
        self.raw, self.ended = w.raw(), threading.Event()
        self.raw.subscribe("ivsh.r.a.apeer.*.b.bpeer.kept")
        self.start()

    def run(self):
        while not self.ended.is_set():
            try:
                self.raw.take()
            except (AssertionError, OSError, ValueError):
                return
            if not self.ended.is_set():
                self.raw.publish(self.raw.reply, b'{"stream":"ivsh_r","seq":7}')


def test_forged_acks(world):
    """
    SPEC R19.4: whoever hears a bridge's frames and may publish at its inbox, which permissions
    deny, can have it believe that a full stream has them. What is lost by that is reported.
    """
    w = world("jetstream", "stream-messages = 3\n")
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        with killed(w, w.b):
            forger = Forger(w)
            sent = 0
            # More than the ring and the stream have room for.
            while sent < 2000:
                a.send(5, PORT, numbered(sent), LIMIT)
                sent += 1
            until(lambda: w.a.bridge.pair("in_flight") == 0)
            forger.ended.set()
        receiver = Receiver(b)
        try:
            w.b.bridge.start()
            for i in range(sent, sent + 20):
                a.send(5, PORT, numbered(i), LIMIT)
            until(lambda: receiver.next() == sent + 20, 30)
        finally:
            receiver.end()
        print(receiver.missing, receiver.gaps, receiver.lost)
        assert receiver.missing > 0 and receiver.silent == receiver.repeated == 0
        assert w.b.bridge.pair("lost") == receiver.missing
