# SPDX-License-Identifier: MIT
"""test_split_server.py - ivsh-server --split: what clients and observers get, also over takeovers.

Rules that it proves: R17.2 and R17.3 of what the server formats, R4.1.1 and R4.1.4 where each slot
has a common memory of its own, and R17.7.1, R17.7.2 and R17.7.3.
"""

import fcntl
import json
import os
import pathlib
import stat
import struct
import subprocess
import time

import pytest
from rawclient import LIMIT, SOAK, RawClient, is_readable, until
from splittool import COMMON, PAGE, Client, mode, part_header

SLOT, METRICS = 4096, 0x400  # the slot in the part of an even one, the metrics in it
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


@pytest.mark.parametrize(
    "slots, size, part",
    [(2, "4M", 1 << 21), (8, "4M", 1 << 19), (16, "16M", 1 << 20), (3, "4M", 1 << 20)],
)
def test_what_is_made(start, tmp_path, slots, size, part):
    """A file for each slot, formatted, and DIR/common; all of it is gone at the end."""
    server = start("--split", "--slots", slots, "--size", size)
    folder = pathlib.Path(server.socket + ".split")
    assert server.field("memory") == str(folder) and server.field("split") == "1"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o711
    names = {"common", *(f"part-{n}" for n in range(slots))}
    assert set(os.listdir(folder)) == names
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in names} == {0o600}
    common = (folder / "common").read_bytes()
    assert len(common) == COMMON and common[:8] == b"IVSHRGN\0"
    features, total, count = struct.unpack_from("<IQI", common, 12)
    assert features & 2 and total == COMMON and count == slots
    sizes = {(folder / f"part-{n}").stat().st_size for n in range(slots)}
    assert sizes == {part}
    format_id = struct.unpack_from("<Q", common, 0x28)[0]
    assert [part_header(folder / f"part-{n}")[1] for n in range(slots)] == list(range(slots))
    assert {part_header(folder / f"part-{n}")[0] for n in range(slots)} == {format_id}
    server.stop()
    assert os.listdir(tmp_path) == []


def test_messages(start):
    """R17.1: our client has its own part for writing and each other for reading alone."""
    server = start("--split", "--slots", 4)
    one = Client.join(server.socket, 4)
    two = Client.join(server.socket, 4)
    assert (one.id, two.id) == (0, 1)
    for client in (one, two):
        assert os.fstat(client.memory).st_size == COMMON
        assert fcntl.fcntl(client.memory, fcntl.F_GET_SEALS) == SEALS
        for slot, fd in enumerate(client.parts):
            made = os.stat(f"{server.socket}.split/part-{slot}")
            assert os.fstat(fd).st_ino == made.st_ino
            assert mode(fd) == (os.O_RDWR if slot == client.id else os.O_RDONLY)
    os.pwrite(one.parts[0], b"mine", 0x38)
    assert os.pread(two.parts[0], 4, 0x38) == b"mine"
    assert one.is_quiet(0) and two.is_quiet(0)


def test_qemu_is_sent_no_parts(start):
    """QEMU takes a message below -1 for an error: it gets the doorbell, and opens files by name."""
    server = start("--split", "--slots", 4)
    client = RawClient(server.socket)
    messages = client.handshake(4, 2)
    assert [value for value, _ in messages[:3]] == [0, 0, -1] and client.is_quiet()
    assert os.fstat(client.memory).st_size == COMMON


@pytest.mark.parametrize("slots, size", [(2, "4M"), (61, "64M"), (62, "64M"), (128, "256M")])
def test_probe(start, slots, size):
    """An observer is sent DIR/common and all parts, and can write none of them."""
    server = start("--split", "--slots", slots, "--size", size, "--vectors", 1)
    probe = Client.join(server.socket, slots, kind="probe")
    assert probe.id == -1 and probe.message() is None
    assert os.fstat(probe.memory).st_ino == os.stat(f"{server.socket}.split/common").st_ino
    assert {mode(fd) for fd in [probe.memory, *probe.parts]} == {os.O_RDONLY}
    assert probe.page()[0] == int(server.field("epoch"), 16)
    client = Client.join(server.socket, slots, vectors=1)
    assert client.id == 0 and mode(client.parts[0]) == os.O_RDWR


def test_slow_probes(start):
    """What an observer's socket does not take at once it is sent later; others are served."""
    server = start("--split", "--slots", 64, "--size", "64M", "--vectors", 1, "--per-uid", 0,
                   prefix=("prlimit", "--nofile=500:500"))  # fmt: skip
    assert int(server.status("limit")[0]["unread"]) < 67
    made = [RawClient.named(server.socket, f"\0ivsh-probe-slow-{n}") for n in range(3)]
    until(lambda: [row["state"] for row in server.status("waiting")] == 3 * ["probing"])
    assert Client.join(server.socket, 64, vectors=1).id == 0
    for probe in made[:2]:
        values = [probe.message()[0] for _ in range(3 + 64)]
        assert values == [0, -1, -1, *range(-2, -66, -1)] and probe.message() is None
    server.kill_serving()  # it has some parts, and is closed: it tries again
    rest = []
    while (message := made[2].message()) is not None:
        rest.append(message[0])
    assert rest == [0, -1, -1, *range(-2, -66, -1)][: len(rest)] and len(rest) < 67
    for probe in made:
        probe.close()
    until(lambda: not server.status("waiting"))
    assert server.count("event=indeterminate") == 0


def test_forged_page(start):
    """R17.7.1, R17.7.3: a page that a peer forges is seen by nobody else, and begins no epoch."""
    server = start("--split", "--slots", 3)
    hostile, other = Client.join(server.socket, 3), Client.join(server.socket, 3)
    probe = Client.join(server.socket, 3, kind="probe")
    epoch = other.page()[0]
    memory = hostile.map()
    forged = struct.pack("<4I", 0x12345678, 7, 99, 2) + bytes(48) + b"\1\0\0\0" * 256
    end = time.monotonic() + (10 if SOAK else 1.5)
    seen = set()
    while time.monotonic() < end:
        memory[PAGE : PAGE + len(forged)] = forged
        for reader in (other, probe):
            data = os.pread(reader.memory, 64 + 1024, PAGE)
            seen.add(struct.unpack_from("<2I", data)[0])
            assert struct.unpack_from("<4I", data, 64) == (1, 1, 0, 0)
    assert seen == {epoch}
    until(lambda: hostile.page()[0] == epoch)  # R4.1.4
    words = (1, 1, 0, 0)
    until(lambda: struct.unpack_from("<4I", os.pread(hostile.memory, 16, PAGE + 64)) == words)
    assert server.count("event=epoch") == 0


def test_takeover(start):
    """R4.1.3, R17.7.2: the next server goes on in each memory, and its clients are sent nothing."""
    server = start("--split", "--slots", 3)
    first, second = Client.join(server.socket, 3), Client.join(server.socket, 3)
    before = first.page()
    for turn in range(10 if SOAK else 3):
        server.kill_serving()
        until(lambda at=first.page()[1]: first.page()[1] != at)
        assert first.page()[0] == second.page()[0] == before[0]
        assert server.status("server")[0]["takeovers"] == str(turn + 1)
    second.close()
    third = Client.join(server.socket, 3)
    assert third.id in (1, 2) and mode(third.parts[third.id]) == os.O_RDWR
    until(lambda: third.page()[1:3] == first.page()[1:3])
    assert first.is_quiet(0) and server.count("event=indeterminate") == 0


def test_epoch_stays(start):
    """R4.1.3: no peer sees another epoch, or none, while the next server takes over."""
    server = start("--split", "--slots", 2)
    client = Client.join(server.socket, 2)
    memory, epoch = client.map(), struct.pack("<I", client.page()[0])
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        while memory[PAGE : PAGE + 4] == epoch:
            pass
        os.write(write, b"x")
        os._exit(0)
    try:
        for _ in range(300 if SOAK else 12):
            server.kill_serving()
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert not is_readable(read, 0)


def test_status(start, build):
    """Text, JSON and metrics say that the region is split, where, and what a part has."""
    server = start("--split", "--slots", 4)
    assert server.status("memory")[0]["split"] == "1"

    def status(*arguments):
        return subprocess.run(
            [build / "ivsh-server", "status", "-S", server.socket, *arguments],
            capture_output=True, text=True, check=True, timeout=LIMIT,
        ).stdout  # fmt: skip

    assert f"{server.socket}.split, split: 1048576 bytes for each slot\n" in status()
    memory = json.loads(status("--json"))["memory"]
    assert (memory["split"], memory["part"]) == (True, 1048576)
    assert (memory["kind"], memory["path"]) == ("file", f"{server.socket}.split")
    lines = status("--prometheus")
    assert ',split="1"} 1\n' in lines and "\nivsh_part_bytes{" in lines


def test_metrics(start):
    """Metrics of a slot are read out of its part; what is no metric there is left out."""
    server = start("--split", "--slots", 2)
    client = Client.join(server.socket, 2)
    other = Client.join(server.socket, 2)
    os.pwrite(client.parts[0], struct.pack("<2I", 1, 77), SLOT)  # attached, incarnation
    entry = struct.pack("<40s2IQ", b"boots", 1, 77, 42)
    os.pwrite(client.parts[0], entry, SLOT + METRICS)
    os.pwrite(other.parts[1], os.urandom(2048), SLOT + 4096)
    (metric,) = server.status("metric")
    assert (metric["slot"], metric["metric"], metric["value"]) == ("0", "boots", "42")


def test_takeover_amid_parts(start):
    """A client whose socket is full in the midst of its parts has each once, in order."""
    server = start("--split", "--slots", 64, "--size", "64M", "--vectors", 1,
                   prefix=("prlimit", "--nofile=500:500"))  # fmt: skip
    unread = int(server.status("limit")[0]["unread"])
    for turn in range(40 if SOAK else 8):
        client = RawClient.named(server.socket, f"\0ivsh-client-amid-{os.getpid()}-{turn}")
        until(lambda: server.status("slot")[0].get("queued", "0") not in ("0", "131"))
        got = [client.message()[0] for _ in range(turn * 3 % 64)]
        server.kill_serving()
        got += [client.message()[0] for _ in range(3 + 64 + 64 - len(got))]
        others = [*range(1, 64), 0]
        assert got == [0, 0, -1, *range(-2, -66, -1), *others] and client.is_quiet(0)
        assert mode(client.fds[1]) == os.O_RDWR and mode(client.fds[2]) == os.O_RDONLY
        client.close()
        until(lambda: server.status("slot")[0]["state"] == "free")
    assert unread < 67 and server.count("event=indeterminate") == 0


def test_end(start):
    """When the server ends, each slot's page says that there is none."""
    server = start("--split", "--slots", 2)
    client = Client.join(server.socket, 2)
    server.stop()
    assert client.page()[0] == 0


def test_descriptors(fails, start):
    """Three more for each slot, of the server's; and one of a client's, who has all parts."""
    limit = ("prlimit", "--nofile=200:200")
    status, lines = fails("--split", "--slots", 32, "--size", "32M", prefix=limit)
    assert status == 1 and len(lines) == 1
    # 64 eventfds, 96 memories, 64 sockets, 4 for listening, 32 others
    assert "96 for memories" in lines[0] and "260 descriptors, but the limit is 200" in lines[0]
    status, lines = fails(
        "--split", "--slots", 32, "--size", "32M", "--client-descriptors", 223, prefix=()
    )
    assert status == 1 and "32 parts" in lines[0] and "224 descriptors" in lines[0]
    server = start(
        "--split", "--slots", 32, "--size", "32M", prefix=("prlimit", "--nofile=260:260")
    )
    clients = [Client.join(server.socket, 32) for _ in range(32)]
    assert sorted(client.id for client in clients) == list(range(32))
