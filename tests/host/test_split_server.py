# SPDX-License-Identifier: MIT
"""test_split_server.py - ivsh-server --split: who can write which memory, and who cannot.

Rules that it proves: R17.1 (as far as the host can enforce it), R17.2 and R17.3 of what the server
formats, R4.1.1 and R4.1.4 where each slot has a common memory of its own, and R17.7.1, R17.7.2
and R17.7.3.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import mmap
import os
import pathlib
import shlex
import shutil
import socket
import stat
import struct
import subprocess
import tempfile
import time

import pytest

from rawclient import SOAK, RawClient, is_readable, until

NOBODY, ALICE, BOB = 65534, 41001, 41002
ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="only root can be another user")
COMMON = 8192
PAGE = 4096  # of the server, in the common memory
SLOT, METRICS = 4096, 0x400  # the slot in the part of an even one, the metrics in it
PART_MAGIC = b"IVSHPRT\0"
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + 3 * [ctypes.c_int] + [ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


class Client(RawClient):
    """What our own client receives: parts[slot], descriptors, behind the memory."""

    made = 0

    @classmethod
    def join(cls, path, slots=8, vectors=2, kind="client"):
        Client.made += 1
        client = cls.named(path, f"\0ivsh-{kind}-test-{os.getpid()}-{Client.made}")
        messages = [client.message() for _ in range(3 + slots)]
        assert messages[0] == (0, None)
        assert [value for value, _ in messages[2:]] == [-1, *(-2 - n for n in range(slots))]
        client.id, client.memory = messages[1][0], messages[2][1]
        client.parts = [fd for _, fd in messages[3:]]
        if kind == "client":
            others = [n for n in range(slots) if n != client.id] + [client.id]
            for slot in others:
                for _ in range(vectors):
                    assert client.message()[0] == slot
        return client

    def page(self):
        """The server page: epoch, heartbeat, change, vectors."""
        return struct.unpack("<4I", os.pread(self.memory, 16, PAGE))


def mode(fd):
    return fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE


def part_header(path):
    """format_id and slot of a part."""
    data = pathlib.Path(path).read_bytes()[:64]
    assert data[:8] == PART_MAGIC
    return struct.unpack_from("<Q", data, 0x28)[0], struct.unpack_from("<I", data, 0x34)[0]


def is_refused(call, *arguments):
    """The call fails: the name of the error; None: it did not."""
    try:
        call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return None


def attack(fd, size):
    """What a process with a descriptor of another's part tries: the error of each attempt."""
    done = {}
    done["mmap"] = is_refused(mmap.mmap, fd, size)
    base = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    assert base not in (None, ctypes.c_void_p(-1).value)
    failed = libc.mprotect(base, size, mmap.PROT_READ | mmap.PROT_WRITE)
    done["mprotect"] = errno.errorcode[ctypes.get_errno()] if failed else None
    done["ftruncate"] = is_refused(os.ftruncate, fd, 0)
    done["fallocate"] = is_refused(os.posix_fallocate, fd, size, 1)
    done["pwrite"] = is_refused(os.pwrite, fd, b"x", 0)
    for flags, name in ((os.O_RDWR, "reopen"), (os.O_WRONLY | os.O_TRUNC, "reopen, truncated")):
        done[name] = is_refused(os.open, f"/proc/self/fd/{fd}", flags)
    done["fchmod"] = is_refused(os.fchmod, fd, 0o666)
    return done


def run_as(user, function):
    """Run (function) in a process of another user: what it returns, through JSON."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read)
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            os.write(write, json.dumps(function()).encode())
        except BaseException as error:  # the parent reports it
            os.write(write, json.dumps({"failed": repr(error)}).encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as answer:
        text = answer.read()
    os.waitpid(child, 0)
    result = json.loads(text)
    assert not (isinstance(result, dict) and "failed" in result), result
    return result


@pytest.fixture
def public():
    """A folder that every user can enter; pytest's own are for one."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="ivsh-split-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


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
    until(lambda: hostile.page()[0] == epoch, 1)  # R4.1.4
    assert struct.unpack_from("<4I", os.pread(hostile.memory, 16, PAGE + 64)) == (1, 1, 0, 0)
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
            capture_output=True, text=True, check=True, timeout=10,
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


def test_kept(start, fails, tmp_path):
    """What a dead server left is kept, and the messages in it; a living one is not disturbed."""
    folder = tmp_path / "d"
    arguments = ("--split", "--slots", 3, "--file", folder)
    server = start(*arguments)
    client = Client.join(server.socket, 3)
    os.pwrite(client.parts[0], b"message", 65536)
    status, lines = fails(*arguments, socket="t")
    assert status == 1 and len(lines) == 1
    assert f"{folder}/common: is in use" in lines[0]
    server.stop(9)
    made = part_header(folder / "part-1")
    server = start(*arguments)
    assert server.field("kept") == "1" and part_header(folder / "part-1") == made
    assert (folder / "part-0").read_bytes()[65536:65543] == b"message"
    server.stop()
    assert "part-2" in os.listdir(folder)  # it was there before

    beats = (folder / "part-2").open("r+b")
    with contextlib.ExitStack() as stack:
        memory = stack.enter_context(mmap.mmap(beats.fileno(), 0))
        child = os.fork()
        if child == 0:
            for beat in range(10000):
                struct.pack_into("<I", memory, 4096 + 8, beat)
                time.sleep(0.02)
            os._exit(0)
        status, lines = fails(*arguments)
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert status == 1 and len(lines) == 1 and f"{folder}: is in use: heartbeats" in lines[0]

    for wrong, what in (
        (("--slots", 4), "of 3 slots, 4 are asked for"),
        (("--slots", 3, "--size", "64M"), "are asked for: remove it, or ask for --size 3145728"),
    ):
        status, lines = fails("--split", "--file", folder, *wrong)
        assert status == 1 and len(lines) == 1 and what in lines[0], lines
    assert part_header(folder / "part-1") == made


def test_made_by_the_tool(start, build, tmp_path):
    """What mem create --split has made is kept, with its rings; and the tool shows the server's."""
    folder = tmp_path / "d"
    size = ("--slots=3", "--log-size=8K")
    subprocess.run(
        [build / "ivsh", "mem", "create", "--split", folder, "4M", *size], check=True, timeout=10
    )
    made = part_header(folder / "part-2")
    server = start("--split", "--file", folder, *size)
    assert server.field("kept") == "1" and part_header(folder / "part-2") == made
    assert Client.join(server.socket, 3).page()[0] == int(server.field("epoch"), 16)
    shown = subprocess.run(
        [build / "ivsh", "mem", "info", folder], capture_output=True, text=True, timeout=10
    )
    assert shown.returncode == 0, shown


def header(path):
    """descs, small_size, large_size, log_size of a region's header."""
    data = path.read_bytes()
    return struct.unpack_from("<3I", data, 0x1C) + struct.unpack_from("<I", data, 0x30)


def test_geometry(start, tmp_path):
    """--geometry and --log-size are for split regions, too; one that is kept keeps its rings."""
    file, folder = tmp_path / "geometry", tmp_path / "d"
    file.write_text("descs = 128\nsmall-size = 8K\nlarge-size = 32K\n")
    arguments = ("--split", "--slots", 3, "--file", folder, "--size", "384K", "--log-size=16K")
    server = start(*arguments, "--geometry", file)
    assert header(folder / "common") == (128, 8192, 32768, 16384)
    assert os.stat(folder / "part-0").st_size == 1 << 17
    server.stop(9)
    file.write_text("descs = 64\nsmall-size = 8K\nlarge-size = 32K\n")
    server = start(*arguments, "--geometry", file)
    server.await_line("holds a region with rings of 128 descriptors, 8192 + 32768 bytes")
    assert server.field("kept") == "1" and header(folder / "common") == (128, 8192, 32768, 16384)
    server.stop(9)
    shutil.rmtree(folder)
    file.write_text("descs = 1024\nsmall-size = 64K\nlarge-size = 1M\n")
    server = start(*arguments, "--geometry", file)
    line = server.await_line(f"{file}: 384K of memory: rings of ")
    assert "for all of it give 12M" in line


def test_check(build, tmp_path):
    """--check says what is wrong, names the line, and makes nothing."""
    config = tmp_path / "c"

    def check(*lines):
        config.write_text("".join(f"{line}\n" for line in (f"socket = {tmp_path}/s", *lines)))
        done = subprocess.run(
            [build / "ivsh-server", "--check", config], capture_output=True, text=True, timeout=10
        )
        assert os.listdir(tmp_path) == ["c"]
        return done.returncode, done.stdout + done.stderr

    assert check("split", "slots = 4") == (0, f"{config}: no error found\n")
    assert check("split", f"slot = a={tmp_path}/a,user=0")[0] == 0
    for lines, what in (
        (("split", "raw"), ":3: raw: with --split the server formats"),
        (("split", "classic"), ":3: classic: with --split each slot has an ID"),
        (("shm = x", "split"), ":2: shm: with --split the memories are files"),
        (("split", "memory-mode = 0662"), ":3: memory-mode: with --split nobody but the owner"),
        (("split", "slots = 4", "size = 64K"), ":4: size: 65536 bytes are too few for 4 slots"),
        (("split", f"slot = a={tmp_path}/a,user=no.such"), ":3: slot: a="),
        ((f"slot = a={tmp_path}/a,user=0",), ":2: slot: a="),
    ):
        status, text = check(*lines)
        assert status != 0 and text.count("\n") == 1 and f"{config}{what}" in text, text


def test_scribbled_header(start, tmp_path):
    """R17.6: who writes over the header of its own part keeps no server from starting."""
    folder = tmp_path / "d"
    folder.mkdir(0o711)
    arguments = ("--split", "--slots", 3, "--file", folder)
    server = start(*arguments)
    header = part_header(folder / "part-0")[0]
    client = Client.join(server.socket, 3)
    os.pwrite(client.parts[0], b"\xff" * 4096, 0)
    server.stop(9)
    server = start(*arguments)
    assert server.field("kept") == "1"
    assert "slot=0" in server.await_line("what=part-formatted")
    assert part_header(folder / "part-0") == (header, 0)


@pytest.mark.parametrize("size", [0, 5000, 12 << 20])
def test_part_of_another_size(start, tmp_path, size):
    """An owner that has changed the size of its part keeps no server from starting."""
    folder = tmp_path / "d"
    arguments = ("--split", "--slots", 3, "--file", folder)
    server = start(*arguments)
    client = Client.join(server.socket, 3)
    os.ftruncate(client.parts[0], size)
    server.stop(9)
    server = start(*arguments)
    assert server.field("kept") == "1"
    assert os.stat(folder / "part-0").st_size == os.stat(folder / "part-1").st_size
    assert part_header(folder / "part-0")[1] == 0
    assert server.count("what=part-formatted slot=0") == (size == 0)


def test_restless_part(start, tmp_path):
    """A process that truncates its part and writes over it all the time keeps no server down."""
    folder = tmp_path / "d"
    arguments = ("--split", "--slots", 3, "--file", folder)
    server = start(*arguments)
    client = Client.join(server.socket, 3)
    size = os.fstat(client.parts[0]).st_size
    child = os.fork()
    if child == 0:
        while True:
            os.ftruncate(client.parts[0], 0)
            os.ftruncate(client.parts[0], size)
            os.pwrite(client.parts[0], b"IVSHPRT\0" + os.urandom(56), 0)
            os.ftruncate(client.parts[0], 4096)
    try:
        for _ in range(50 if SOAK else 3):
            server.stop(9)
            server = start(*arguments)
            assert server.field("kept") == "1"
            assert Client.join(server.socket, 3).id == 0
            server.status()
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert part_header(folder / "part-1")[1] == 1


def test_interrupted_start(start, tmp_path):
    """Without the header of DIR/common there is no region: parts that are there are made anew."""
    folder = tmp_path / "d"
    arguments = ("--split", "--slots", 3, "--file", folder)
    server = start(*arguments)
    server.stop(9)
    os.unlink(folder / "common")
    old = part_header(folder / "part-1")[0]
    server = start(*arguments)
    assert server.field("kept") == "0" and part_header(folder / "part-1")[0] != old


@as_root
def test_hostile_process(start, public):
    """R17.1: with all that the server gives it, another user can store into its own part alone."""
    server = start("--split", "--slots", 4, "--socket-mode", "0666", folder=public)
    size = os.stat(f"{server.socket}.split/part-0").st_size
    taken = Client.join(server.socket, 4)
    assert taken.id == 0

    def hostile(kind):
        client = Client.join(server.socket, 4, kind=kind)
        own = client.id
        done = {n: attack(fd, size) for n, fd in enumerate(client.parts) if n != own}
        for n in range(4):
            path = f"{server.socket}.split/part-{n}"
            done[n] = {**done.get(n, {}), "by name": is_refused(os.open, path, os.O_RDONLY)}
        if own >= 0:
            os.pwrite(client.parts[own], b"mine", 0x38)
        else:
            done["common"] = attack(client.memory, COMMON)
        done["unlink"] = is_refused(os.unlink, f"{server.socket}.split/part-0")
        return [own, {str(key): value for key, value in done.items()}]

    for kind, expected in (("client", 1), ("probe", -1)):
        own, done = run_as(NOBODY, lambda kind=kind: hostile(kind))
        assert own == expected
        for n in range(4):
            assert done[str(n)].pop("by name") == "EACCES"
            if n != own:
                assert None not in done[str(n)].values() and len(done[str(n)]) == 8, done
        assert done["unlink"] == "EACCES"
        if own < 0:
            assert None not in done["common"].values()
    assert os.pread(taken.parts[1], 4, 0x38) == b"mine"
    assert os.pread(taken.parts[0], 4, 0x38) == bytes(4)


@as_root
def test_users(start, fails, public):
    """The part of --slot WHO=PATH,user=USER is that user's; others open it for reading alone."""
    server = start(
        "--split", "--slots", 3, "--slot", f"alpha={public}/a,user={ALICE}",
        "--slot", f"2={public}/b,user={BOB}", "--file", public / "d", folder=public,
    )  # fmt: skip
    folder = public / "d"
    owners = [os.stat(folder / f"part-{n}").st_uid for n in range(3)]
    assert owners == [ALICE, 0, BOB]
    for name in ("common", "part-0", "part-1", "part-2"):
        assert stat.S_IMODE(os.stat(folder / name).st_mode) == 0o644

    def tries():
        return [is_refused(os.open, str(folder / f"part-{n}"), os.O_RDWR) for n in range(3)] + [
            is_refused(os.open, str(folder / f"part-{n}"), os.O_RDONLY) for n in range(3)
        ]

    assert run_as(ALICE, tries) == [None, "EACCES", "EACCES", None, None, None]
    assert run_as(BOB, tries) == ["EACCES", "EACCES", None, None, None, None]
    assert run_as(BOB, lambda: is_refused(os.chmod, folder / "part-2", 0o666)) is None
    server.stop(9)
    server = start(
        "--split", "--slots", 3, "--slot", f"alpha={public}/a,user={ALICE}",
        "--slot", f"2={public}/b,user={BOB}", "--file", public / "d", folder=public,
    )  # fmt: skip
    assert server.field("kept") == "1"
    assert stat.S_IMODE(os.stat(folder / "part-2").st_mode) == 0o644
    server.stop(9)
    status, lines = fails("--split", "--slots", 3, "--file", folder, "--memory-mode", "0644")
    assert status == 1 and f"part-0: belongs to user {ALICE}" in lines[0] and len(lines) == 1
    shutil.rmtree(folder)


@as_root
def test_slot_of_a_user(start, public):
    """Whoever holds a slot gets its part for writing: so only its user does, and root."""
    server = start("--split", "--slots", 3, "--socket-mode", "0666", folder=public, *[
        word for name, user in (("a", ALICE), ("b", BOB))
        for word in ("--slot", f"{name}={public}/{name},user={user}")
    ])  # fmt: skip

    def tries(name, kind="client"):
        client = RawClient.named(public / name, f"\0ivsh-{kind}-of-{name}-{os.geteuid()}")
        return [client.message()[0], client.message()[0]] if client else None

    def refused(name):
        client = RawClient.named(public / name, f"\0ivsh-client-at-{name}-{os.geteuid()}")
        first = client.message()
        return [first[0], client.socket.recv(100).decode()]

    assert run_as(ALICE, lambda: tries("a")) == [0, 0]
    assert run_as(BOB, lambda: tries("b")) == [0, 1]
    until(lambda: [slot["state"] for slot in server.status("slot")] == 3 * ["free"])
    for user, name in ((BOB, "a"), (ALICE, "b"), (NOBODY, "a")):
        said = run_as(user, lambda name=name: refused(name))
        assert said == [1, "refused reason=not-allowed\n"]
        assert run_as(user, lambda name=name: tries(name, "probe")) == [0, -1], "it only reads"
    assert server.status("slot")[0]["times"] == server.status("slot")[1]["times"] == "1"
    assert run_as(NOBODY, lambda: tries("s")) == [0, 2]
    root = Client.join(public / "b", 3)
    assert root.id == 1


@as_root
def test_serving_user(start, public):
    """With --user the process that serves needs no right to open what it passes on."""
    server = start("--split", "--slots", 3, "--user", f"{ALICE}:{ALICE}", folder=public)
    with open(f"/proc/{server.serving}/status", encoding="ascii") as file:
        assert f"Uid:\t{ALICE}" in file.read()
    client = Client.join(server.socket, 3)
    server.kill_serving()
    second = Client.join(server.socket, 3)
    until(lambda at=client.page()[1]: client.page()[1] != at)
    assert [mode(fd) for fd in second.parts] == [os.O_RDONLY, os.O_RDWR, os.O_RDONLY]


@as_root
def test_truncated_part(start, public):
    """The owner of a part truncates it: the server says so, and serves the others as ever."""
    server = start("--split", "--slots", 3, folder=public)
    first, second = Client.join(server.socket, 3), Client.join(server.socket, 3)
    os.ftruncate(second.parts[1], 0)
    server.status()
    assert "slot=1" in server.await_line("what=part-lost")
    until(lambda at=first.page()[1]: first.page()[1] != at)
    assert server.status("memory")[0]["lost"] == "0"
    assert server.count("event=takeover") == 0 and server.count("what=part-lost") == 1


def test_refusals(fails, tmp_path):
    """One line names each option that does not go with --split, and nothing stays behind."""
    cases = [
        (("--raw",), "--raw: with --split"),
        (("--classic",), "--classic: with --split"),
        (("-M", "x"), "-M: with --split"),
        (("-m", tmp_path), "-m: with --split"),
        (("--hugetlb", "2M"), "--hugetlb: with --split"),
        (("--memory-mode", "0666"), "--memory-mode: with --split nobody but the owner"),
        (("--slots", 64, "-l", "1M"), "are needed"),
        (("--slot", "a=b,user=nobody-at-all"), "no such user"),
    ]
    for arguments, what in cases:
        status, lines = fails("--split", *arguments)
        assert status in (1, 2) and len(lines) == 1 and what in lines[0], lines
    status, lines = fails("--split", program="ivshmem-server")
    assert status in (1, 2) and len(lines) == 1 and "--raw: with --split" in lines[0]
    status, lines = fails("--slot", f"a={tmp_path}/x,user=0")
    assert status in (1, 2) and len(lines) == 1 and "give --split, or no user=" in lines[0]
    assert os.listdir(tmp_path) == []


def test_folders_that_are_refused(fails, tmp_path):
    """DIR must be a folder that is ours, and that nobody else can write."""
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(open_to_all)
    (tmp_path / "other").mkdir(0o700)
    (tmp_path / "other" / "part-1").write_bytes(b"something".ljust(1 << 20, b"\0"))
    (tmp_path / "other" / "part-1").chmod(0o600)
    for name, what in (
        ("open", "chmod go-w it"),
        ("file", "is no folder"),
        ("link", "is no folder"),
        ("no/such", "mkdir: No such file"),
        ("other", "part-1: holds something else"),
    ):
        status, lines = fails("--split", "--slots", 2, "--size", "2M", "--file", tmp_path / name)
        assert status == 1 and len(lines) == 1 and what in lines[0], lines
        assert str(tmp_path / name) in lines[0]
    assert os.listdir(tmp_path / "other") == ["part-1"] and os.listdir(open_to_all) == []
    if ROOT:
        os.chown(open_to_all, ALICE, -1)
        open_to_all.chmod(0o755)
        status, lines = fails("--split", "--file", open_to_all)
        assert status == 1 and f"belongs to user {ALICE}" in lines[0]


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


@as_root
def test_reload_gives_parts(start, public):
    """At a reload a slot gets a socket and a user; what cannot be done changes nothing."""
    config = public / "config"
    folder = public / "d"

    def write(*lines):
        config.write_text(f"split\nslots = 3\nfile = {folder}\n" + "".join(f"{x}\n" for x in lines))

    def owners():
        return [os.stat(folder / f"part-{n}").st_uid for n in range(3)]

    def modes():
        return {stat.S_IMODE(os.stat(folder / name).st_mode) for name in os.listdir(folder)}

    write()
    server = start("-c", config, folder=public)
    client = Client.join(server.socket, 3)
    assert owners() == [0, 0, 0] and modes() == {0o600}
    folder.chmod(0o700)
    write(f"slot = 1={public}/a,user={ALICE}")
    server.reload("failed")
    server.await_line(f"{folder}: other users cannot open what is in it: chmod 0711 it")
    assert owners() == [0, 0, 0] and modes() == {0o600}
    folder.chmod(0o711)
    server.reload()
    assert owners() == [0, ALICE, 0] and modes() == {0o644}
    own = Client.join(public / "a", 3)
    assert own.id == 1
    write(f"slot = 2={public}/a,user={BOB}")
    server.reload()
    assert owners() == [0, 0, BOB] and modes() == {0o644}
    server.kill_serving()
    assert owners() == [0, 0, BOB]
    config.write_text(f"slots = 3\nfile = {folder}\n")
    server.reload("failed")
    server.await_line("--split: is 1 while the server runs, 0 is asked for")
    write()
    server.reload()
    assert owners() == [0, 0, 0] and client.is_quiet(0)


@as_root
def test_parts_that_cannot_be_given(start, fails, public):
    """Without the right to give files away one line says whose part it is about."""
    public.chmod(0o777)
    slot = f"1={public}/a,user={BOB}"
    prefix = ("setpriv", f"--reuid={ALICE}", "--clear-groups")
    status, lines = fails(
        "--split", "--slots", 2, "-S", public / "s", "--slot", slot, socket=None, prefix=prefix
    )
    assert status == 1 and len(lines) == 1
    assert f"{public}/s.split/part-1: cannot be given to user {BOB}: Operation not" in lines[0]
    assert os.listdir(public) == []
    config = public / "config"
    config.write_text("split\nslots = 2\n")
    config.chmod(0o644)
    server = start("-c", config, folder=public, prefix=prefix)
    config.write_text(f"split\nslots = 2\nslot = {slot}\n")
    server.reload("failed")
    server.await_line(f"part-1: cannot be given to user {BOB}")
    assert stat.S_IMODE(os.stat(f"{server.socket}.split/part-1").st_mode) == 0o600
    assert Client.join(server.socket, 2).id == 0


@as_root
def test_right_to_give_files_away(start, public):
    """CAP_CHOWN is all that user= needs, at the start and at a reload: as a drop-in has it."""
    public.chmod(0o777)
    prefix = ("setpriv", f"--reuid={ALICE}", "--clear-groups", "--inh-caps=-all,+chown",
              "--ambient-caps=-all,+chown", "--bounding-set=-all,+chown")  # fmt: skip
    config = public / "config"
    config.write_text(f"split\nslots = 3\nslot = 1={public}/a,user={BOB}\n")
    server = start("-c", config, folder=public, prefix=prefix)
    folder = pathlib.Path(f"{server.socket}.split")
    owners = [os.stat(folder / f"part-{n}").st_uid for n in range(3)]
    assert owners == [ALICE, BOB, ALICE]
    config.write_text(f"split\nslots = 3\nslot = 2={public}/a,user={NOBODY}\n")
    server.reload()
    owners = [os.stat(folder / f"part-{n}").st_uid for n in range(3)]
    assert owners == [ALICE, ALICE, NOBODY]
    server.stop()
    assert os.listdir(public) == ["config"]


MACHINE = "qemu-system-x86_64 -S -M q35 -accel tcg -nodefaults -display none -m 32M".split()


def query_pci(path):
    """The ivshmem devices of a QEMU, over QMP: (device, function) of each."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
        control.settimeout(10)
        until(lambda: control.connect_ex(str(path)) == 0)
        with control.makefile("rw") as file:
            file.readline()
            for command in ("qmp_capabilities", "query-pci"):
                file.write(json.dumps({"execute": command}) + "\n")
                file.flush()
                answer = json.loads(file.readline())
    devices = [device for bus in answer["return"] for device in bus["devices"]]
    return [
        (device["slot"], device["function"])
        for device in devices
        if (device["id"]["vendor"], device["id"]["device"]) == (0x1AF4, 0x1110)
    ]


@pytest.mark.parametrize("is_plain", [False, True])
def test_qemu_args(start, build, tmp_path, is_plain):
    """QEMU takes the line: a device for each part, at its place, and its own alone is writable."""
    folder = tmp_path / "d,'x"
    server = start("--split", "--slots", 10, "--size", "8M", "--slot", f"beta={tmp_path}/b",
                   "--slot", f"9={tmp_path}/c", "--file", folder)  # fmt: skip
    assert "command=\"ivsh-server qemu-args -S " in server.await_line("event=hint")

    def args(*more):
        return subprocess.run(
            [build / "ivsh-server", "qemu-args", "-S", server.socket, *more],
            capture_output=True, text=True, timeout=10,
        )  # fmt: skip

    done = args("9", *(["--plain"] if is_plain else []))
    assert (done.returncode, done.stderr) == (0, "")
    words = shlex.split(done.stdout)
    backends = [word for word in words if word.startswith("memory-backend-file")]
    parts = [word for word in backends if "part" in word]
    assert len(parts) == 10 and len(backends) == 10 + is_plain
    assert ["readonly=on" in word for word in parts] == [True] * 9 + [False]
    qmp = tmp_path / "qmp"
    machine = subprocess.Popen([*MACHINE, *words, "-qmp", f"unix:{qmp},server=on,wait=off"])
    try:
        found = query_pci(qmp)
        maps = pathlib.Path(f"/proc/{machine.pid}/maps").read_text()
    finally:
        machine.kill()
        machine.wait()
    assert [place for place in found if place[0] >= 16] == [(16 + n // 8, n % 8) for n in range(10)]
    assert len(found) == 11
    modes = {n: set() for n in range(10)}
    for line in maps.splitlines():
        for n in range(10):
            if line.endswith(f"/part-{n}"):
                modes[n].add(line.split()[1])
    assert modes == {n: {"rw-s" if n == 9 else "r--s"} for n in range(10)}
    assert (server.count("event=connect slot=9") == 1) == (not is_plain)

    for words, what in (
        ((), "give SLOT"),
        (("3",), "without a socket of its own the machine may get another slot"),
        (("9", "--libvirt"), "libvirt's shmem element opens no memory for reading alone"),
        (("77",), "no such slot"),
    ):
        done = args(*words)
        assert done.returncode == 1 and done.stdout == "" and what in done.stderr
        assert done.stderr.count("\n") == 1


def test_qemu_args_send_only(start, build, tmp_path):
    """Of the slots that the machine sends to it maps what is before the rings. R18.4."""
    bound = [f"--slot={name}={tmp_path}/{name}" for name in ("alpha", "beta")]
    server = start("--split", "--slots", 10, "--size", "8M", *bound)

    def args(*words):
        return subprocess.run(
            [build / "ivsh-server", "qemu-args", "-S", server.socket, *words],
            capture_output=True, text=True, timeout=10,
        )  # fmt: skip

    alpha = int(server.await_line("name=alpha").split(" slot=")[1].split()[0])
    beta = int(server.await_line("name=beta").split(" slot=")[1].split()[0])
    whole = os.stat(f"{server.socket}.split/part-0").st_size
    done = args("--send-only", "alpha", "beta", "5")
    assert (done.returncode, done.stderr) == (0, "")
    words = shlex.split(done.stdout)
    sizes = {}
    for word in words:
        if word.startswith("memory-backend-file"):
            options = dict(option.split("=", 1) for option in word.split(",")[1:])
            sizes[int(options["mem-path"].rsplit("-", 1)[1])] = int(options["size"])
    # 9 lines of 256 bytes behind 10240, in the part of an odd slot.
    assert sizes == {n: 16384 if n in (beta, 5) else whole for n in range(10)}
    qmp = tmp_path / "qmp"
    machine = subprocess.Popen([*MACHINE, *words, "-qmp", f"unix:{qmp},server=on,wait=off"])
    try:
        query_pci(qmp)
        maps = pathlib.Path(f"/proc/{machine.pid}/maps").read_text()
    finally:
        machine.kill()
        machine.wait()
    for n in range(10):
        spans = [line.split()[0] for line in maps.splitlines() if line.endswith(f"/part-{n}")]
        bytes_mapped = sum(int(b, 16) - int(a, 16) for a, b in (span.split("-") for span in spans))
        assert bytes_mapped == sizes[n]

    for words, status, what in (
        (("--send-only", "alpha"), 2, "give its SLOT, and then theirs"),
        (("--send-only", "alpha", "alpha"), 1, "the machine's own slot"),
        (("--send-only", "alpha", str(alpha)), 1, "the machine's own slot"),
        (("--send-only", "alpha", "gamma"), 1, "gamma: no such slot"),
        (("alpha", "beta"), 2, "one word too many"),
    ):
        done = args(*words)
        assert (done.returncode, done.stdout) == (status, "") and what in done.stderr
        assert done.stderr.count("\n") == 1


def test_qemu_args_send_only_of_one_memory(start, build, tmp_path):
    server = start("--slot", f"alpha={tmp_path}/a", "--slot", f"beta={tmp_path}/b")
    done = subprocess.run(
        [build / "ivsh-server", "qemu-args", "-S", server.socket, "--send-only", "alpha", "beta"],
        capture_output=True, text=True, timeout=10,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "the region is one memory" in done.stderr and done.stderr.count("\n") == 1


@as_root
def test_qemu_of_a_user(start, build, public):
    """QEMU that runs as the slot's user starts by the line, and cannot have more by another one."""
    server = start("--split", "--slots", 3, "--socket-mode", "0666", folder=public, *[
        word for name, user in (("a", ALICE), ("b", BOB))
        for word in ("--slot", f"{name}={public}/{name},user={user}")
    ])  # fmt: skip
    line = subprocess.run(
        [build / "ivsh-server", "qemu-args", "-S", server.socket, "a"],
        capture_output=True, text=True, timeout=10, check=True,
    ).stdout  # fmt: skip
    work = public / "work"
    work.mkdir()
    os.chown(work, ALICE, ALICE)
    prefix = ["setpriv", f"--reuid={ALICE}", f"--regid={ALICE}", "--clear-groups"]

    def run(words, name):
        qmp = work / name
        return qmp, subprocess.Popen(
            [*prefix, *MACHINE, *words, "-qmp", f"unix:{qmp},server=on,wait=off"],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    qmp, machine = run(shlex.split(line), "qmp")
    try:
        assert len(query_pci(qmp)) == 4
        assert f"uid={ALICE}" in server.await_line("event=connect slot=0")
    finally:
        machine.kill()
        machine.communicate(timeout=10)
    for slot in (1, 2):
        words = shlex.split(line)
        (at,) = [i for i, word in enumerate(words) if f"part-{slot}," in word]
        words[at] = words[at].replace("readonly=on,", "")
        _, machine = run(words, f"qmp{slot}")
        said = machine.communicate(timeout=10)[1]
        assert machine.returncode == 1 and "Permission denied" in said, said
    shutil.rmtree(work)


def test_qemu_args_of_many(start, build, tmp_path):
    """More parts than a PCI bus has functions."""
    arguments = ("--slots", 129, "--size", "512M", "-n", 1)
    server = start("--split", *arguments, "--slot", f"0={tmp_path}/a")
    done = subprocess.run(
        [build / "ivsh-server", "qemu-args", "-S", server.socket, "0"],
        capture_output=True, text=True, timeout=10,
    )  # fmt: skip
    assert done.returncode == 1 and "128 slots at most" in done.stderr
