# SPDX-License-Identifier: MIT
"""test_bridge.py - peers of another host, over a bus: ivsh-bridge."""

import hashlib
import json
import os
import pathlib
import random
import re
import signal
import struct
import subprocess
import sys
import threading
import time

import pytest
from bridgetool import World, ivsh
from exposition import one, samples
from rawclient import SOAK, until
from servertool import BUILD, LIMIT, Server

BENCH = pathlib.Path(__file__).resolve().parents[1] / "bench"
PORT = 77
HEADER = struct.Struct("<4sIQQII")  # frame.h


@pytest.fixture
def world(tmp_path):
    made = []

    def make(*words, **keywords):
        made.append(World(tmp_path, *words, **keywords))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture(params=["core", "jetstream"])
def both(request, world):
    """A world in each mode."""
    return world(request.param)


def drained(peer):
    """All events that are there by now."""
    events = []
    try:
        while True:
            events.append(peer.next_event(0).kind)
    except ivsh.Timeout:
        return events


def await_event(peer, kind):
    """Wait for an event of slot 5, whatever comes before."""
    while True:
        event = peer.next_event(LIMIT)
        if event.slot == 5 and event.kind == kind:
            return


def tool(*words):
    done = subprocess.run([BUILD / "ivsh", *map(str, words)], capture_output=True, timeout=LIMIT)
    return done.returncode, done.stdout, done.stderr


def test_check(tmp_path):
    """A file that is right says nothing; what is wrong is one line with a status of its own."""
    path = tmp_path / "conf"
    program = BUILD / "ivsh-bridge"

    def check(text):
        path.write_text(text)
        done = subprocess.run(
            [program, "--config", path, "--check"], capture_output=True, text=True, timeout=LIMIT
        )
        assert done.stdout == ""
        return done.returncode, done.stderr

    right = (
        "region = r\nhost = a\nurl = nats://h:1\nsocket = /s\nstate = /d\n"
        "local 0 = x\nslot 5 = b/y\n"
    )
    status, error = check(right)
    stays = f"ivsh-bridge: {path}: begun as root it stays root: user = NAME makes it another user"
    assert (status, error) == (0, "" if os.geteuid() else stays + "\n")
    assert check(right + "user = 41001:41900\n") == (0, "")
    status, error = check(right + "slot 6 = b/y z\n")
    assert status == 2 and error == f"ivsh-bridge: {path}:8: slot 6: b/y has slot 5, too\n"
    status, error = check("")
    assert status == 2 and error.count("\n") == 1 and "region = NAME" in error
    for words in ([], ["--config"], ["--config", path, "more"], ["--nothing"]):
        done = subprocess.run([program, *words], capture_output=True, text=True, timeout=LIMIT)
        assert done.returncode == 2 and done.stderr and done.stdout == ""
    done = subprocess.run(
        [program, "--config", tmp_path / "none"], capture_output=True, text=True, timeout=LIMIT
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "none" in done.stderr


def test_ivsh_bridge(tmp_path):
    """The tool becomes the program beside it, with the words behind; before them nothing counts."""
    (tmp_path / "conf").write_text("region = a.b\n")
    status, out, err = tool("bridge", "--config", tmp_path / "conf", "--check")
    assert (status, out) == (2, b"") and err.startswith(b"ivsh-bridge: ")
    status, out, err = tool("-S", "/none", "bridge", "x")
    assert (status, out) == (2, b"") and err.count(b"\n") == 1
    alone = tmp_path / "ivsh"
    alone.write_bytes((BUILD / "ivsh").read_bytes())
    alone.chmod(0o700)
    done = subprocess.run(
        [alone, "bridge", "--help"], capture_output=True, timeout=LIMIT, env={"PATH": "/none"}
    )
    assert done.returncode == 1 and b"ivsh-bridge" in done.stderr and done.stderr.count(b"\n") == 1


def test_messages(both):
    """SPEC R19.1.1: of all sizes, each way, in order, with their ports; the peer has its name."""
    with both.a.peer() as a, both.b.peer() as b:
        assert a.find("bpeer", LIMIT) == 5
        assert b.find("apeer", LIMIT) == 5
        sizes = [0, 1, 8, 9, 64, 1000, 4096, a.max_size]
        for source, target in ((a, b), (b, a)):
            for port, size in enumerate(sizes):
                source.send(5, port + 100, bytes([port]) * size, LIMIT)
            for port, size in enumerate(sizes):
                m = target.receive(LIMIT)
                assert (m.peer, m.port, m.data) == (5, port + 100, bytes([port]) * size)
                assert m.flags == 0
        assert ivsh.EventKind.LOST not in drained(a) + drained(b)


def test_tool(both):
    """echo and ping of the tool, and a file as a stream, with its checksum."""
    a, b = both.a, both.b
    program = BUILD / "ivsh"
    echo = subprocess.Popen(
        [program, "-S", a.socket, "echo", "--name=apeer"], stdout=subprocess.PIPE
    )
    try:
        assert b"answers" in echo.stdout.readline()
        status, out, err = tool("-S", b.socket, "ping", "apeer", "--count=200", "--timeout=10")
        assert status == 0 and b"200 round trips" in out, (out, err)
    finally:
        echo.terminate()
        echo.communicate(timeout=LIMIT)
    # Whoever comes next would find the last ones, and then see them leave.
    until(lambda: a.bridge.pair("attached") == b.bridge.pair("attached") == 0)
    data = os.urandom(3 << 20)
    (a.folder / "data").write_bytes(data)
    put = subprocess.Popen(
        [program, "-S", a.socket, "put", "bpeer", a.folder / "data", "--name=apeer"]
        + ["--timeout=20", "--quiet"],
        stderr=subprocess.PIPE,
    )
    status, _, err = tool(
        *("-S", b.socket, "get", "apeer", b.folder / "got", "--name=bpeer", "--timeout=20"),
        "--quiet",
    )
    assert put.wait(LIMIT) == 0 and status == 0, (err, put.stderr.read())
    put.stderr.close()
    got = hashlib.sha256((b.folder / "got").read_bytes()).digest()
    assert got == hashlib.sha256(data).digest()


def test_calls(both):
    """Requests and replies, and a service that is found by its name."""
    with both.a.peer() as a, both.b.peer() as b:
        a.offer("adder", 500)
        assert b.find_service("adder", LIMIT) == (5, 500)

        def serve():
            for _ in range(20):
                m = a.receive(LIMIT)
                m.reply(m.data + b"!", LIMIT)

        thread = threading.Thread(target=serve)
        thread.start()
        for i in range(20):
            assert b.call(5, 500, b"%d" % i, LIMIT) == b"%d!" % i
        thread.join(LIMIT)


def test_events(both):
    """SPEC R19.3: a remote peer that comes, leaves, comes back, or falls silent, is seen to."""
    with both.b.peer() as b:
        a = both.a.peer()
        await_event(b, ivsh.EventKind.UP)
        assert b.peer(5).name == "apeer"
        a.close()
        await_event(b, ivsh.EventKind.DOWN)
        a = both.a.peer()
        await_event(b, ivsh.EventKind.UP)
        # The last message of a peer that leaves arrives.
        a.send(5, PORT, b"last", LIMIT)
        a.close()
        with both.a.peer():
            assert b.receive(LIMIT).data == b"last"
            until(lambda: b.peer(5).incarnation >= 3)
        # The bridge of the other host falls silent.
        both.a.bridge.stop(signal.SIGKILL)
        await_event(b, ivsh.EventKind.DOWN)


def test_leaves_behind_messages(both):
    """SPEC R19.3.2: what a peer sent before it left is in the region when its end shows there."""
    with both.b.peer() as b:
        a = both.a.peer()
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        drained(b)
        sent = both.a.bridge.pair("sent")
        # So all of it, and the state that says that it has left, come at once.
        both.b.bridge.process.send_signal(signal.SIGSTOP)
        count, got = 150, []
        try:
            for i in range(count):
                a.send(5, PORT, struct.pack("<Q", i).ljust(a.max_size, b"."), LIMIT)
                if both.b.mode == "core" and i == 4:
                    break  # the window is full
            until(lambda: both.a.bridge.pair("sent") == sent + i + 1)
            a.close()
            time.sleep(0.1)
        finally:
            both.b.bridge.process.send_signal(signal.SIGCONT)
        end = False
        while not end:
            end = ivsh.EventKind.DOWN in drained(b)
            try:
                got.append(struct.unpack_from("<Q", b.receive(0 if end else 0.05).data)[0])
            except ivsh.Timeout:
                pass
        assert got == list(range(i + 1))


def test_cut_bus(both):
    """SPEC R19.1.6: while the bus is away nothing is lost, and nothing grows but the ring."""
    with both.a.peer() as a, both.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        both.nats.stop()
        for side in both.sides:
            side.bridge.await_line("event=bus-down")
        sent = 0
        try:
            while True:
                a.send(5, PORT, struct.pack("<Q", sent), 0.2)
                sent += 1
        except ivsh.Timeout:
            pass
        assert 100 < sent < 10000  # the ring is full
        both.nats.start()
        for i in range(sent):
            assert struct.unpack("<Q", b.receive(LIMIT).data) == (i,)


def test_core_loss(world):
    """SPEC R19.2.3: what is sent while the other bridge is dead is lost, and reported."""
    w = world("core")
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        for turn in range(1, 3):
            a.find("bpeer", LIMIT)
            drained(b)
            sent = w.a.bridge.pair("sent")
            a.send(5, PORT, b"before", LIMIT)
            assert b.receive(LIMIT).data == b"before"
            assert ivsh.EventKind.LOST not in drained(b)
            w.b.bridge.stop(signal.SIGKILL)
            for _ in range(10):
                a.send(5, PORT, b"lost", LIMIT)
            # The bridge of a takes them for 3 s, in which nobody has subscribed, and then no more.
            until(lambda: w.a.bridge.pair("sent") == sent + 11 or not w.a.bridge.pair("heard"))
            lost = w.a.bridge.pair("sent") - sent - 1
            assert lost > 0
            w.b.bridge.start()
            # It shows without another message.
            await_event(b, ivsh.EventKind.LOST)
            assert w.b.bridge.pair("lost") == lost
            w.b.bridge.await_line(f"event=lost from=a/apeer to=0 count={lost} ", turn)
            a.find("bpeer", LIMIT)
            a.send(5, PORT, b"after", LIMIT)
            for _ in range(10 - lost):
                assert b.receive(LIMIT).data == b"lost"
            assert b.receive(LIMIT).data == b"after"
            assert ivsh.EventKind.LOST not in drained(b)


def test_silent_bus(world):
    """A bus that stands still is given up, and everything goes on when it moves again."""
    both = world("core")
    with both.a.peer() as a, both.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        both.nats.process.send_signal(signal.SIGSTOP)
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


def fill(peer):
    """Send numbers to slot 5 until there is no room: how many."""
    sent = 0
    try:
        while True:
            peer.send(5, PORT, struct.pack("<Q", sent), 0.3)
            sent += 1
    except ivsh.Timeout:
        return sent


def test_full_stream(world):
    """A stream that is full makes the sender wait, and loses nothing; SPEC R19.1.2."""
    w = world("jetstream", "stream-messages = 10\n")
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        # The other side takes nothing more.
        w.b.bridge.process.send_signal(signal.SIGSTOP)
        try:
            until(lambda: a.peer(5).presence != ivsh.Presence.ATTACHED)
            a.send(5, PORT, struct.pack("<Q", 0), LIMIT)
        finally:
            w.b.bridge.process.send_signal(signal.SIGCONT)
        a.find("bpeer", LIMIT)
        w.b.bridge.stop(signal.SIGKILL)
        sent = fill(a)
        assert sent > 100
        # The ring is full, and what the stream has not taken is not sent.
        assert w.a.bridge.pair("refused") > 0
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
            before, sent = w.a.bridge.pair("sent"), fill(a)
            assert sent > 1000
            # Behind what is in b's ring, a window and no more is under way; and states.
            assert w.b.bridge.pair("waiting_bytes") <= (64 << 10) + 4096
            assert w.a.bridge.pair("sent") - before < sent
            if turn:  # nor is there more where the sender's bridge has forgotten how much that is
                w.a.bridge.stop(signal.SIGKILL)
                w.a.bridge.start()
                a.find("bpeer", LIMIT)
            for i in range(sent):
                assert struct.unpack("<Q", b.receive(LIMIT).data) == (i,)
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


@pytest.mark.parametrize("mode", ["core", "jetstream"])
def test_too_large(world, mode):
    """SPEC R19.1.4: what the bus, or the other region, cannot carry is reported as lost."""
    w = world(
        mode,
        nats="max_payload: 16384\n",
        servers=(("-l", "4M"), ("-l", "1M")),
    )
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        assert b.max_size < 16384 - 36 < a.max_size
        for size in (b.max_size + 1, 16384 - 35):
            drained(b)
            a.send(5, PORT, b"before", LIMIT)
            assert b.receive(LIMIT).data == b"before"
            assert ivsh.EventKind.LOST not in drained(b)
            a.send(5, PORT, bytes(size), LIMIT)
            await_event(b, ivsh.EventKind.LOST)
            a.send(5, PORT, bytes(b.max_size), LIMIT)
            assert b.receive(LIMIT).data == bytes(b.max_size)


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
        w.nats.process.send_signal(signal.SIGSTOP)
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


def test_strangers_here(world):
    """A local peer without a name: what it sends stays in the ring, and the log says so."""
    w = world("core")
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        with ivsh.Peer(w.a.socket, "other") as other:
            assert other.slot == 1
            other.send(5, PORT, b"nobody's", LIMIT)
            w.a.bridge.await_line("event=unmapped slot=1 ")
            a.send(5, PORT, b"mine", LIMIT)
            assert b.receive(LIMIT).data == b"mine"


def test_tls(world, tmp_path):
    """By certificates that are in files; another authority's is refused, with a line."""
    for name in ("bus", "other"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
            + ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
            + ["-keyout", tmp_path / f"{name}.key", "-out", tmp_path / f"{name}.crt"],
            check=True,
            capture_output=True,
            timeout=60,
        )
    nats = f'tls {{ cert_file: "{tmp_path}/bus.crt", key_file: "{tmp_path}/bus.key" }}\n'
    w = world("core", f"tls-ca = {tmp_path}/bus.crt\n", nats=nats)
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        a.send(5, PORT, b"secret", LIMIT)
        assert b.receive(LIMIT).data == b"secret"
    w.b.bridge.stop()
    right = w.b.config.read_text()
    w.b.config.write_text(right.replace("bus.crt", "other.crt"))
    w.b.bridge.start()
    ready = w.b.bridge.count("event=bus-up")
    w.b.bridge.await_line("event=bus-failed")
    assert w.b.bridge.count("event=bus-up") == ready
    w.b.bridge.stop()
    w.b.config.write_text(right.replace("bus.crt", "none.crt"))
    done = subprocess.run(
        [BUILD / "ivsh-bridge", "--config", w.b.config],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 1 and "none.crt" in done.stderr
    w.b.config.write_text(right)
    w.b.bridge.start()


def test_bench():
    """What measures bridges runs: three hosts, each to each, and a few slices beside the bus."""
    words = [sys.executable, "-B"]
    done = subprocess.run(
        [*words, BENCH / "hosts.py", "3", "200", "1"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "1200 messages within" in done.stdout and " 0 slow consumers" in done.stdout
    done = subprocess.run(
        [*words, BENCH / "bridge.py", "4", "20", "500"], capture_output=True, text=True, timeout=60
    )
    # Its verdict is for machines that do nothing else.
    assert done.returncode in (0, 1) and done.stdout.count(" 4 rounds: ") == 5, done.stderr


class Sender(threading.Thread):
    """A thread that sends numbered messages to slot 5, up to (count)."""

    def __init__(self, peer, count):
        super().__init__()
        self.peer, self.count, self.sent = peer, count, 0
        self.ended = threading.Event()
        self.start()

    def run(self):
        while self.sent < self.count and not self.ended.is_set():
            try:
                self.peer.send(5, PORT, struct.pack("<Q", self.sent) * 4, 0.2)
                self.sent += 1
            except (ivsh.Timeout, ivsh.NotThere):
                pass


class Receiver(threading.Thread):
    """A thread that receives them: which ones are missing, and whether each gap was reported."""

    def __init__(self, peer):
        super().__init__()
        self.peer = peer
        self.next = self.missing = self.gaps = self.silent = self.repeated = 0
        self.lost = 0  # reports
        self.has_lost = False
        self.ended = threading.Event()
        self.start()

    def run(self):
        while not self.ended.is_set():
            try:
                m = self.peer.receive(0.05)
            except ivsh.Timeout:
                m = None
            # It stands before this message, or behind it.
            now = drained(self.peer).count(ivsh.EventKind.LOST)
            self.lost += now
            if m is None:
                self.has_lost |= now > 0
                continue
            number = struct.unpack("<4Q", m.data)[0]
            if number < self.next:
                self.repeated += 1
                continue
            is_gap, had = number > self.next, self.has_lost
            self.missing += number - self.next
            self.gaps += is_gap
            self.silent += is_gap and not had and now == 0
            self.has_lost = now > 0 and (had or not is_gap)
            self.next = number + 1


@pytest.mark.parametrize("mode", ["core", "jetstream"])
def test_kills(world, mode):
    """
    SPEC R19.1, R19.2: bridges, servers and the bus are killed while numbers flow, both ways.
    JetStream: each arrives, once, in order. Core: each gap is reported.
    """
    rounds, count = (30, 100000) if SOAK else (5, 3000)
    w = world(mode)
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        drained(a)
        drained(b)
        senders, receivers = [], []
        for peer in (a, b):
            receivers.append(Receiver(peer))
            senders.append(Sender(peer, count))
        try:
            for turn in range(rounds):
                done = [r.next for r in receivers]
                until(
                    lambda: all(r.next > d + 20 for r, d in zip(receivers, done))
                    or all(s.sent == count for s in senders),
                    60,
                )
                kill(w, turn % 5)
            if mode == "jetstream":
                until(lambda: all(r.next == count for r in receivers), 600 if SOAK else 60)
            else:
                # What was sent last has come, or is known as lost.
                until(lambda: all(s.sent == count for s in senders), 600 if SOAK else 60)
                until(lambda: all(r.next == count or r.has_lost for r in receivers), 60)
        finally:
            for thread in senders + receivers:
                thread.ended.set()
                thread.join(LIMIT)
        for r in receivers:
            print(mode, f"missing={r.missing} gaps={r.gaps} reports={r.lost}")
            assert (r.repeated, r.silent) == (0, 0)
            assert mode == "core" or (r.missing, r.lost) == (0, 0)
            # Also where the last ones are missing.
            assert r.next == count or r.has_lost


def kill(w, what):
    """Kill one of the five, and start it again."""
    if what < 2:
        w.sides[what].server.kill_serving()
        return
    one = (w.a.bridge, w.b.bridge, w.nats)[what - 2]
    one.stop(signal.SIGKILL)
    one.start()


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
        begin = time.monotonic()
        for number in range(20):
            # As many as the bridge asks for at once.
            for _ in range(64):
                raw.publish("ivsh.r.a.apeer.x.b.bpeer.kept", b"garbage")
            raw.flush()
            a.send(5, PORT, b"%d" % number, LIMIT)
            assert b.receive(LIMIT).data == b"%d" % number
        # A request that is given up takes 5 s.
        assert time.monotonic() - begin < 20
        assert int(w.b.bridge.status()[0]["unknown"]) == 20 * 64


def test_stop(world):
    """SIGTERM, while the bus has more than the bridge takes, ends it in order."""
    w = world("core")
    raw = w.raw()
    for _ in range(5):
        for _ in range(3000):
            raw.publish("ivsh.r.a.apeer.77.b.bpeer", bytes(200))
        w.b.bridge.process.send_signal(signal.SIGTERM)
        raw.flush()
        assert w.b.bridge.stop() == 0, w.b.bridge.lines
        w.b.bridge.start()


def test_status(world):
    """Counters of what passed, as text and for Prometheus; one line where no bridge runs."""
    w = world("core")
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        for _ in range(5):
            a.send(5, PORT, bytes(100), LIMIT)
        for _ in range(5):
            b.receive(LIMIT)
        bridge, pair = w.a.bridge.status()
        assert (bridge["region"], bridge["host"], bridge["bus"]) == ("r", "a", "1")
        assert (pair["peer"], pair["name"], pair["mode"]) == ("b/bpeer", "apeer", "core")
        assert (pair["sent"], pair["sent_bytes"], pair["lost"]) == ("5", "500", "0")
        pair = w.b.bridge.status()[1]
        assert (pair["received"], pair["received_bytes"], pair["attached"]) == ("5", "500", "1")
        done = subprocess.run(
            [BUILD / "ivsh-bridge", "--config", w.b.config, "--json"],
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        shown = json.loads(done.stdout)
        assert (shown["region"], shown["host"], shown["bus"]) == ("r", "b", 1)
        assert [(p["slot"], p["peer"], p["received"]) for p in shown["pairs"]] == [
            (5, "a/apeer", 5)
        ]
        texts = {key: str(value) for key, value in shown["pairs"][0].items()}
        assert {**texts, "last_heard_seconds": pair["last_heard_seconds"]} == pair
        done = subprocess.run(
            [BUILD / "ivsh-bridge", "--config", w.b.config, "--prometheus"],
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        labels = 'slot="5",peer="a/apeer",local="0",name="bpeer"'
        assert one(samples(done.stdout), "ivsh_bridge_received_total") == 5, labels
    w.b.bridge.stop()
    done = subprocess.run(
        [BUILD / "ivsh-bridge", "--config", w.b.config, "--status"],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
    assert "no bridge runs here" in done.stderr
    w.b.bridge.start()


def listed():
    """What the manual lists of --status, of the bridge and of a pair: field, metric, meaning."""
    page = pathlib.Path(__file__).resolve().parents[2] / "host/man/ivsh-bridge.8"
    section = page.read_text().split(".SH STATUS\n")[1].split("\n.SH ")[0]
    tables = [part.split("\n.TE")[0] for part in section.split(".TS\n")[1:]]
    return [[line.split("\t") for line in table.splitlines()[3:]] for table in tables]


def test_log_manual():
    """Each event that the log can have is in the manual, and no other is."""
    root = pathlib.Path(__file__).resolve().parents[2]
    section = (root / "host/man/ivsh-bridge.8").read_text().split(".SH LOG\n")[1].split("\n.SH ")[0]
    known = set(re.findall(r"event=([a-z-]+)", section.replace("\\-", "-")))
    made = set()
    for source in (root / "host/bridge").glob("*.c"):
        text = source.read_text()
        made |= set(re.findall(r'"event=([a-z-]+)', text))
        made |= set(re.findall(r'\[PLAIN_\w+\] = \{"([a-z-]+)"', text))
    assert known == made


def test_status_manual(world):
    """Each field of the status, and each metric, is in the manual, and no other is; so are both."""
    w = world("core")
    until(lambda: w.a.bridge.status()[1]["last_heard_seconds"] != "none")
    program = [BUILD / "ivsh-bridge", "--config", w.a.config]
    keywords = {"capture_output": True, "text": True, "timeout": LIMIT}
    shown = json.loads(subprocess.run([*program, "--json"], **keywords).stdout)
    pair = shown.pop("pairs")[0]
    bridge_rows, pair_rows = listed()
    assert [row[0] for row in bridge_rows] == list(shown)
    assert [row[0] for row in pair_rows] == list(pair)
    assert 0 <= pair["last_heard_seconds"] < 60 and pair["window_bytes"] == 512 << 10
    found = samples(subprocess.run([*program, "--prometheus"], **keywords).stdout)
    names, more = {"ivsh_bridge_up"}, 'region="r",host="a"'
    texts = ["region", "host", "slot", "peer", "local", "name", "mode"]
    for rows, values, labels in (
        (bridge_rows, shown, more),
        (pair_rows, pair, more + ',slot="5",peer="b/bpeer",local="0",name="apeer"'),
    ):
        for field, metric, meaning in rows:
            kind, name = [*metric.split(), field, field][:2] if metric else ("", "")
            assert meaning and kind in ("", "counter", "gauge")
            # A text of the line is a label, or the same in each.
            assert (kind == "") == (field in texts)
            if kind:
                names.add(f"ivsh_bridge_{name}" + "_total" * (kind == "counter"))
                value = found[f"ivsh_bridge_{name}" + "_total" * (kind == "counter"), labels]
                assert field == "last_heard_seconds" or value == values[field], field
    assert {name for name, _ in found} == names
    assert found["ivsh_bridge_up", more] == 1
    w.a.bridge.stop()
    done = subprocess.run([*program, "--prometheus"], **keywords)
    assert samples(done.stdout) == {("ivsh_bridge_up", more): 0}
    assert done.returncode == 0 and "no bridge runs here" in done.stderr
    assert subprocess.run([*program, "--json"], **keywords).returncode == 1
    w.a.bridge.start()


def test_alone(world):
    """Two bridges of one state, and a folder that others can write to, are refused."""
    w = world("core")
    config = w.folder / "second"
    done = subprocess.run(
        [BUILD / "ivsh-bridge", "--config", w.a.config],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 1 and "another bridge uses it" in done.stderr
    folder = w.folder / "open"
    folder.mkdir()
    folder.chmod(0o777)
    text = w.a.config.read_text().replace(f"{w.a.folder}/state", str(folder))
    config.write_text(text)
    done = subprocess.run(
        [BUILD / "ivsh-bridge", "--config", config], capture_output=True, text=True, timeout=LIMIT
    )
    assert done.returncode == 1 and "others can write there" in done.stderr


def test_other_mode(world):
    """
    SPEC R19.3.4: each host says how its own peers' messages go. Another mode, while they come,
    loses and repeats none, and changes no order.
    """
    w = world("core")
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        right = w.b.config.read_text()
        sent, received = 0, 0

        def exchange(count):
            nonlocal sent, received
            for _ in range(count):
                b.send(5, PORT, struct.pack("<Q", sent), LIMIT)
                sent += 1
            while received < sent:
                assert struct.unpack("<Q", a.receive(LIMIT).data) == (received,)
                received += 1
            a.send(5, PORT, b"back", LIMIT)
            assert b.receive(LIMIT).data == b"back"

        for mode in ("jetstream", "core", "jetstream"):
            exchange(300)
            for _ in range(100):  # that may be on their way
                b.send(5, PORT, struct.pack("<Q", sent), LIMIT)
                sent += 1
            reloads = w.b.bridge.count("event=reload")
            w.b.config.write_text(right.replace(" core ", f" {mode} "))
            w.b.bridge.process.send_signal(signal.SIGHUP)
            assert "result=done" in w.b.bridge.await_line("event=reload", reloads + 1)
            exchange(300)
            assert w.b.bridge.status()[1]["mode"] == mode
            assert w.a.bridge.status()[1]["mode"] == "core"
        # What the stream has comes to a bridge that begins, and so does what others send.
        w.a.bridge.stop(signal.SIGKILL)
        b.send(5, PORT, struct.pack("<Q", sent), LIMIT)
        sent += 1
        w.a.bridge.start()
        exchange(300)
        assert ivsh.EventKind.LOST not in drained(a) + drained(b)


def test_reload(world):
    """SIGHUP: a slot goes and comes; what is wrong, or no mapping, changes nothing."""
    w = world("core")
    log = w.a.bridge.await_line
    with w.a.peer() as a, w.b.peer():
        a.find("bpeer", LIMIT)
        first = a.peer(5).incarnation
        right = w.a.config.read_text()

        def reload(text, result):
            count = w.a.bridge.count("event=reload")
            w.a.config.write_text(text)
            w.a.bridge.process.send_signal(signal.SIGHUP)
            assert f"result={result}" in log("event=reload", count + 1)

        reload(right + "nonsense\n", "refused")
        log("nonsense: not KEY = VALUE")
        reload(right.replace("host = a", "host = z"), "refused")
        reload(right, "done")
        assert (a.peer(5).incarnation, a.peer(5).presence) == (first, ivsh.Presence.ATTACHED)
        reload(right.replace("b/bpeer", "b/other"), "done")
        until(lambda: a.peer(5).presence == ivsh.Presence.ABSENT)
        reload(right, "done")
        until(lambda: a.peer(5).presence == ivsh.Presence.ATTACHED)
        assert a.peer(5).incarnation == first + 1
