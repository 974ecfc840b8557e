# SPDX-License-Identifier: MIT
"""test_bridge_messages.py - what passes between the peers of two hosts: each size, call, event."""

import contextlib
import hashlib
import os
import signal
import struct
import subprocess
import threading
import time

import pytest
from bridgetool import PORT, await_event, drained, ivsh, tool
from pause import pause
from rawclient import until
from servertool import BUILD, LIMIT, Server


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
        limit=12 * LIMIT,
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


def leave_behind(w, b, count):
    """
    A peer of host a sends up to (count) messages and leaves while the bridge of b stands still: so
    all of it, and the state that says that it has left, come at once. How many were sent, what came
    before its end showed, and whether the bridge of a took that of b to be there throughout.
    """
    a = w.a.peer()
    a.find("bpeer", LIMIT)
    await_event(b, ivsh.EventKind.UP)
    b.find("apeer", LIMIT)
    before, number, got, is_over = w.a.bridge.status()[1], 0, [], False
    count = count if w.b.mode == "jetstream" else min(count, 5)  # or the window is full

    def is_there():
        now = w.a.bridge.status()[1]
        return (now["attached"], now["attaches"]) == ("1", before["attaches"])

    pause(w.b.bridge.process.pid)
    try:
        while number < count:
            try:
                a.send(5, PORT, struct.pack("<Q", number).ljust(a.max_size, b"."), 0.2)
                number += 1
            except ivsh.Timeout:
                if not is_there():
                    break
        want = int(before["sent"]) + number
        until(lambda: w.a.bridge.pair("sent") == want or not is_there())
        a.close()
        time.sleep(0.1)
    finally:
        w.b.bridge.process.send_signal(signal.SIGCONT)
    while not is_over:
        is_over = ivsh.EventKind.DOWN in drained(b)
        with contextlib.suppress(ivsh.Timeout):
            got.append(struct.unpack_from("<Q", b.receive(0 if is_over else 0.05).data)[0])
    return number, got, is_there()


def test_leaves_behind_messages(both):
    """SPEC R19.3.2: what a peer sent before it left is in the region when its end shows there."""
    with both.b.peer() as b:
        for count in (150, 50, 15, 5, 2):
            number, got, was_there = leave_behind(both, b, count)
            if was_there:
                break
            # One that stands still for longer is gone, and the rest comes when it is back.
            while got[-1:] != [number - 1]:
                got.append(struct.unpack_from("<Q", b.receive(LIMIT).data)[0])
            until(lambda: not both.b.bridge.pair("attached"))
            drained(b)
        assert was_there and got == list(range(number))


def stream_both(a, b):
    """Bytes each way on one stream between the peers of both hosts, to its end."""
    data = os.urandom(100000)

    def answer():
        with b.stream(5, 600, timeout=LIMIT) as s:
            read.append(s.read())
            s.write(data[::-1])
            s.finish()
            s.read()

    read = []
    thread = threading.Thread(target=answer)
    thread.start()
    try:
        with a.stream(5, 600, timeout=LIMIT) as s:
            s.write(data)
            s.finish()
            assert s.read() == data[::-1]
    finally:
        thread.join(LIMIT)
    assert read == [data]


def test_incarnations(both):
    """
    SPEC R5.16, R19.3.8: streams between peers that began so often, and whose slots elsewhere so
    often: also at once behind a restart of either, or of a bridge.
    """
    w = both
    for _ in range(3):
        w.a.peer().close()
    with w.b.peer() as b:
        for turn in range(6):
            if turn == 3:
                w.b.bridge.stop()
                w.b.bridge.start()
            with w.a.peer() as a:
                # The one before may still seem to be there.
                until(lambda: w.b.bridge.status()[1]["attached"] == "1")
                incarnation = a.peer(0).incarnation
                w.b.bridge.await_line(f"for=peer incarnation={incarnation}")
                a.find("bpeer", LIMIT)
                b.find("apeer", LIMIT)
                assert turn == 0 or b.peer(5).incarnation != incarnation
                stream_both(a, b)


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_connections(both, names):
    """SPEC R16.3.1, R16.3.2: of services, whichever slots and incarnations the regions have."""
    near, far = (getattr(both, name) for name in names)
    server = subprocess.Popen(
        [BUILD / "ivsh", "-S", far.socket, f"--name={far.name}peer", "serve", "upper", "--"]
        + ["tr", "a-z", "A-Z"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for turn in range(3):
            done = subprocess.run(
                [BUILD / "ivsh", "-S", near.socket, f"--name={near.name}peer"]
                + ["cat", f"{far.name}peer:upper"],
                input=b"words %d" % turn,
                capture_output=True,
                timeout=2 * LIMIT,
            )
            assert (done.returncode, done.stdout) == (0, b"WORDS %d" % turn), done.stderr
    finally:
        server.terminate()
        server.wait(LIMIT)


def test_reply_of_last_memory(world):
    """SPEC R14.1: a reply that was on its way when its caller's memory ended answers no other's."""
    w = world("jetstream")
    with w.b.peer() as b:
        with w.a.peer() as a:
            a.find("bpeer", LIMIT)
            b.find("apeer", LIMIT)
            with pytest.raises(ivsh.Timeout):
                a.call(5, 500, b"first", 0.5)
        first = b.receive(LIMIT)
        w.a.server.stop()
        w.a.server = Server(w.a.folder, "--slot", f"5={w.a.folder}/s5")
        with w.a.peer() as a:
            a.find("bpeer", LIMIT)
            b.find("apeer", LIMIT)

            def answer():
                b.reply(first, b"of the first", LIMIT)
                b.reply(b.receive(LIMIT), b"of the second", LIMIT)

            thread = threading.Thread(target=answer)
            thread.start()
            try:
                assert a.call(5, 500, b"second", LIMIT) == b"of the second"
            finally:
                thread.join(LIMIT)


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
