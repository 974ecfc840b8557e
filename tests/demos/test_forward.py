# SPDX-License-Identifier: MIT
"""
test_forward.py - cat, serve and forward: streams of processes and of guests (the command streams),
programs and sockets; many connections, half-closes, and either side killed. SPEC R16.1 to R16.4.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import threading

import pytest

from qemu import BUILD, SOAK, doorbell

MIB = 1 << 20
SIZE = (64 if SOAK else 16) * MIB
MANY = 1000
LIMIT = 30
IVSH = BUILD / "host" / "ivsh"


def ivsh(world, server, name, *words, **popen):
    return world.program(name, IVSH, "-S", server.socket, "--name", name, *words, **popen)


def process(world, server):
    """Another process that serves."""
    ivsh(world, server, "far", "streams").expect(r"^streams: slot \d of \d serves$")


def guest(world, server, uefi=False):
    made = world.guest("far", "--name=far streams", *doorbell(server.socket), uefi=uefi)
    made.expect(r"^streams: slot \d of \d serves")
    return made


def forward(world, server, *words, listen="tcp:127.0.0.1:0", to="far:stream-echo"):
    """A program that forwards, and the port that it listens at."""
    program = ivsh(world, server, "near", "forward", *words, listen, to)
    if "--json" in words:
        return program, json.loads(program.expect(r'^{"type":"listening".*}$')[0])["port"]
    return program, int(program.expect(r"^forward: listens at .*, port (\d+)$")[1])


def connect(port):
    made = socket.create_connection(("127.0.0.1", port))
    made.settimeout(LIMIT)
    return made


def cat(server, target, stdin=subprocess.DEVNULL, status=0):
    """What cat prints."""
    words = [IVSH, "-S", server.socket, "cat", target]
    done = subprocess.run(words, stdin=stdin, capture_output=True, timeout=120, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout


def read_all(sock):
    pieces = []
    while piece := sock.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


def echoed(port, data):
    """What comes back of (data), sent while it is read, and half-closed."""
    with connect(port) as sock:
        sender = threading.Thread(target=lambda: (sock.sendall(data), sock.shutdown(1)))
        sender.start()
        got = read_all(sock)
        sender.join()
    return got


def many(port, count, at_once):
    wrong = []

    def work(first):
        for i in range(first, count, at_once):
            data = b"%d." % i * 300
            try:
                if echoed(port, data) != data:
                    wrong.append(i)
            except OSError as error:
                wrong.append((i, error))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def summary(program):
    program.process.send_signal(signal.SIGTERM)
    return re.search(
        r"^ivsh: \w+: (\d+) connections, (\d+) failed, (\d+) refused; (\d+) bytes sent, (\d+)",
        program.done(), re.MULTILINE,
    ).groups()  # fmt: skip


@pytest.mark.parametrize("kind", ["process", "guest"])
def test_cat(world, kind):
    """16 MiB (64) there and back have one checksum. The source's end is the command's."""
    server, data = world.server(), world.folder / "data"
    data.write_bytes(os.urandom(MIB) * (SIZE // MIB))
    {"process": process, "guest": guest}[kind](world, server)
    with open(data, "rb") as source:
        out = cat(server, "far:stream-echo", source)
    assert hashlib.sha256(out).digest() == hashlib.sha256(data.read_bytes()).digest()
    counted = cat(server, "far:stream-source")
    assert counted == b"".join(struct.pack("<I", i) for i in range(16384))


def test_serve(world):
    """A program has its end of input, then answers; its status and its signal are said."""
    server = world.server()
    serve = ivsh(world, server, "far", "serve", "sum", "--", "sha256sum")
    bad = ivsh(world, server, "bad", "serve", "none", "--", "/nowhere/at/all")
    dead = ivsh(world, server, "dead", "serve", "kill", "--", "sh", "-c", "kill -9 $$")
    data = os.urandom(SIZE)
    (world.folder / "data").write_bytes(data)
    with open(world.folder / "data", "rb") as source:
        assert hashlib.sha256(data).hexdigest() in cat(server, "far:sum", source).decode()
    serve.expect(r"^ivsh: serve: process \d+: ended with status 0$")
    cat(server, "bad:none", status=1)
    bad.expect("^ivsh: serve: /nowhere/at/all: No such file or directory$")
    cat(server, "dead:kill")
    dead.expect(r"^ivsh: serve: process \d+: ended by signal 9$")
    assert summary(serve)[:3] == ("1", "0", "0")


def test_serve_inherits_nothing(world):
    """The program has three descriptors, no signal blocked or ignored, and ends with serve."""
    server = world.server()
    script = "ls /proc/self/fd | wc -l; grep -E 'Sig(Blk|Ign)' /proc/self/status"
    ivsh(world, server, "far", "serve", "look", "--", "sh", "-c", script)
    text = cat(server, "far:look").decode()
    # ls has opened the folder itself.
    # Signals 32 and 33 are the C library's own, which it ignores in what it starts.
    assert re.search(r"^4\nSigBlk:\t0+\nSigIgn:\t0+(180000000)?$", text, re.MULTILINE), text
    serve = ivsh(world, server, "last", "serve", "--limit=1", "wait", "--", "sleep", "1000")
    waits = ivsh(world, server, "near", "cat", "last:wait")
    world.until(lambda: b"sleep" in children(serve), "the program runs")
    cat(server, "last:wait", status=1)
    serve.process.send_signal(signal.SIGTERM)
    assert "ended by signal 15" in serve.done()
    waits.done(1)


def sleeps(program):
    """It waits for others, and not for a processor. proc(5), stat."""
    stat = pathlib.Path(f"/proc/{program.process.pid}/stat").read_text()
    return stat.rsplit(")", 1)[1].split()[0] == "S"


def children(program):
    pid = program.process.pid
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return b"".join(
                open(f"/proc/{child}/cmdline", "rb").read() for child in file.read().split()
            )
    except OSError:
        return b""


@pytest.mark.parametrize("kind", ["process", "guest", "uefi"])
def test_forward(world, kind):
    """1,000 connections, one by one and 50 at once, each half-closed; then a large one."""
    server = world.server()
    if kind == "process":
        process(world, server)
    else:
        guest(world, server, uefi=kind == "uefi")
    program, port = forward(world, server)
    count = MANY if kind != "uefi" or SOAK else 50
    many(port, count, 1)
    many(port, count, 50)
    data = os.urandom(MIB) * (SIZE // MIB if kind != "uefi" else 1)
    assert hashlib.sha256(echoed(port, data)).digest() == hashlib.sha256(data).digest()
    connections, failed, _, sent, received = summary(program)
    assert (int(connections), failed, sent) == (2 * count + 1, "0", received)


def test_reverse(world):
    """A service of the region is a socket of this machine; and both ways behind each other."""
    server, path = world.server(), world.folder / "listener"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(LIMIT)
        back = ivsh(world, server, "far", "forward", "--reverse", "door", f"unix:{path}")
        program, port = forward(world, server, "--json", to="far:door")
        with connect(port) as near, listener.accept()[0] as far:
            far.settimeout(LIMIT)
            near.sendall(b"question")
            near.shutdown(socket.SHUT_WR)
            assert read_all(far) == b"question"
            far.sendall(b"answer")
            far.shutdown(socket.SHUT_WR)
            assert read_all(near) == b"answer"
    path.unlink()
    with connect(port) as near, pytest.raises(ConnectionResetError):
        near.recv(1)
    back.expect("^ivsh: forward: unix:.*: connect: No such file or directory$")
    program.process.send_signal(signal.SIGTERM)
    counts = json.loads(program.done().splitlines()[-1])
    assert counts["connections"] == 2 and counts["failed"] == 1 and counts["received_bytes"] == 6


@pytest.mark.parametrize("uefi", [False, True], ids=["bare", "uefi"])
def test_reverse_from_a_guest(world, uefi):
    """A guest connects to a TCP socket of this machine: 16 MiB (64) there and back, half-closed."""
    server = world.server()
    guest = world.guest("server", "", *doorbell(server.socket), uefi=uefi, image="sums")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LIMIT)
        to = f"tcp:127.0.0.1:{listener.getsockname()[1]}"
        back = ivsh(world, server, "far", "forward", "--reverse", "door", to)
        # tests/guest/sums.c: a number with bit 63 asks it to connect to the service "door".
        ask = (1 << 63 | SIZE).to_bytes(8, "little")
        asked = ivsh(world, server, "asks", "send", "--port=20", "--timeout=30", "server", "-")
        asked.process.stdin.write(ask)
        asked.process.stdin.close()
        asked.done()
        with listener.accept()[0] as sock:
            sock.settimeout(LIMIT)
            while piece := sock.recv(1 << 16):
                sock.sendall(piece)
            sock.shutdown(socket.SHUT_WR)
    found = guest.expect(r"^sums: out (\d+) (\w+) in (\d+) (\w+): done$")
    assert found[1] == found[3] == str(SIZE) and found[2] == found[4]
    assert summary(back)[:2] == ("1", "0")


def test_a_side_is_killed(world):
    """Socket, guest, forward: the other side has an error, never an end; others go on."""
    server = world.server()
    far = guest(world, server)
    program, port = forward(world, server)
    with connect(port) as kept:
        kept.sendall(b"a")
        assert kept.recv(1) == b"a"
        with connect(port) as sock:
            sock.sendall(b"b")
            assert sock.recv(1) == b"b"
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        program.expect("^ivsh: forward: the program reset its connection: after 1 bytes sent")
        kept.sendall(b"c")
        assert kept.recv(1) == b"c"
        far.kill()
        with pytest.raises(ConnectionResetError):
            kept.recv(1)
    program.expect("^ivsh: forward: the peer closed the connection, or is gone: after 2 bytes")
    guest(world, server)
    many(port, 10, 2)
    with connect(port) as sock:
        sock.sendall(b"d")
        assert sock.recv(1) == b"d"
        program.kill()
        # The system ends the socket: with nothing unread in it, by an end.
        assert sock.recv(1) == b""
    assert forward(world, server)[1]


def test_server_is_killed(world):
    """The supervisor starts another server, and the connections go on."""
    server = world.server()
    process(world, server)
    program, port = forward(world, server)
    with connect(port) as sock:
        sock.sendall(b"a")
        assert sock.recv(1) == b"a"
        os.kill(server.serving, signal.SIGKILL)
        server.expect("event=takeover")
        sock.sendall(b"b")
        assert sock.recv(1) == b"b"
    many(port, 10, 2)
    program.still_runs()


def test_server_is_replaced(world):
    """Another server has another region: what was open is reset, and new connections work."""
    server = world.server()
    process(world, server)
    program, port = forward(world, server)
    with connect(port) as sock:
        sock.sendall(b"a")
        assert sock.recv(1) == b"a"
        server.stop()
        server = world.server()
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    process(world, server)
    many(port, 10, 2)
    assert summary(program)[:2] == ("11", "1")


def test_backpressure_and_idle(world):
    """A side that does not read stops the other, with bounded memory; and nobody polls."""
    server = world.server()
    process(world, server)
    program, port = forward(world, server)
    with connect(port) as sock:
        sock.settimeout(0.5)
        sent, moved = 0, -1
        # One that only waits for a processor may take more once it has one.
        while sent != moved or not all(map(sleeps, world.programs)):
            moved = sent
            with contextlib.suppress(TimeoutError):
                while sent < 32 * MIB:
                    sent += sock.send(b"x" * 65536)
        assert sent < 32 * MIB
        before = program.processor_seconds()
        with pytest.raises(TimeoutError):
            sock.send(b"x" * MIB)
        assert program.processor_seconds() - before < 0.2
        sock.settimeout(LIMIT)
        sock.shutdown(socket.SHUT_WR)
        assert len(read_all(sock)) >= sent


@pytest.mark.parametrize(
    "words, status, line",
    [
        (["cat", ""], 2, "give PEER or PEER:SERVICE"),
        (["cat", "far:"], 2, "give PEER:SERVICE"),
        (["cat", "far", "--timeout=0.2"], 4, "no such peer"),
        (["cat", "near:none", "--timeout=0.2"], 4, "no such peer"),
        (["forward", "tcp:0.0.0.0:0", "far:x"], 2, "with --any only"),
        (["forward", "tcp:nowhere:1", "far:x"], 2, "names are not looked up"),
        (["forward", "udp:1", "far:x"], 2, "give tcp:127.0.0.1:PORT"),
        (["forward", "unix:", "far:x"], 2, "path of 1 to 107"),
        (["forward", "tcp:127.0.0.1:0", "far"], 2, "give PEER:SERVICE"),
        (["serve", "a:b", "--", "true"], 2, "without ':'"),
        (["serve", "x", "--limit=0", "--", "true"], 2, "--limit=0"),
    ],
)
def test_refusals(world, words, status, line):
    server = world.server()
    assert line in ivsh(world, server, "near", *words).done(status)


def test_no_service(world):
    """A peer that is there without the service is told from one that is not there."""
    server = world.server()
    process(world, server)
    none = ivsh(world, server, "near", "cat", "far:none", "--timeout=0.2").done(4)
    assert "the peer offers no such service: ivsh ls shows which" in none
    none = ivsh(world, server, "near", "cat", "far", "--timeout=0.2").done(4)
    assert "the peer offers no console: its command takes --console" in none


def test_listener_files(world):
    """A stale socket is replaced, and a file, or one at which somebody listens, is not."""
    server, path = world.server(), world.folder / "there"
    process(world, server)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    words = ["forward", f"unix:{path}", "far:stream-echo"]
    first = ivsh(world, server, "near", *words)
    first.expect("^forward: listens at unix:")
    assert path.stat().st_mode & 0o777 == 0o600
    assert "Address already in use" in ivsh(world, server, "second", *words).done(1)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(LIMIT)
        sock.connect(str(path))
        sock.sendall(b"x")
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock) == b"x"
    # The second one has asked by a connection whether somebody listens.
    assert summary(first)[0] == "2"
    assert not path.exists()
    path.write_text("mine", encoding="ascii")
    assert "Address already in use" in ivsh(world, server, "third", *words).done(1)
    assert path.read_text(encoding="ascii") == "mine"
