# SPDX-License-Identifier: MIT
"""test_bridge_twin.py - two bridges with one host's name, as those of a machine and its clone."""

import contextlib
import shutil
import signal
import struct
import time

import pytest
from bridgetool import PORT, Bridge, Peer, Receiver, Sender, await_event, drained, ivsh
from rawclient import SOAK, until
from servertool import LIMIT, Server

HERE = "ivsh.r.a.$inbox.here"
FRAME = struct.Struct("<4sIQQII")
TWIN = "event=warning what=twin host=a "


@contextlib.contextmanager
def clone_of(side):
    """The bridge of a machine that was copied, with its state: one name, a server of its own."""
    folder = side.folder.with_name("clone")
    folder.mkdir(exist_ok=True)
    (folder / "state").mkdir(mode=0o700, exist_ok=True)
    for file in (side.folder / "state").iterdir():
        if file.is_file() and not (folder / "state" / file.name).exists():
            shutil.copy(file, folder / "state" / file.name)
    config = folder / "bridge.conf"
    config.write_text(side.config.read_text().replace(str(side.folder), str(folder)))
    server = Server(folder, "--slot", f"5={folder}/s5")
    try:
        bridge = Bridge(config)
        try:
            bridge.socket = server.socket
            yield bridge
        finally:
            assert bridge.stop() == 0
    finally:
        server.stop()


def here_of(raw):
    """What a bridge of host a says next: its identity, and that of the other one."""
    subject, data = raw.take()
    assert subject == HERE
    magic, flags, identity, other, *rest = FRAME.unpack(data)
    assert (magic, flags, rest) == (b"IVB\x02", 0, [0, 0]) and identity != 0
    return identity, other


def here(identity, other):
    return FRAME.pack(b"IVB\x02", 0, identity, other, 0, 0)


def is_twin(bridge):
    return bridge.status()[0]["twin"] == "1"


def test_clone(both):
    """
    SPEC R19.3.5, R19.3.6, R19.3.7: both say so, and while both run no message of either one goes
    out. What was sent meanwhile arrives when one is gone, behind the report of a loss.
    """
    w = both
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        await_event(b, ivsh.EventKind.UP)
        for i in range(3):
            a.send(5, PORT, b"before %d" % i, LIMIT)
            assert b.receive(LIMIT).data == b"before %d" % i
        with clone_of(w.a) as clone:
            for bridge in (w.a.bridge, clone):
                line = bridge.await_line(TWIN)
                assert "another bridge runs with this host's name in region r" in line
                assert is_twin(bridge)
            assert not is_twin(w.b.bridge)
            # For b this host's peers are gone: no bridge speaks for them.
            await_event(b, ivsh.EventKind.DOWN)
            sent = w.a.bridge.pair("sent")
            a.send(5, PORT, b"meanwhile", LIMIT)
            # Both go on to say who they are: each of them twice.
            raw = w.raw()
            raw.subscribe(HERE)
            heard = [here_of(raw)[0] for _ in range(2)]
            while min(map(heard.count, set(heard))) < 2 or len(set(heard)) < 2:
                heard.append(here_of(raw)[0])
            assert len(set(heard)) == 2
            assert w.a.bridge.pair("sent") == sent and clone.pair("sent") == 0
            assert is_twin(w.a.bridge) and is_twin(clone)
        w.a.bridge.await_line("event=twin-gone host=a")
        m = b.receive(LIMIT)
        assert (m.port, m.data) == (PORT, b"meanwhile")
        assert ivsh.EventKind.LOST in drained(b)
        assert not is_twin(w.a.bridge)
        assert w.a.bridge.count(TWIN) == 1 and w.a.bridge.count("event=twin-gone") == 1
        b.send(5, PORT, b"and back", LIMIT)
        assert a.receive(LIMIT).data == b"and back"


def test_clone_first(both):
    """
    SPEC R19.1.11, R19.3.7: a twin before any message has passed. Both begin another epoch, of which
    the other host, that knows none, said nothing: in mode core all that was sent stayed in the
    ring for good.
    """
    w = both
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        with clone_of(w.a) as clone:
            for bridge in (w.a.bridge, clone):
                bridge.await_line(TWIN)
            a.send(5, PORT, b"meanwhile", LIMIT)
        w.a.bridge.await_line("event=twin-gone host=a")
        assert b.receive(LIMIT).data == b"meanwhile"
        b.send(5, PORT, b"and back", LIMIT)
        assert a.receive(LIMIT).data == b"and back"


@pytest.mark.parametrize("mode", ["core", "jetstream"] if SOAK else ["core"])
def test_clone_sends(world, mode):
    """SPEC R19.3.6, R19.3.7: while a peer sends, and that of the clone does, no loss is silent."""
    w = world(mode)
    with w.a.peer() as a, w.b.peer() as b, contextlib.ExitStack() as stack:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        counts = Receiver(b)
        stack.callback(counts.end)
        stack.callback(Sender(a, sender=1).end)
        until(lambda: counts.next(1) > 1000, 3 * LIMIT)
        with clone_of(w.a) as clone, Peer(clone.socket, "apeer") as other:
            two = Sender(other, sender=2)
            try:
                clone.await_line(TWIN)
                w.a.bridge.await_line(TWIN)
                until(lambda: not w.b.bridge.pair("heard"))
            finally:
                two.end()
        w.a.bridge.await_line("event=twin-gone")
        before = counts.next(1)
        until(lambda: counts.next(1) > before + 1000, 3 * LIMIT)
        assert counts.silent == 0 and counts.lost > 0


def begun_again(side):
    """The bridge ends, in each way, and begins again, and its connections do."""
    for sig in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        side.bridge.stop(sig)
        side.bridge.start()


def test_alone(world):
    """
    SPEC R19.3.6: who names no identity of this connection is no twin: what the bridge itself said
    before, over another connection or before it was begun again, however late it comes.
    """
    w = world("core")
    raw = w.raw()
    raw.subscribe(HERE)
    said = []
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)

        def late():
            """All that was ever said comes again, and is heard: the next one names the last."""
            end = time.monotonic() + 3 * LIMIT
            said.append(here_of(raw))
            mark, other = 1 << 63 | len(said), None
            while other != mark:
                assert time.monotonic() < end, w.a.bridge.lines
                # What was heard may be of a bridge that has ended, before the next one listens.
                for one in said:
                    raw.publish(HERE, here(*one))
                raw.publish(HERE, here(mark, said[0][0]))
                raw.flush()
                identity, other = here_of(raw)
                said.append((identity, other))

        for turn in range(3):
            begun_again(w.a)
            late()
            ups = w.a.bridge.count("event=bus-up")
            w.nats.stop()
            w.nats.start()
            w.a.bridge.await_line("event=bus-up", ups + 1)
            raw = w.raw()
            raw.subscribe(HERE)
            late()
            a.send(5, PORT, b"turn %d" % turn, LIMIT)
            while b.receive(LIMIT).data != b"turn %d" % turn:
                pass
        assert len({identity for identity, _ in said}) >= 6
        assert w.a.bridge.count(TWIN) == 0 and not is_twin(w.a.bridge)


def test_forged(world):
    """
    SPEC R19.3.5, R19.4: who may publish as this host, and hears it, stops it as long as he goes on;
    who only may publish does not. Neither floods the log, or the bus, by that.
    """
    w = world("core")
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        raw, ear = w.raw(), w.raw()
        ear.subscribe(HERE)
        own, _ = here_of(ear)
        begin = time.monotonic()
        rows = [b"", b"IVB", here(own, own)[:-1], b"IVB\x01" + here(7, own)[4:], here(0, own)]
        for data in rows:
            raw.publish(HERE, data)
        for i in range(1, 20001):
            raw.publish(HERE, here(own ^ i, own ^ (i + 1)))
        raw.publish(HERE, here(1, 0) + bytes(900000))
        raw.flush()
        # What it says is among all that it was told; it names the last one in the end.
        heard, other = 0, 0
        while other != 1:
            subject, data = ear.take()
            identity, other = FRAME.unpack(data[:32])[2:4] if len(data) >= 32 else (0, 0)
            heard += identity == own
            other = other if identity == own else 0
        assert heard <= 10 * (time.monotonic() - begin) + 2
        until(lambda: int(w.a.bridge.status()[0]["unknown"]) == len(rows))
        assert w.a.bridge.count(TWIN) == 0
        a.send(5, PORT, b"alone", LIMIT)
        assert b.receive(LIMIT).data == b"alone"

        def goes_on():
            for _ in range(1000):
                raw.publish(HERE, here(9, own))
            raw.flush()
            return is_twin(w.a.bridge)

        until(goes_on)
        w.a.bridge.await_line(TWIN)
        w.a.bridge.await_line("event=twin-gone")
        a.send(5, PORT, b"alone again", LIMIT)
        while b.receive(LIMIT).data != b"alone again":
            pass
        assert w.a.bridge.count(TWIN) == 1
