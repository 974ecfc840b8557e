# SPDX-License-Identifier: MIT
"""test_bridge_records.py - a bridge's records on its disk: lost, cut short, damaged, older."""

import signal
import struct

import pytest
from bridgetool import PORT, await_event, drained, exchange, ivsh
from pause import pause
from rawclient import until
from servertool import LIMIT, Server


def test_state_lost(both):
    """SPEC R19.1.5, R19.2.4: a bridge that has lost its numbers begins anew: a loss, once."""
    w = both
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        a.send(5, PORT, b"before", LIMIT)
        assert b.receive(LIMIT).data == b"before"
        drained(b)
        # Else the next bridge finds it in the ring, and sends it once more.
        until(lambda: w.a.bridge.pair("sent") == 1)
        w.a.bridge.stop()
        await_event(b, ivsh.EventKind.DOWN)
        for path in (w.a.folder / "state").iterdir():
            path.unlink()
        w.a.bridge.start()
        a.find("bpeer", LIMIT)
        for text in (b"after", b"again"):
            a.send(5, PORT, text, LIMIT)
            assert b.receive(LIMIT).data == text
        assert drained(b).count(ivsh.EventKind.LOST) == 1


FAR = struct.Struct("<QQQQIIII")  # state.h: struct state_far
NEAR = struct.Struct("<QQQIIIIIIHBB4x")  # state.h: struct state_near
FAR_AT = 16 + 2 * NEAR.size  # state.c: behind the turns, and two records of the near way


def test_killed_between_stores(world):
    """
    SPEC R19.2.2, R19.2.6: a bridge is killed behind the record of a number, and before the message
    is in the ring. The next one takes the number back, and the stream still has the message.
    """
    w = world("jetstream")
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        for i in range(3):
            a.send(5, PORT, bytes([i]), LIMIT)
            assert b.receive(LIMIT).data == bytes([i])
        w.b.bridge.stop(signal.SIGKILL)
        a.send(5, PORT, b"last", LIMIT)
        until(lambda: w.a.bridge.pair("sent") == 4)
        (path,) = (w.b.folder / "state").glob("bpeer.*")
        kept = bytearray(path.read_bytes())
        at = FAR_AT + FAR.size * struct.unpack_from("<I", kept, 12)[0]
        epoch, number, sequence, region, generation, head, begun, slots = FAR.unpack_from(kept, at)
        assert (number, begun) == (3, 2)
        FAR.pack_into(kept, at, epoch, 4, sequence + 1, region, generation, head + 1, 2, slots)
        path.write_bytes(kept)
        w.b.bridge.start()
        assert b.receive(LIMIT).data == b"last"
        assert ivsh.EventKind.LOST not in drained(b)


@pytest.mark.parametrize("what", ["bytes", "length"])
def test_damaged_frame(world, what):
    """
    SPEC R19.1.4: a machine has lost its power, and a kept frame is not what its record says: its
    messages are reported as lost, and nothing else is.
    """
    w = world("jetstream")
    path = w.a.folder / "state/apeer.b.bpeer"
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        pause(w.nats.process.pid)
        a.send(5, PORT, b"kept", LIMIT)
        until(lambda: w.a.bridge.pair("in_flight") == 1)
        w.a.bridge.stop(signal.SIGKILL)
        w.nats.stop(signal.SIGKILL)
        kept = bytearray(path.read_bytes())
        at = 16 + NEAR.size * struct.unpack_from("<I", kept, 8)[0]
        assert struct.unpack_from("<II", kept, at + 40) == (1, 32 + 4 + 4)
        if what == "bytes":
            struct.pack_into("<I", kept, at + 44, 0xFFFFFFFF)
        else:
            struct.pack_into("<I", kept, 4096 + 32, 5)
        path.write_bytes(kept)
        w.nats.start()
        w.a.bridge.start()
        await_event(b, ivsh.EventKind.LOST)
        a.find("bpeer", LIMIT)
        a.send(5, PORT, b"behind", LIMIT)
        assert b.receive(LIMIT).data == b"behind"


def test_older_records(both):
    """
    SPEC R19.1.8: a machine loses its power, and so the region's memory; of the bridge's records
    its disk has older ones, with a frame that has arrived since. That does not come again, and
    what comes next is not taken for what was there before.
    """
    w = both
    with w.b.peer() as b:
        with w.a.peer() as a:
            a.find("bpeer", LIMIT)
            b.find("apeer", LIMIT)
            for i in range(3):
                a.send(5, PORT, bytes([i]), LIMIT)
                assert b.receive(LIMIT).data == bytes([i])
            until(lambda: w.a.bridge.pair("sent") == 3)
            w.a.bridge.stop(signal.SIGKILL)
        w.a.server.stop(signal.SIGKILL)
        (path,) = (w.a.folder / "state").glob("apeer.*")
        kept = bytearray(path.read_bytes())
        at = 16 + NEAR.size * struct.unpack_from("<I", kept, 8)[0]
        record = list(NEAR.unpack_from(kept, at))
        assert record[1] == 3 and record[7] == 0
        record[1], record[7] = 1, 1  # its number, and how many messages its frame has
        NEAR.pack_into(kept, at, *record)
        path.write_bytes(kept)
        drained(b)
        w.a.server = Server(w.a.folder, "--slot", f"5={w.a.folder}/s5")
        w.a.bridge.start()
        with w.a.peer() as a:
            a.find("bpeer", LIMIT)
            for i in range(10, 15):
                a.send(5, PORT, bytes([i]), LIMIT)
                assert b.receive(LIMIT).data == bytes([i])
        assert ivsh.EventKind.LOST in drained(b)


@pytest.mark.parametrize("what", ["another version", "cut"])
def test_foreign_file(world, what):
    """A file that is no record of this version is said, and nothing of it is believed."""
    w = world("core")
    exchange(w, b"first")
    w.a.bridge.stop()
    file = w.a.folder / "state/apeer.b.bpeer"
    if what == "cut":
        file.write_bytes(b"")
    else:
        with open(file, "r+b") as f:
            f.write(b"ivsh9999")
    lines = w.a.bridge.count("event=state-lost")
    w.a.bridge.start()
    said = w.a.bridge.await_line("event=state-lost", lines + 1)
    assert "file=apeer.b.bpeer" in said
    exchange(w, b"next")
    w.a.bridge.stop()
    w.a.bridge.start()
    assert w.a.bridge.count("event=state-lost") == lines + 1
