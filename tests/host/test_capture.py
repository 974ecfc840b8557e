# SPDX-License-Identifier: MIT
"""test_capture.py - capture: what it writes is what was sent, and what it missed is counted.

tshark reads the files by host/wireshark/ivsh.lua. talker.c is both peers, and moves on command: so
a test knows what is in flight while the observer looks. SPEC R7.3, R7.5, R7.12, R6.3, R3.2.
"""

import hashlib
import os
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
from pathlib import Path

import pytest

import pcapng
from pause import pause
from peertool import DONE, FAILED, NO_PEER, STOPPED, USAGE, Talker
from rawclient import until

SOURCE = Path(__file__).resolve().parents[2]
LUA = SOURCE / "host/wireshark/ivsh.lua"
LIMIT = 180.0
A, B = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F  # talker.c
SIZES = [0, 1, 7, 8, 9, 24, 64, 65, 200, 1000, 1024, 3000, 20000]
MASK = (1 << 64) - 1
DESCS = 4096
CLOSED = 141  # app/status.h


def content(number, size=0):
    """Message (number) of talker.c; size 0: as it chooses."""
    size = size or SIZES[number % len(SIZES)]
    words = [(number * A + j * B) & MASK for j in range((size + 7) // 8)]
    return struct.pack(f"<{len(words)}Q", *words)[:size]


# A test of these has both: one memory for all, and a split region.
BOTH = pytest.mark.parametrize("world", ["memory", "split"], indirect=True)


@pytest.fixture
def world(request, build, tmp_path):
    """A memory with two slots, or the files of a split region; its talkers and observers."""

    class World:
        path = tmp_path / getattr(request, "param", "memory")
        is_split = path.name == "split"
        output = tmp_path / "capture.pcapng"
        running = []

        def talker(self):
            self.running.append(Talker(build, self.path))
            return self.running[-1]

        def observe(self, *words, wait=True, **keywords):
            """Start capture, and wait until its file has a header."""
            self.output.unlink(missing_ok=True)
            command = [build / "ivsh", "-f", self.path, "capture", f"--output={self.output}"]
            process = subprocess.Popen(
                [*command, *map(str, words)], stderr=subprocess.PIPE, text=True, **keywords
            )
            self.running.append(process)
            if not wait:
                return process, None
            until(lambda: process.poll() is not None or self.output.exists())
            capture = pcapng.Capture(open(self.output, "rb", buffering=0))
            until(lambda: process.poll() is not None or capture.read().interface)
            return process, capture

    geometry = tmp_path / "rings.geo"
    geometry.write_text(f"descs = {DESCS}\nsmall-size = 512K\nlarge-size = 1M\n")
    words = [World.path, "8M", "--slots=2", f"--geometry={geometry}"]
    subprocess.run(
        [build / "ivsh", "mem", "create", *words, *(["--split"] if World.is_split else [])],
        check=True,
        capture_output=True,
    )
    world = World()
    yield world
    for process in world.running:
        if isinstance(process, Talker):
            process.close()
        elif process.poll() is None:
            process.kill()
            process.communicate()


def end(process, capture, stop=signal.SIGINT):
    """End the observer: its last line. The file is read to its end, and is whole."""
    if stop:
        process.send_signal(stop)
    _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == DONE, errors
    capture.read()
    assert capture.rest == b"" and capture.statistics is not None
    return errors.splitlines()[-1]


def tshark(path, *words, fields=(), lua=True):
    """Lines of tshark, with the dissector or, not (lua), without; (fields): tab-separated."""
    command = ["tshark", "-n", "-r", path, *words]
    if lua:
        command += ["-X", f"lua_script:{LUA}"]
    if fields:
        command += ["-T", "fields", *[word for field in fields for word in ("-e", field)]]
    done = subprocess.run(
        command,
        env={**os.environ, "XDG_CONFIG_HOME": "/nonexistent", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stderr
    assert "lua" not in done.stderr.lower(), done.stderr
    return done.stdout.splitlines()


def check_tshark(path, want):
    """tshark decodes the messages (want): [(from, to, port, payload)], and no others."""
    lines = tshark(
        path,
        "-Y",
        "ivsh.kind != 255",
        fields=["ivsh.from", "ivsh.to", "ivsh.port", "ivsh.length", "ivsh.payload"],
    )
    assert len(lines) == len(want)
    for line, (sender, receiver, port, payload) in zip(lines, want):
        assert line == f"{sender}\t{receiver}\t{port}\t{len(payload)}\t{payload.hex()}"


def test_follow_100000(world):
    """A sender that the observer can follow: all is in the file, byte for byte, in order."""
    talker = world.talker()
    assert talker("open", 0) == talker("open", 1) == 0
    process, capture = world.observe()
    sent = 0
    while sent < 100000:
        sent += talker("send", 0, 9, 24, min(DESCS, 100000 - sent))
        until(lambda: len(capture.read().packets) == sent)
        while talker("receive", 1, DESCS):
            pass
    assert end(process, capture) == f"ivsh: {world.path}: 100000 messages captured, 0 missed"
    assert capture.missed == 0 and capture.counts() == (100000, 0, 100000)
    assert [p.index for p in capture.packets] == list(range(100000))
    assert len({p.time_ns for p in capture.packets}) > 1
    # The dissector is in Lua, and takes its time: in soak it decodes all; else tshark alone does.
    soak = bool(os.environ.get("IVSH_SOAK"))
    lines = tshark(world.output, lua=soak, fields=["ivsh.payload" if soak else "data.data"])
    assert len(lines) == 100000
    header = 0 if soak else 2 * pcapng.HEADER.size
    assert all(line[header:] == content(n, 24).hex() for n, line in enumerate(lines))


@pytest.mark.parametrize("more", [(), ("--unproven",)], ids=["proven", "unproven"])
def test_full_rate(world, more):
    """A sender at full rate: each message is in the file, whole, or counted, and marked."""
    talker = world.talker()
    assert talker("open", 0) == talker("open", 1) == 0
    process, capture = world.observe("--wait=poll", *more)
    assert talker("pass", 0, 9, 64, 100000) == 100000
    # What is in flight while the receiver does nothing is seen.
    assert talker("send", 0, 9, 0, 13) == 13
    until(lambda: capture.read().messages and capture.messages[-1].index == 100012)
    last = end(process, capture)
    got = len(capture.messages)
    assert got + capture.missed == 100013
    assert capture.counts() == (100013, capture.missed, got)
    least = any(p.flags & pcapng.AT_LEAST for p in capture.packets)
    assert f": {got} messages captured, {'at least ' * least}{capture.missed} missed" in last
    expected = 0
    for packet in capture.packets:
        assert packet.index - expected == packet.missed
        expected = packet.index
        if packet.is_message:
            assert struct.unpack("<Q", packet.options.get(4, bytes(8)))[0] == 0
            if not packet.flags & pcapng.UNPROVEN:
                assert packet.data == content(packet.index, 64 if packet.index < 100000 else 0)
            expected += 1
        else:
            assert struct.unpack("<Q", packet.options[4])[0] == packet.missed
    unproven = sum(1 for p in capture.messages if p.flags & pcapng.UNPROVEN)
    assert more or not unproven
    drops = tshark(world.output, "-Y", "ivsh.missed", fields=["ivsh.missed", "frame.drop_count"])
    assert sum(int(line.split("\t")[0]) for line in drops) == capture.missed
    assert all(line.split("\t")[0] == line.split("\t")[1] for line in drops)


@BOTH
def test_sizes(world):
    """Inline, small, large and packed, both ways, more than a turn of the areas."""
    talker = world.talker()
    assert talker("open", 0) == talker("open", 1) == 0
    process, capture = world.observe()
    want, number = [], 0
    for turn in range(40):
        slot = turn % 2
        sent = talker("send", slot, 9, 0, len(SIZES) * 3)
        want += [(slot, 1 - slot, 9, content(number + i)) for i in range(sent)]
        number += sent
        size = (8, 40, 512)[turn % 3]
        sent = talker("batch", slot, 10, size, 100)
        want += [(slot, 1 - slot, 10, content(number + i, size)) for i in range(sent)]
        number += sent
        until(lambda: len(capture.read().packets) == number)
        assert talker("receive", 1 - slot, number) == number - sum(
            1 for each in want if each[0] == 1 - slot
        ) - (sum(1 for each in want if each[0] == slot) - len(SIZES) * 3 - 100)
    assert end(process, capture).endswith(f": {number} messages captured, 0 missed")
    assert [(p.sender, p.receiver, p.port, p.data) for p in capture.packets] == want
    kinds = {p.kind for p in capture.packets}
    assert kinds == {0, 1, 2, 3}
    packed = [p for p in capture.packets if p.kind == 3]
    assert all(p.place < p.places <= 64 for p in packed)
    assert all(p.places == 1 for p in capture.packets if p.kind != 3)
    check_tshark(world.output, want)


def test_snap_and_filters(world):
    """--snap, --port, --from, --to, --peer by number and name, --count."""
    talker = world.talker()
    assert talker("open", 0) == talker("open", 1) == 0
    process, capture = world.observe("--snap=10", "--port=5", "--from=zero")
    assert talker("send", 0, 5, 100, 2) == 2
    assert talker("send", 1, 5, 100, 2) == 2
    assert talker("send", 0, 6, 100, 3) == 3
    until(lambda: len(capture.read().packets) == 2)
    last = end(process, capture)
    assert "2 messages captured, 0 missed, 3 of other ports left out" in last
    assert [p.data for p in capture.packets] == [content(n, 100)[:10] for n in (0, 1)]
    assert [p.length for p in capture.packets] == [100, 100]
    assert capture.counts() == (5, 0, 2) and capture.snap == 38
    for words, count in ((("--to=0",), 2), (("--peer=one",), 7), (("--peer=0", "--count=4"), 4)):
        process, capture = world.observe(*words)
        until(lambda: len(capture.read().packets) == count)
        end(process, capture, stop=None if "--count=4" in words else signal.SIGTERM)
        assert len(capture.packets) == count


@BOTH
def test_restart_and_reset(world):
    """Sender and receiver are killed and come back; a reset: nothing wrong, losses are said."""
    first = world.talker()
    assert first("open", 0) == first("open", 1) == 0
    process, capture = world.observe()
    assert first("send", 0, 9, 0, 20) == 20
    until(lambda: len(capture.read().messages) == 20)
    assert first("receive", 1, 5) == 5
    first.close()
    second = world.talker()
    # Both claim slots whose peers were killed: new generations, and what was left is delivered.
    assert second("claim", 1) == second("claim", 0) == 0
    assert second("receive", 1, 100) == 15
    sent = 0
    while sent < 30:
        second("receive", 1, 1)  # follows the new generation
        sent += max(0, second("send", 0, 9, 0, 30 - sent))
    until(lambda: len(capture.read().messages) == 50)
    assert [p.data for p in capture.messages] == [content(n) for n in [*range(20), *range(30)]]
    assert len({p.generation for p in capture.messages}) == 2
    assert capture.missed == 0
    # Damage: somebody stores a descriptor that breaks a rule. The ring is reset.
    damage(world, capture.messages[-1].index + 1)
    until(lambda: any(p.flags & pcapng.DAMAGED for p in capture.read().packets))
    (broken,) = [p for p in capture.packets if p.flags & pcapng.DAMAGED]
    assert broken.data == b"R7.7.2"
    assert second("receive", 1, 100) == 30
    assert second("receive", 1, 1) < 0
    assert second("reset", 1) == 0
    # Each side looks what the other one has done, in a wait: then both are in step again.
    assert second("receive", 0, 0) == second("receive", 1, 0) == second("receive", 0, 0) == 0
    assert second("send", 0, 9, 0, 10) == 10
    until(lambda: len(capture.read().messages) == 60)
    last = end(process, capture)
    assert [p.data for p in capture.messages[50:]] == [content(n) for n in range(30, 40)]
    assert "1 damaged descriptors" in last and capture.missed <= 1


def damage(world, index):
    """Store an inline descriptor of 9 bytes at (index) of the ring from 0 to 1."""
    path, ring = (world.path / "part-0", 16384) if world.is_split else (world.path, 12288)
    with open(path, "r+b") as memory:
        memory.seek(ring + 256 + index % DESCS * 16)
        control = 9 | 7 << 32 | ((index // DESCS + 1) & 0xFFFF) << 48
        memory.write(struct.pack("<QQ", control, 0))


def test_dissector(world):
    """Calls and streams' control messages, as SPEC 14 and 10 lay them out; -V names each field."""
    talker = world.talker()
    assert talker("open", 0) == talker("open", 1) == 0
    process, capture = world.observe()
    request = struct.pack("<IHHQ", 1, 77, 0, 0x500000001) + b"what"
    hello = struct.pack("<IIIIII", 1, 0xABC, 0, 0, 3, 0)
    credit = struct.pack("<IIIIII", 2, 0xDEF, 0xABC, 4096, 1, 0)
    assert talker("raw", 0, 3, request.hex()) == 0
    assert talker("raw", 1, 3, (struct.pack("<IHHQ", 2, 77, 0, 0x500000001) + b"this").hex()) == 0
    assert talker("raw", 0, 5, hello.hex()) == talker("raw", 1, 5, credit.hex()) == 0
    assert talker("raw", 0, 4, b"some bytes".hex()) == 0
    until(lambda: len(capture.read().packets) == 5)
    end(process, capture)
    lines = [" ".join(line.split()[2:]) for line in tshark(world.output)]
    assert sorted(lines) == [
        "slot 0 → slot 1 ivsh 38 port 4, 10 bytes",
        "slot 0 → slot 1 ivsh 48 port 3, 20 bytes: call REQUEST, label 77,"
        " number 0x0000000500000001",
        "slot 0 → slot 1 ivsh 52 port 5, 24 bytes: stream HELLO 0xabc > 0x0, 0 bytes",
        "slot 1 → slot 0 ivsh 48 port 3, 20 bytes: call REPLY, label 77,"
        " number 0x0000000500000001",
        "slot 1 → slot 0 ivsh 52 port 5, 24 bytes: stream CREDIT 0xdef > 0xabc, 4096 bytes",
    ]
    assert tshark(world.output, "-Y", "ivsh.call == 1", fields=["ivsh.call.data"]) == ["77686174"]
    assert tshark(
        world.output, "-Y", "ivsh.stream == 2", fields=["ivsh.stream.value", "ivsh.stream.to"]
    ) == ["4096\t0x00000abc"]
    text = "\n".join(tshark(world.output, "-V"))
    for name in ("From slot: 0", "To slot: 1", "Generation: 0", "Kind: small (1)", "Number: 0x"):
        assert name in text
    info = subprocess.run(["capinfos", world.output], capture_output=True, text=True).stdout
    assert re.search(r"Capture application: ivsh capture \d", info)
    assert re.search(r"Number of packets: +5\b", info)
    check_random(world.output)


def check_random(path):
    """Packets of random bytes behind good headers and bad ones: the dissector goes on."""
    draw = random.Random(1)
    blocks = path.read_bytes()
    at, cut = 0, None
    while cut is None:
        kind, size = struct.unpack_from("<II", blocks, at)
        cut = at if kind == pcapng.PACKET else None
        at += size
    with open(path, "wb") as out:
        out.write(blocks[:cut])
        for _ in range(2000):
            data = bytearray(draw.randbytes(draw.randrange(0, 80)))
            good = struct.pack(
                "<BBBBHHH", 1, 28, draw.choice([0, 1, 2, 3, 255, 9]), draw.randrange(16), 0, 1,
                draw.choice([3, 4, 5, 7])
            )
            if draw.random() < 0.9:
                data[: len(good)] = good
            pad = bytes(-len(data) % 4)
            size = 32 + len(data) + len(pad)
            out.write(struct.pack("<IIIIIII", 6, size, 0, 0, 0, len(data), len(data)))
            out.write(data + pad + struct.pack("<I", size))
    lines = tshark(path, fields=["frame.number", "_ws.col.Protocol"])
    assert lines == [f"{n}\tivsh" for n in range(1, 2001)]
    text = "\n".join(tshark(path, "-V"))
    assert "Lua Error" not in text and text.count("Of another version of ivsh capture") > 100


def test_reads_only(world):
    """The memory is mapped without write permission, and its bytes stay as they are."""
    talker = world.talker()
    assert talker("open", 0) == talker("open", 1) == 0
    assert talker("send", 0, 9, 0, 30) == 30
    talker("close", 0), talker("close", 1)
    world.path.chmod(0o400)
    before = hashlib.sha256(world.path.read_bytes()).digest()
    process, capture = world.observe()
    until(lambda: len(capture.read().packets) == 30)
    maps = Path(f"/proc/{process.pid}/maps").read_text()
    assert re.findall(rf"^\S+ (\S+) .* {re.escape(str(world.path))}$", maps, re.M) == ["r--s"]
    end(process, capture)
    assert hashlib.sha256(world.path.read_bytes()).digest() == before


@pytest.mark.parametrize("is_late", [False, True], ids=["", "stopped at once"])
def test_server(start, build, tmp_path, is_late):
    """
    At a server's socket: no slot is taken, and the memory is mapped for reading alone. What was
    published before it is to end is in the file, or counted as missed, also if it had no time.
    """
    server = start("-n", 0, "-l", "4M")
    output = tmp_path / "capture.pcapng"
    process = subprocess.Popen(
        [build / "ivsh", "-S", server.socket, "capture", "--output", output],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: output.exists() and output.stat().st_size)
        maps = Path(f"/proc/{process.pid}/maps").read_text()
        assert re.findall(r"^\S+ (\S+) .* \S*memfd:.*$", maps, re.M) == ["r--s"]
        if is_late:
            pause(process.pid)
        sender = [build / "ivsh", "-S", server.socket, "send", "two", "hello"]
        receiver = subprocess.Popen(
            [build / "ivsh", "-S", server.socket, "--name=two", "recv"],
            stdout=subprocess.DEVNULL,
        )
        subprocess.run(sender, check=True, timeout=LIMIT)
        receiver.wait(LIMIT)
    finally:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGCONT)
        _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == DONE, errors
    capture = pcapng.Capture(open(output, "rb")).read()
    assert len(capture.messages) + capture.missed == 1


def test_back(world):
    """The memory goes back under the observer: a mark says so, and no byte is wrong."""
    talker = world.talker()
    assert talker("open", 0) == talker("open", 1) == 0
    process, capture = world.observe()
    assert talker("send", 0, 9, 0, 20) == 20
    until(lambda: len(capture.read().messages) == 20)
    snapshot = world.path.read_bytes()
    assert talker("receive", 1, 100) == 20
    assert talker("send", 0, 9, 0, 20) == 20
    until(lambda: len(capture.read().messages) == 40)
    with open(world.path, "r+b") as memory:
        memory.write(snapshot)
    until(lambda: any(p.kind == pcapng.MARK and p.place == 4 for p in capture.read().packets))
    end(process, capture)
    assert all(p.data == content(n) for n, p in enumerate(capture.messages))
    assert any(p.flags & pcapng.AT_LEAST for p in capture.packets)


def test_outputs(world, build, tmp_path):
    """stdout, a pipe that is closed, a disk that is full, the region itself, a terminal."""
    talker = world.talker()
    assert talker("open", 0) == talker("open", 1) == 0
    assert talker("send", 0, 9, 1000, 100) == 100
    command = [build / "ivsh", "-f", world.path, "capture"]
    done = subprocess.run([*command, "--count=100"], capture_output=True, timeout=LIMIT)
    (tmp_path / "piped").write_bytes(done.stdout)
    capture = pcapng.Capture(open(tmp_path / "piped", "rb")).read()
    assert done.returncode == DONE and len(capture.packets) == 100
    assert capture.counts() == (100, 0, 100)
    # A reader that goes away.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert talker("send", 0, 9, 8, 1) == 1
    assert process.wait(LIMIT) == CLOSED
    process.stderr.close()
    # Up to 50,000 bytes: the file ends with whole blocks, and says how many were cut off.
    process, _ = world.observe(
        wait=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000)),
    )
    _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == FAILED and "File too large" in errors
    capture = pcapng.Capture(open(world.output, "rb")).read()
    got, size = len(capture.packets), world.output.stat().st_size
    assert capture.rest == b"" and 40 <= got < 50 and size <= 50000
    assert capture.statistics is None or capture.counts() == (101, 101 - got, got)
    assert len(tshark(world.output)) == got
    done = subprocess.run([*command, "--output=/dev/full"], capture_output=True, timeout=LIMIT)
    assert done.returncode == FAILED and b"/dev/full: No space left on device" in done.stderr
    before = world.path.read_bytes()
    done = subprocess.run([*command, "--output", world.path], capture_output=True, timeout=LIMIT)
    assert done.returncode == FAILED and b"the region itself" in done.stderr
    assert world.path.read_bytes() == before
    for words, status in (
        (["--snap=x"], USAGE),
        (["--time=0"], USAGE),
        (["--from=nobody"], NO_PEER),
        (["--to=2"], NO_PEER),
    ):
        done = subprocess.run([*command, *words], capture_output=True, timeout=LIMIT)
        assert done.returncode == status and len(done.stderr.splitlines()) == 1


def test_stopped_reader(world, build):
    """A full pipe whose reader stands still: a signal ends the program all the same."""
    talker = world.talker()
    assert talker("open", 0) == talker("open", 1) == 0
    assert talker("send", 0, 9, 20000, 10) == 10
    process = subprocess.Popen(
        [build / "ivsh", "-f", world.path, "capture"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    syscall = Path(f"/proc/{process.pid}/syscall")
    until(lambda: syscall.read_text().split()[0] in ("7", "271", "73"))  # poll, ppoll
    process.send_signal(signal.SIGTERM)
    assert process.wait(LIMIT) == FAILED
    assert "nobody reads on" in process.stderr.read()
    process.stdout.close(), process.stderr.close()


def test_formatted_again(world, build):
    """The region is formatted under the observer: it ends, and the file is whole."""
    talker = world.talker()
    assert talker("open", 0) == talker("open", 1) == 0
    process, capture = world.observe()
    assert talker("send", 0, 9, 0, 20) == 20
    until(lambda: len(capture.read().messages) == 20)
    with open(world.path, "r+b") as memory:
        memory.write(bytes(8))
    assert talker("send", 0, 9, 0, 1) == 1
    _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == FAILED and "the region was formatted again" in errors
    assert capture.read().rest == b"" and len(capture.messages) == 20
    assert capture.counts()[2] == 20


@pytest.mark.parametrize("seed", range(100 if os.environ.get("IVSH_SOAK") else 6))
def test_hostile(world, seed):
    """Random bytes behind a good header, and written while it looks: bounded, and a whole file."""
    draw = random.Random(seed)
    process, capture = world.observe("--time=0.3", "--unproven", "--wait=poll")
    size = world.path.stat().st_size
    with open(world.path, "r+b", buffering=0) as memory:
        memory.seek(8192)
        memory.write(draw.randbytes(size - 8192))
        while process.poll() is None:
            if seed % 2:
                memory.seek(8192 + draw.randrange(size - 8192 - 65536))
                memory.write(draw.randbytes(65536))
            # The lines and descriptors of a ring, with wrap counters that are right.
            ring = 12288 + (seed % 2) * ((size - 12288) // 2 // 4096 * 4096)
            memory.seek(ring + 256)
            memory.write(
                b"".join(
                    struct.pack("<IHHQ", draw.getrandbits(32), 9, 1, draw.getrandbits(20) << 6)
                    for _ in range(512)
                )
            )
            memory.seek(ring)
            memory.write(bytes(256) if draw.random() < 0.7 else draw.randbytes(256))
    _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == DONE, errors
    assert capture.read().rest == b"" and capture.statistics is not None


@pytest.mark.parametrize("world", ["split"], indirect=True)
@pytest.mark.parametrize("seed", range(60 if os.environ.get("IVSH_SOAK") else 4))
def test_split_hostile(world, seed):
    """A part of random bytes behind its header, and cut at last: the other's messages are there."""
    draw = random.Random(seed)
    talker = world.talker()
    assert talker("open", 0) == talker("open", 1) == 0
    assert talker("send", 0, 9, 0, 20) == 20
    process, capture = world.observe("--unproven", "--from=0")
    until(lambda: len(capture.read().messages) == 20)
    part = world.path / "part-1"
    with open(part, "r+b", buffering=0) as memory:
        for _ in range(30):
            # Not the receiver's lines of the ring: they are slot 1's, and say what was released.
            at = 8192 + draw.randrange(part.stat().st_size - 8192 - 65536)
            memory.seek(at)
            memory.write(draw.randbytes(65536))
            memory.seek(4096)
            memory.write(draw.randbytes(2048))
    assert talker("send", 0, 9, 0, 20) == 20
    until(lambda: len(capture.read().messages) + capture.missed >= 40)
    talker.close()
    if seed % 2:
        os.truncate(part, 4096)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == DONE, errors
    assert capture.read().rest == b"" and capture.statistics is not None
    assert [p.data for p in capture.messages][:20] == [content(n) for n in range(20)]


@pytest.mark.parametrize("world", ["split"], indirect=True)
def test_split_truncated(world):
    """A peer truncates its part: a line, and the observer goes on with the rest."""
    talker = world.talker()
    assert talker("open", 0) == talker("open", 1) == 0
    assert talker("send", 0, 9, 0, 20) == 20
    process, capture = world.observe()
    until(lambda: len(capture.read().messages) == 20)
    talker.close()
    os.truncate(world.path / "part-0", 4096)
    line = process.stderr.readline()
    assert line.startswith(f"ivsh: {world.path}: part 0: it was truncated while in use")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == DONE and len(errors.splitlines()) == 1
    assert capture.read().rest == b"" and len(capture.messages) == 20


@pytest.mark.parametrize("world", ["split"], indirect=True)
def test_split_cut(world):
    """A part that ends before its rings: what is sent to its peer is captured, and no more is."""
    talker = world.talker()
    assert talker("open", 0) == talker("open", 1) == 0
    assert talker("send", 0, 9, 0, 20) == talker("send", 1, 9, 0, 20) == 20
    talker.close()
    os.truncate(world.path / "part-1", 16384)
    process, capture = world.observe()
    until(lambda: len(capture.read().messages) == 20)
    last = end(process, capture)
    assert last == (
        f"ivsh: {world.path}: 20 messages captured, 0 missed,"
        " 1 rings not seen: parts are not here, or not whole"
    )
    assert [(p.sender, p.data) for p in capture.messages] == [(0, content(n)) for n in range(20)]


@pytest.mark.parametrize("world", ["split"], indirect=True)
def test_split_late(world):
    """A part that is formatted while it looks: a line before, and its messages from then on."""
    part = world.path / "part-1"
    magic = part.read_bytes()[:8]

    def store(data):
        with open(part, "r+b", buffering=0) as file:
            file.write(data)

    store(bytes(8))
    process, capture = world.observe()
    line = process.stderr.readline()
    assert line == (
        f"ivsh: {world.path}: parts that are not used: of slot 1: nothing of them is captured"
        " until they are\n"
    )
    store(magic)
    talker = world.talker()
    assert talker("open", 0) == talker("open", 1) == 0
    for slot in (0, 1):
        assert talker("send", slot, 9, 0, 20) == 20
    until(lambda: len(capture.read().messages) == 40)
    assert end(process, capture) == f"ivsh: {world.path}: 40 messages captured, 0 missed"
    for slot in (0, 1):
        got = [p.data for p in capture.messages if p.sender == slot]
        assert got == [content(slot * 20 + n) for n in range(20)]


def test_extcap(world, build, tmp_path):
    """What Wireshark asks, and a capture into its FIFO, by the wrapper."""
    environment = {**os.environ, "PATH": f"{build}:{os.environ['PATH']}"}
    environment.pop("XDG_RUNTIME_DIR", None)
    wrapper = SOURCE / "host/wireshark/ivsh-extcap"

    def ask(*words):
        done = subprocess.run(
            [wrapper, *words], env=environment, capture_output=True, text=True, timeout=LIMIT
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    lines = ask("--extcap-interfaces", "--extcap-version=4.0")
    assert re.match(r"extcap \{version=[0-9.]+\}", lines[0])
    assert lines[1].startswith("interface {value=ivsh}{display=")
    assert ask("--extcap-dlts", "--extcap-interface", "ivsh") == [
        "dlt {number=147}{name=USER0}{display=ivsh messages}"
    ]
    config = ask("--extcap-config", "--extcap-interface", "ivsh")
    assert [int(re.match(r"arg \{number=(\d+)\}\{call=--", line)[1]) for line in config] == list(
        range(len(config))
    )
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    talker = world.talker()
    assert talker("open", 0) == talker("open", 1) == 0
    process = subprocess.Popen(
        [wrapper, "--capture", "--extcap-interface", "ivsh", "--fifo", fifo, "--file", world.path],
        env=environment,
        stderr=subprocess.PIPE,
    )
    world.running.append(process)
    with open(fifo, "rb", buffering=0) as stream:
        os.set_blocking(stream.fileno(), False)
        capture = pcapng.Capture(stream)
        until(lambda: capture.read().interface)
        assert talker("send", 0, 9, 0, 10) == 10
        until(lambda: len(capture.read().packets) == 10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT) == DONE
        assert capture.read().statistics
    check_interface(wrapper, build)


def check_interface(wrapper, build):
    """tshark finds the interface, where the wrapper stands in its folder, and its link type.

    To root it shows only the folder that it was compiled with."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        shutil.copy(wrapper, folder)
        shutil.copy(build / "ivsh", folder)
        environment = {"PATH": f"{folder}:{os.environ['PATH']}", "WIRESHARK_EXTCAP_DIR": folder}
        other = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
        for words, want in (
            (["-D"], "ivsh (ivsh: messages of an ivshmem region)"),
            (["-i", "ivsh", "-L"], "USER0 (ivsh messages)"),
        ):
            done = subprocess.run(
                ["tshark", *words],
                env=environment,
                capture_output=True,
                text=True,
                timeout=LIMIT,
                **other,
            )
            assert want in done.stdout + done.stderr


@BOTH
def test_stopped_behind_a_new_generation(world):
    """Both peers came back while the observer stood still, and then it is ended: none is unsaid."""
    first = world.talker()
    assert first("open", 0) == first("open", 1) == 0
    process, capture = world.observe("--from=0")
    assert first("send", 0, 9, 0, 5) == first("receive", 1, 5) == 5
    until(lambda: len(capture.read().messages) + capture.missed == 5)
    pause(process.pid)
    first.close()
    second = world.talker()
    assert second("claim", 1) == second("claim", 0) == 0
    sent = received = 0
    while received < 20:
        received += max(0, second("receive", 1, 20))
        sent += max(0, second("send", 0, 9, 0, 20 - sent))
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    end(process, capture, stop=None)
    assert len(capture.messages) + capture.missed == 25
