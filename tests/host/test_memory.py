# SPDX-License-Identifier: MIT
"""test_memory.py - the region that the server formats, the server page in it, and its memory."""

import itertools
import os
import pathlib
import random
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

import pytest

from hugepages import POOL, alone
from rawclient import LIMIT, RawClient, is_over, take, until, within

HERE = pathlib.Path(__file__).parent
MAGIC = b"IVSHRGN\0"
PAGE = 4096  # the server page: epoch, heartbeat, change; connection words from 64 on
HEARTBEAT = 8192 + 8  # of slot 0


class Page:
    """The words of the server page, read through a client's memory."""

    def __init__(self, memory):
        self.memory = memory

    def word(self, offset):
        return struct.unpack_from("<I", self.memory, PAGE + offset)[0]

    epoch = property(lambda self: self.word(0))
    heartbeat = property(lambda self: self.word(4))
    change = property(lambda self: self.word(8))

    def connection(self, slot):
        return self.word(64 + 4 * slot)


def test_formatted(start):
    server = start()
    client = RawClient(server.socket)
    client.handshake(8, 2)
    memory = client.map()
    assert memory[:8] == MAGIC
    assert struct.unpack_from("<I", memory, 24)[0] == 8, "slots"
    page = Page(memory)
    assert page.epoch == int(server.field("epoch"), 16) != 0


def test_truncation_fails(start):
    server = start()
    client = RawClient(server.socket)
    client.handshake(8, 2)
    for size in (0, 4096, 8 << 20):
        with pytest.raises(PermissionError):
            os.ftruncate(client.memory, size)
    path = server.field("memory")
    assert os.stat(path).st_size == 4 << 20
    with pytest.raises(PermissionError):
        os.truncate(path, 0)


def test_connection_words(start):
    """SPEC R4.2."""
    server = start("--slots", 4)
    a = RawClient(server.socket)
    a.handshake(4, 2)
    page = Page(a.map())
    assert [page.connection(slot) for slot in range(4)] == [1, 0, 0, 0]
    changes = page.change
    assert take(a.eventfds[0][0], LIMIT) == 1, "of its own connection"

    b = RawClient(server.socket)
    b.handshake(4, 2)
    assert take(a.eventfds[0][0], LIMIT) == 1
    assert page.connection(1) == 1
    assert page.change == changes + 1

    b.close()
    assert take(a.eventfds[0][0], LIMIT) == 1
    assert page.connection(1) == 2
    assert page.change == changes + 2

    again = RawClient(server.socket)
    again.handshake(4, 2)
    assert take(a.eventfds[0][0], LIMIT) == 1
    assert [page.connection(slot) for slot in range(4)] == [1, 3, 0, 0]
    assert take(a.eventfds[0][1]) == 0, "vector 1 is not the server's"


def test_killed_client_is_seen_at_once(start):
    """A notification of vector 0 reports it: SPEC R8.4.1."""
    server = start("--slots", 4)
    a = RawClient(server.socket)
    a.handshake(4, 2)
    page = Page(a.map())
    assert take(a.eventfds[0][0], LIMIT) == 1
    code = "import sys, rawclient; rawclient.RawClient(sys.argv[1]).handshake(4, 2); input()"
    child = subprocess.Popen(
        [sys.executable, "-c", code, server.socket], cwd=HERE, stdin=subprocess.PIPE
    )
    try:
        assert take(a.eventfds[0][0], LIMIT) == 1
        assert page.connection(1) == 1
    finally:
        began = time.monotonic()
        child.kill()
    assert take(a.eventfds[0][0], LIMIT) == 1
    took = time.monotonic() - began
    child.wait()
    assert page.connection(1) == 2
    print(f"SIGKILL to notification: {took * 1e6:.0f} us")


def test_heartbeat(start):
    """Each 250 ms: since the server was started there are no more, and they go on."""
    began = time.monotonic()
    server = start()
    client = RawClient(server.socket)
    client.handshake(8, 2)
    page = Page(client.map())
    first = page.heartbeat
    until(lambda: page.heartbeat - first >= 8)
    last = page.heartbeat
    assert last <= (time.monotonic() - began) / 0.25 + 2

    def beat():
        at = page.heartbeat
        until(lambda: page.heartbeat != at)

    within(0.5, beat)


def test_scribbled_words_steer_nothing(start):
    """Any client can write the server page: the server continues from its own copies. SPEC R4.1."""
    server = start("--slots", 4)
    a = RawClient(server.socket)
    a.handshake(4, 2)
    memory = a.map()
    page = Page(memory)
    memory[0 : 2 * PAGE] = b"\xff" * (2 * PAGE)
    b = RawClient(server.socket)
    b.handshake(4, 2)
    assert b.id == 1
    assert page.connection(1) == 1
    until(lambda: 0 < page.heartbeat < 1000)


def test_scribbled_words_heal(start):
    """Each word is right again at the next heartbeat, whether its slot changes or not."""
    server = start("--slots", 4)
    a = RawClient(server.socket)
    a.handshake(4, 2)
    b = RawClient(server.socket)
    b.handshake(4, 2)
    b.close()
    memory = a.map()
    page = Page(memory)
    until(lambda: page.connection(1) == 2)
    words = [*range(0, 16, 4), *range(64, 64 + 4 * 256, 4)]
    right = {offset: page.word(offset) for offset in words if offset != 4}

    def heal(scribble):
        beat = page.heartbeat
        memory[PAGE : PAGE + 16] = scribble * 16
        memory[PAGE + 64 : PAGE + 64 + 1024] = scribble * 1024
        until(lambda: all(page.word(offset) == word for offset, word in right.items()))
        assert 0 < page.heartbeat - beat < 100

    for scribble in (b"\0", b"\xff", b"\x01"):
        within(1, lambda scribble=scribble: heal(scribble))


def test_restored_page_begins_an_epoch(start):
    """An earlier page of this server, or another server's, is what a snapshot or a migration leaves
    there: another epoch within two beats, and the connections as they are. SPEC R4.1.5."""
    server = start("--slots", 4)
    a = RawClient(server.socket)
    a.handshake(4, 2)
    memory = a.map()
    page = Page(memory)
    before = memory[PAGE : 2 * PAGE]
    b = RawClient(server.socket)
    b.handshake(4, 2)
    c = RawClient(server.socket)
    c.handshake(4, 2)
    c.close()
    until(lambda: page.connection(2) == 2)
    until(lambda: page.heartbeat > struct.unpack_from("<I", before, 4)[0])
    other = struct.pack("<IIII", 0x12345678, 77, 5, 2) + bytes(48) + struct.pack("<4I", 1, 1, 1, 1)
    epochs, turns = {page.epoch}, 0

    def restore(restored):
        """How long it takes until another epoch has begun."""
        time.sleep(1)  # at most one epoch in a second
        take(a.eventfds[0][0])
        memory[PAGE : PAGE + len(restored)] = restored
        began = time.monotonic()
        until(lambda: page.epoch not in (0, 0x12345678, *epochs))
        epochs.add(page.epoch)
        return time.monotonic() - began

    for restored in (before, other):
        turns += 1
        while restore(restored) > 0.8:  # others may have the processors
            turns += 1
            assert turns < 20
        until(lambda: [page.connection(slot) for slot in range(4)] == [1, 1, 2, 0])
        assert page.epoch == int(server.status("server")[0]["epoch"], 16)
        assert take(a.eventfds[0][0], LIMIT) > 0, "all connected slots are notified"
    server.await_line("event=epoch ", turns)
    assert server.count("event=epoch ") == turns == len(epochs) - 1
    d = RawClient(server.socket)
    d.handshake(4, 2)
    until(lambda: page.connection(2) == 3)


def test_epochs_are_bounded(start):
    """A peer that restores the page again and again costs one epoch in a second. SPEC R4.1.5."""
    server = start("--slots", 4)
    a = RawClient(server.socket)
    a.handshake(4, 2)
    memory = a.map()
    page = Page(memory)
    restored = memory[PAGE : 2 * PAGE]
    until(lambda: page.heartbeat > struct.unpack_from("<I", restored, 4)[0])
    began = time.monotonic()
    while time.monotonic() - began < 3.2 or server.count("event=epoch ") < 2:
        assert time.monotonic() - began < LIMIT
        memory[PAGE : 2 * PAGE] = restored
        time.sleep(0.02)
    count = server.count("event=epoch ")
    assert count <= time.monotonic() - began + 1
    # What is restored within that second is not forgotten, either.
    seen = {0, struct.unpack_from("<I", restored)[0]}
    until(lambda: page.epoch not in seen)
    for _ in range(4):
        seen.add(page.epoch)
        memory[PAGE : 2 * PAGE] = restored
        until(lambda: page.epoch not in seen)
    server.await_line("event=epoch ", count + 3)
    assert page.epoch == int(server.status("server")[0]["epoch"], 16)


def test_epoch_differs_and_ends(start):
    epochs = set()
    for _ in range(3):
        server = start()
        client = RawClient(server.socket)
        client.handshake(8, 2)
        page = Page(client.map())
        epochs.add(page.epoch)
        assert server.stop() == 0
        assert page.epoch == 0, "a server that ends says so"
    assert len(epochs) == 3


def test_raw_writes_nothing(start, tmp_path):
    path = tmp_path / "memory"
    pattern = random.Random(1).randbytes(1 << 16) * 16
    path.write_bytes(pattern)
    path.chmod(0o600)
    server = start("--raw", "--file", path, "-l", "1M")
    for _ in range(5):
        client = RawClient(server.socket)
        client.handshake(8, 2)
        assert take(client.eventfds[0][0], 0.02) == 0, "no notifications either"
        client.close()
    time.sleep(0.3)  # more than one heartbeat
    assert server.stop() == 0
    assert path.read_bytes() == pattern


def test_raw_memory_is_zero(start):
    server = start("--raw", "-l", "1M")
    client = RawClient(server.socket)
    client.handshake(8, 2)
    time.sleep(0.3)
    assert client.map()[:] == bytes(1 << 20)


def test_foreign_content_is_refused(fails, tmp_path):
    path = tmp_path / "memory"
    path.write_bytes(b"precious" + bytes((4 << 20) - 8))
    path.chmod(0o600)
    status, lines = fails("--file", path)
    assert status == 1
    assert len(lines) == 1 and "holds something else" in lines[0] and str(path) in lines[0]
    assert path.read_bytes()[:8] == b"precious"


def test_region_survives_a_killed_server(start, tmp_path):
    """The file of a region without living peers is kept: a new epoch, all connections unknown."""
    path = tmp_path / "memory"
    server = start("--file", path)
    client = RawClient(server.socket)
    client.handshake(8, 2)
    generation = bytes(client.map()[40:48])
    client.map()[3 << 20] = 55
    epoch = Page(client.map()).epoch
    server.stop(signal.SIGKILL)
    client.close()
    again = start("--file", path)
    assert again.field("kept") == "1"
    client = RawClient(again.socket)
    client.handshake(8, 2)
    memory = client.map()
    assert memory[40:48] == generation and memory[3 << 20] == 55
    page = Page(memory)
    assert page.epoch not in (0, epoch)
    assert [page.connection(slot) for slot in range(8)] == [1] + [0] * 7


@pytest.mark.parametrize("version,features", [(1, 0), (3, 0), (2, 4)])
def test_region_of_another_version_is_refused(start, fails, tmp_path, version, features):
    """With both numbers, and nothing is written. SPEC R3.6.4."""
    path = tmp_path / "memory"
    start("--file", path).stop(signal.SIGKILL)
    content = path.read_bytes()
    content = content[:8] + struct.pack("<II", version, features) + content[16:]
    path.write_bytes(content)
    status, lines = fails("--file", path)
    assert status == 1 and len(lines) == 1
    assert (
        f"{path}: holds a region of version {version}, features {features:#x}; this server knows"
        " version 2, features 0x1: remove it" in lines[0]
    )
    assert path.read_bytes() == content


def test_region_with_a_living_peer_is_refused(start, fails, tmp_path):
    """A region with a heartbeat that changes is refused: its peers have another server."""
    path = tmp_path / "memory"
    server = start("--file", path)
    client = RawClient(server.socket)
    client.handshake(8, 2)
    memory = client.map()
    server.stop(signal.SIGKILL)
    ended = threading.Event()

    def live():
        for beat in itertools.count(1):
            struct.pack_into("<I", memory, HEARTBEAT, beat)
            if ended.wait(0.1):
                return

    peer = threading.Thread(target=live)
    peer.start()
    try:
        status, lines = fails("--file", path)
    finally:
        ended.set()
        peer.join()
    assert status == 1
    assert len(lines) == 1 and "heartbeats move" in lines[0]


def test_region_of_other_slots_is_refused(start, fails, tmp_path):
    path = tmp_path / "memory"
    path.write_bytes(b"")
    path.chmod(0o600)
    start("--file", path, "--slots", 4).stop()
    status, lines = fails("--file", path)
    assert status == 1 and "of 4 slots, 8 are asked for" in lines[0]


def test_truncated_named_object_does_not_end_the_server(start, tmp_path):
    """A file has no seals: the server gives up its page, and continues to serve its sockets."""
    path = tmp_path / "memory"
    server = start("--file", path)
    os.truncate(path, 0)
    time.sleep(0.6)  # two heartbeats
    client = RawClient(server.socket)
    client.handshake(8, 2)
    assert client.id == 0
    assert server.stop() == 0


# --- Permissions --------------------------------------------------------------------------------

GROUP = 12345  # a number that no group needs to have


def named(kind, tmp_path):
    """(the option, the path) of a named memory."""
    if kind == "shm":
        name = f"ivsh-test-{os.getpid()}"
        return ("-M", name), pathlib.Path("/dev/shm") / name
    return ("--file", tmp_path / "memory"), tmp_path / "memory"


def owner(path):
    stat = os.stat(path)
    return stat.st_mode & 0o7777, stat.st_gid


@pytest.mark.parametrize("kind", ["shm", "file"])
@pytest.mark.parametrize(
    "arguments,mode,group",
    [
        ((), 0o600, None),
        (("--memory-mode", "0660"), 0o660, None),
        (("--memory-mode", "0"), 0, None),
        (("--memory-mode", "777"), 0o777, None),
        (("--memory-group", GROUP), 0o600, GROUP),
        (("--memory-mode", "0640", "--memory-group", GROUP), 0o640, GROUP),
    ],
)
def test_mode_and_group(start, tmp_path, kind, arguments, mode, group):
    """The mode of what the server makes does not depend on umask."""
    if group is not None and os.geteuid() != 0:
        group = os.getgid()
        arguments = [group if word == GROUP else word for word in arguments]
    option, path = named(kind, tmp_path)
    server = start(*option, *arguments, prefix=("sh", "-c", 'umask 077; exec "$@"', "sh"))
    assert owner(path) == (mode, os.getegid() if group is None else group)
    assert server.stop() == 0
    assert not path.exists()


@pytest.fixture(params=["shm", "file"])
def existing(request, tmp_path):
    """existing(mode, owner, group, size): (the option, its path)."""
    option, path = named(request.param, tmp_path)

    def make(mode, user=-1, group=-1, size=0):
        path.write_bytes(bytes(size))
        os.chown(path, user, group)
        path.chmod(mode)
        return option, path

    yield make
    path.unlink(missing_ok=True)


@pytest.mark.parametrize("size", [0, 4 << 20])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o660])
def test_mode_of_what_exists_stays(start, existing, mode, size):
    option, path = existing(mode, size=size)
    before = owner(path)
    start(*option, "--memory-mode", "0660", "--memory-group", os.getegid()).stop()
    assert owner(path) == before and path.exists()


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several users")


@pytest.mark.parametrize("size", [0, 4 << 20])
@pytest.mark.parametrize(
    "state,arguments,what",
    [
        pytest.param({"mode": 0o600, "user": GROUP}, (), "belongs to user 12345", marks=as_root),
        pytest.param(
            {"mode": 0o660, "user": GROUP}, ("--memory-mode", "0660"), "user 12345", marks=as_root
        ),
        ({"mode": 0o666}, (), "has mode 0666, open to more than 0600"),
        ({"mode": 0o604}, (), "has mode 0604"),
        ({"mode": 0o666}, ("--memory-mode", "0660"), "more than 0660"),
        ({"mode": 0o640}, ("--memory-mode", "0600"), "has mode 0640"),
        pytest.param(
            {"mode": 0o660, "group": GROUP},
            ("--memory-mode", "0660"),
            "is open to group 12345",
            marks=as_root,
        ),
        pytest.param(
            {"mode": 0o660, "group": GROUP},
            ("--memory-mode", "0660", "--memory-group", "54321"),
            "is open to group 12345",
            marks=as_root,
        ),
    ],
)
def test_what_others_can_open(fails, start, existing, state, arguments, what, size):
    """The server refuses it and does not change it; with --memory-as-is it uses it."""
    option, path = existing(size=size, **state)
    before = (owner(path), path.read_bytes())
    for more in ((), ("--raw",)):
        status, lines = fails(*option, *arguments, *more)
        assert status == 1 and len(lines) == 1, lines
        assert str(path) in lines[0] and what in lines[0] and "--memory-as-is" in lines[0]
        assert (owner(path), path.read_bytes()) == before
    server = start(*option, *arguments, "--memory-as-is")
    RawClient(server.socket).handshake(8, 2)
    assert server.stop() == 0
    assert owner(path) == before[0]


@as_root
def test_access_control_list(fails, tmp_path):
    """An access list lets in more users than the mode shows. acl(5): version 2, one more user."""
    path = tmp_path / "memory"
    path.write_bytes(b"")
    path.chmod(0o660)
    entries = [(1, 6, -1), (2, 6, GROUP), (4, 6, -1), (16, 6, -1), (32, 0, -1)]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    os.setxattr(path, "system.posix_acl_access", acl)
    status, lines = fails("--file", path, "--memory-mode", "0660")
    assert status == 1 and len(lines) == 1 and "access control list" in lines[0]


@as_root
@pytest.mark.parametrize("user", [GROUP, 0])
def test_root_s_is_as_good_as_ours(build, tmp_path, user):
    folder = tmp_path / "folder"
    folder.mkdir()
    for path in (folder, tmp_path, *list(tmp_path.parents)[:2]):
        path.chmod(0o755)
    os.chown(folder, GROUP, GROUP)
    memory = folder / "memory"
    memory.write_bytes(b"")
    os.chown(memory, user, GROUP)
    memory.chmod(0o660)
    command = ["setpriv", f"--reuid={GROUP}", f"--regid={GROUP}", "--clear-groups"]
    command += [build / "ivsh-server", "-S", folder / "s", "--file", memory]
    with subprocess.Popen([*command, "--memory-mode", "0660"], stderr=subprocess.PIPE) as server:
        assert b"event=ready" in server.stderr.readline()
        server.terminate()
        server.communicate(timeout=LIMIT)


def test_two_servers_at_once(build, existing):
    """One of two servers formats and serves the memory; the other prints the reason why not."""
    option, path = existing(0o600)
    for _ in range(10):
        for empty in (True, False):
            if empty:
                path.write_bytes(b"")
                path.chmod(0o600)
            else:
                path.unlink()
            race(build, option, path)
            assert path.exists() == empty


def race(build, option, path):
    with tempfile.TemporaryDirectory() as name:
        servers = [
            subprocess.Popen(
                [build / "ivsh-server", "-S", f"{name}/{i}", *map(str, option)],
                stderr=subprocess.PIPE,
                text=True,
            )
            for i in range(2)
        ]
        try:
            until(lambda: any(server.poll() == 1 for server in servers))
            loser = next(server for server in servers if server.poll() == 1)
            winner = next(server for server in servers if server is not loser)
            lines = loser.stderr.read().splitlines()
            assert len(lines) == 1 and f"{path}: is in use: another server" in lines[0], lines
            assert "event=ready" in winner.stderr.readline()
        finally:
            for server in servers:
                server.terminate()
                server.communicate(timeout=LIMIT)
        assert winner.returncode == 0


def test_lock_outlasts_every_change(start, fails, existing):
    """The lock survives servers and the supervisor, and no client has it."""
    option, path = existing(0o600)
    server = start(*option, "--raw")
    client = RawClient(server.socket)
    client.handshake(8, 2)

    def is_held():
        status, lines = fails(*option, "--raw", socket="t")
        assert status == 1 and len(lines) == 1 and f"{path}: is in use" in lines[0]
        return True

    assert is_held()
    server.kill_serving()
    assert is_held()
    server.reload()
    assert is_held()
    os.kill(server.supervisor, signal.SIGKILL)
    server.await_line("supervisor-gone")
    assert is_held()
    os.kill(server.serving, signal.SIGKILL)
    until(lambda: is_over(server.serving))
    server.stop()
    again = start(*option, "--raw")
    assert again.stop() == 0, "the client's descriptor holds nothing"


def test_group_that_is_not_ours_to_give(fails, tmp_path):
    """The server prints one line, and leaves no file."""
    prefix = ("setpriv", "--bounding-set=-chown") if os.geteuid() == 0 else ()
    arguments = ("--file", tmp_path / "memory", "--memory-group", GROUP)
    status, lines = fails(*arguments, prefix=prefix)
    assert status == 1
    assert lines == [
        f"ivsh-server: {tmp_path}/memory: cannot give it to the group: Operation not permitted"
    ]
    assert os.listdir(tmp_path) == []


# --- Huge pages ---------------------------------------------------------------------------------

def pool(what="free_hugepages"):
    return int((POOL / what).read_text())


@pytest.fixture
def huge_pages():
    """Pages of 2M for this test: huge_pages(count). Other programs may use some, too; no test."""
    added = []

    def add(count):
        try:
            before = pool("nr_hugepages")
            (POOL / "nr_hugepages").write_text(str(before + count))
        except OSError as error:
            pytest.skip(f"nobody can give this machine huge pages: {error}")
        added.append(pool("nr_hugepages") - before)
        if added[-1] < count:
            pytest.skip(f"this machine's memory has only {added[-1]} of {count} huge pages left")

    with alone():
        yield add
        if added:
            (POOL / "nr_hugepages").write_text(str(max(0, pool("nr_hugepages") - sum(added))))


@pytest.fixture
def huge_mount(huge_pages, tmp_path):
    """A hugetlbfs: huge_mount(count, options) returns its folder."""
    folder = tmp_path / "huge"
    mounted = []

    def mount(count, options="pagesize=2M"):
        huge_pages(count)
        folder.mkdir()
        command = ["mount", "-t", "hugetlbfs", "-o", options, "none", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"this machine lets nobody mount a hugetlbfs: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for path in mounted:
        subprocess.run(["umount", "-l", str(path)], check=True)


def test_hugetlb(start, huge_pages):
    """Two pages are allocated at the start, sealed, and released at the end."""
    huge_pages(2)
    free = pool()
    server = start("--hugetlb", "2M")
    assert pool() == free - 2
    client = RawClient(server.socket)
    client.handshake(8, 2)
    assert os.fstatvfs(client.memory).f_bsize == 2 << 20
    memory = client.map()
    assert memory[:8] == MAGIC
    memory[3 << 20] = 1
    for size in (0, 2 << 20, 8 << 20):
        with pytest.raises(PermissionError):
            os.ftruncate(client.memory, size)
    with pytest.raises(PermissionError):
        os.posix_fallocate(client.memory, 4 << 20, 2 << 20)
    memory.close()
    client.close()
    assert server.stop() == 0
    until(lambda: pool() == free)


def test_hugetlb_raw_with_mode(start, huge_pages):
    huge_pages(1)
    server = start("--hugetlb", "2M", "-l", "2M", "--raw", "--memory-mode", "0640")
    assert owner(server.field("memory"))[0] == 0o640


@pytest.mark.parametrize(
    "arguments,path",
    [
        (("-m", "{}"), "{}/ivsh-"),
        (("--file", "{}/memory"), "{}/memory"),
    ],
)
def test_huge_directory(start, huge_mount, arguments, path):
    folder = huge_mount(2)
    free = pool()
    server = start(*[word.format(folder) for word in arguments])
    assert pool() == free - 2
    assert not any("no-hugetlbfs" in line for line in server.lines)
    client = RawClient(server.socket)
    client.handshake(8, 2)
    assert os.fstatvfs(client.memory).f_bsize == 2 << 20
    client.close()
    assert server.stop() == 0
    assert os.listdir(folder) == []
    until(lambda: pool() == free)


@pytest.mark.parametrize("arguments", [("-m", "{}"), ("--file", "{}/memory")])
def test_huge_directory_lacks_pages(fails, huge_mount, arguments):
    """The error says how many are missing and where to add more; the pages it got are released."""
    folder = huge_mount(1)
    free = pool()
    status, lines = fails("-l", "1T", "--raw", *[word.format(folder) for word in arguments])
    assert status == 1 and len(lines) == 1
    assert f": huge pages of 2048 kB: 524288 needed, {free} free: raise " in lines[0]
    assert f"{POOL}/nr_hugepages" in lines[0]
    assert os.listdir(folder) == []
    assert pool() == free


def test_huge_directory_with_a_limit(fails, huge_mount):
    folder = huge_mount(4, "pagesize=2M,size=4M")
    status, lines = fails("-l", "8M", "-m", folder)
    assert status == 1 and len(lines) == 1
    assert "huge pages of 2048 kB: 4 needed, and the mount has room for 2: " in lines[0]


def test_hugetlb_lacks_pages(fails, huge_pages):
    """Without a given number of pages: a terabyte is more than the machine has."""
    if not POOL.exists():
        pytest.skip("this kernel has no huge pages of 2M")
    free = pool()
    status, lines = fails("-l", "1T", "--raw", "--hugetlb", "2M")
    assert status == 1 and len(lines) == 1
    assert lines[0].startswith("ivsh-server: memfd: cannot allocate 1099511627776 bytes: ")
    assert f"524288 needed, {free} free: raise {POOL}/nr_hugepages" in lines[0]
    assert pool() == free


def test_hugetlb_of_no_such_size(fails):
    """No architecture has pages of 2G."""
    status, lines = fails("-l", "4G", "--raw", "--hugetlb", "2G")
    assert status == 1 and len(lines) == 1
    assert lines[0].startswith("ivsh-server: memfd: huge pages of 2097152 kB: ")


def test_ordinary_directory_is_allowed_and_logged(start, tmp_path):
    server = start("-m", tmp_path)
    assert f"directory={tmp_path}" in server.await_line("what=no-hugetlbfs")
    client = RawClient(server.socket)
    client.handshake(8, 2)
    assert client.map()[:8] == MAGIC
