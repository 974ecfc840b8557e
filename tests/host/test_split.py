# SPDX-License-Identifier: MIT
"""test_split.py - split regions on the host: their files, and peers without and with a server."""

import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import tempfile

import pytest

from peertool import DONE, FAILED, NO_DEVICE, NO_PEER, STOPPED, USAGE, finish
from rawclient import until

PART_MAGIC = b"IVSHPRT\0"


def make(at, path, slots=2, size="1M"):
    """The folder of a split region."""
    assert at().run("mem", "create", "--split", path, size, f"--slots={slots}")[0] == DONE
    return path


@pytest.fixture
def folder(at, tmp_path):
    return make(at, tmp_path / "split")


def one_line(at, words, status, text):
    """A command that fails with one line."""
    got, output, errors = at().run(*words)
    assert (got, output, len(errors)) == (status, b"", 1), (got, output, errors)
    assert text in errors[0]


def header(path):
    """The words of a part's, or the common, header: SPEC 3, 17."""
    names = "magic version features size slots descs small large format_id log slot".split()
    return dict(zip(names, struct.unpack("<8sIIQIIIIQII", path.read_bytes()[:0x38])))


@pytest.mark.parametrize("slots, size", [(2, "1M"), (3, "768K"), (16, "16M")])
def test_create(at, tmp_path, slots, size):
    folder = tmp_path / "split"
    words = ("mem", "create", "--split", f"{folder}/", size, f"--slots={slots}", "--json")
    status, output, errors = at().run(*words)
    assert (status, errors) == (DONE, [])
    made = json.loads(output)
    assert sorted(os.listdir(folder)) == sorted(["common"] + [f"part-{i}" for i in range(slots)])
    assert os.stat(folder).st_mode & 0o777 == 0o711
    total = int(size[:-1]) << {"K": 10, "M": 20}[size[-1]]
    common = header(folder / "common")
    assert (common["magic"], common["features"] & 2, common["size"]) == (b"IVSHRGN\0", 2, 8192)
    for i in range(slots):
        path = folder / f"part-{i}"
        part, st = header(path), path.stat()
        assert (st.st_mode & 0o777, st.st_nlink) == (0o600, 1)
        assert st.st_blocks * 512 >= st.st_size  # a peer dies of a page that no disk has
        assert st.st_size == made["part_bytes"] <= total // slots < 2 * st.st_size
        assert (part["magic"], part["slot"]) == (PART_MAGIC, i)
        assert st.st_size // 2 < part["size"] <= st.st_size
        for name in ("version", "features", "slots", "descs", "small", "large", "format_id"):
            assert part[name] == common[name]
    assert (common["slots"], common["log"]) == (slots, made["log_bytes"])


def test_create_by_a_geometry(at, tmp_path):
    """It gets less than the file asks for, and says how much would be enough: that it is."""
    file = tmp_path / "rings.geo"
    file.write_text("descs = 128\nsmall-size = 16K\nlarge-size = 64K\n")
    words = ("mem", "create", "--split", "--geometry", file, "--slots=4", "--log-size=4K")
    status, output, errors = at().run(*words, tmp_path / "few", "256K")
    assert (status, len(errors)) == (DONE, 1)
    assert "rings of 128 descriptors, 16384 + 65536 bytes" not in output.decode()
    enough = re.search(r"256K of memory: .*; for all of it give (\S+)$", errors[0])
    status, output, errors = at().run(*words, tmp_path / "enough", enough[1])
    assert (status, errors) == (DONE, [])
    assert "128 descriptors, 16384 + 65536 bytes, logs of 4096" in output.decode()


def test_create_that_is_stopped(at, tmp_path):
    """It leaves nothing behind. Of tmpfs: allocating takes a while there."""
    folder = pathlib.Path(f"/dev/shm/ivsh-test-split-{os.getpid()}")
    file = tmp_path / "rings.geo"
    file.write_text("descs = 32K\nsmall-size = 128M\nlarge-size = 128M\n")
    free = os.statvfs("/dev/shm")
    size = min(4 << 30, 1 << (free.f_bavail * free.f_frsize).bit_length() - 2)
    words = ("mem", "create", "--split", folder, size, "--slots=4", "--geometry", file)
    for _ in range(10):
        create = at().start(*words)
        try:
            until(lambda: folder.exists() or create.poll() is not None)
            create.send_signal(signal.SIGTERM)
            status, output, errors = finish(create)
            if status == STOPPED:
                assert (output, errors[-1], folder.exists()) == (b"", "ivsh: stopped", False)
                break
            assert status == DONE  # it was made before the signal came
        finally:
            if folder.exists():
                at().run("mem", "rm", "--force", folder)
    # A small one is made before each signal.
    assert status == STOPPED or size < 1 << 30


def test_create_refused(at, tmp_path, folder):
    create = ("mem", "create", "--split")
    one_line(at, (*create, folder), FAILED, f"{folder}: exists: remove it, or give another name")
    one_line(at, (*create, tmp_path / "n" / "n"), FAILED, "No such file or directory")
    few = "61440 bytes are too few for 3 slots: 196608 are needed (fewer --slots need less)"
    one_line(at, (*create, tmp_path / "n", "60K", "--slots=3"), USAGE, few)
    one_line(at, (*create, tmp_path / "n", "4X"), USAGE, "4X: not a size")
    one_line(at, (*create, tmp_path / "n", "1M", "x"), USAGE, "x: one word too many")
    one_line(at, ("mem", "create", tmp_path / "n"), USAGE, "or create --split DIR [SIZE]")
    one_line(at, ("mem", "info", "--split", folder), USAGE, "--split means nothing here")
    assert sorted(os.listdir(tmp_path)) == ["split"]


def info(at, path):
    status, output, errors = at().run("mem", "info", path)
    assert (status, errors) == (DONE, [])
    return output.decode().splitlines()


def test_info(at, folder):
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in sorted(folder.iterdir())]
    lines = info(at, folder)
    size = (folder / "part-0").stat().st_size
    assert re.fullmatch(
        rf"memory: {folder}: {2 * size + 8192} bytes, \d+ of them allocated, mode 0711, user"
        rf" {os.getuid()}", lines[0]
    )  # fmt: skip
    assert lines[1:3] == [
        f"part {i}: {size} bytes, mode 0600, user {os.getuid()}" for i in range(2)
    ]
    assert re.match(r"region: version 2, .* 2 slots, .* format 0x[0-9a-f]{16}", lines[3])
    assert lines[4:6] == ["server: none", "slots: 0 of 2 were ever used"]
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in sorted(folder.iterdir())] == (
        before
    )


def damaged(path, offset, value):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(value)


NOT_USED = "not used: its header is not that of this slot in this region"


@pytest.mark.parametrize(
    "change, line",
    [
        (lambda part: part.unlink(), "part 1: missing"),
        (lambda part: os.truncate(part, 100), "no memory: that is a file of at least 4096 bytes"),
        (lambda part: damaged(part, 0x28, bytes(8)), NOT_USED),  # another format_id
        (lambda part: damaged(part, 0x34, bytes(4)), NOT_USED),  # says that it is of slot 0
        (lambda part: damaged(part, 0, b"x"), NOT_USED),
        (lambda part: os.truncate(part, 4096), NOT_USED),
        (lambda part: os.truncate(part, 16384), "cut off: no peer can have that slot"),
    ],
    ids=["missing", "short", "foreign", "doubled", "no magic", "a header", "cut"],
)
def test_info_of_a_damaged_part(at, folder, change, line):
    change(folder / "part-1")
    lines = info(at, folder)
    assert lines[2].startswith("part 1: ") and lines[2].endswith(line)
    assert not [text for text in lines if text.startswith("part 0") and "not used" in text]
    said = json.loads(at().run("mem", "info", "--json", folder)[1].splitlines()[0])
    assert [part["fault"] is None for part in said["parts"]] == [True, False]


def test_info_of_what_is_none(at, folder, tmp_path):
    assert "region: split: give the folder that it is in" in info(at, folder / "common")
    (folder / "common").unlink()
    assert "region: none: the file common is missing" in info(at, folder)
    none = "no split region: such a folder has the files common and part-N"
    one_line(at, ("mem", "info", tmp_path), FAILED, f"{tmp_path}: {none}")


@pytest.mark.parametrize("without", ["", "common", "part-0"])
def test_rm(at, folder, without):
    """Also of what a create that was killed has left."""
    if without:
        (folder / without).unlink()
    assert at().run("mem", "rm", f"{folder}/") == (
        DONE, f"mem: {folder}: removed\n".encode(), []
    )  # fmt: skip
    assert not os.path.lexists(folder)


def test_rm_refuses(at, folder, tmp_path):
    """Nothing of the folder goes, if not all of it may."""
    remove = ("mem", "rm", folder)
    before = sorted(os.listdir(folder))
    (folder / "notes").touch()
    one_line(at, remove, FAILED, "has notes, which is none of a split region's files")
    (folder / "notes").unlink()
    (tmp_path / "link").symlink_to(folder)
    one_line(at, ("mem", "rm", tmp_path / "link"), FAILED, "a link: give the file that it leads")
    damaged(folder / "part-1", 0, b"text")
    one_line(at, remove, FAILED, "part-1: no part of a region: give --force if its slot damaged")
    assert sorted(os.listdir(folder)) == before
    (folder / "part-1").rename(tmp_path / "kept")
    (folder / "part-1").symlink_to(tmp_path / "kept")
    one_line(at, (*remove, "--force"), FAILED, "part-1: no part of a region")
    (folder / "part-1").unlink()
    (tmp_path / "kept").rename(folder / "part-1")
    assert at().run(*remove, "--force")[0] == DONE


# --- Peers ---------------------------------------------------------------------------------------


@pytest.fixture(params=["folder", "server"])
def region(request, at, start, tmp_path):
    """region(slots): peers of a split region, and what each needs to have a slot of it."""

    def make_region(slots, size="1M"):
        folder = tmp_path / "split"
        if request.param == "folder":
            make(at, folder, slots, size)
            return at("-f", folder), folder, lambda slot: (f"--slot={slot}",)
        server = start("--split", "--file", folder, "--slots", slots, "-l", size)
        peers = at("-S", server.socket)
        peers.server = server
        return peers, folder, lambda slot: ()

    return make_region


@pytest.mark.parametrize("slots, size, count", [(2, "1M", 2000), (16, "16M", 30)])
def test_all_exchange(region, slots, size, count):
    """Each message of each sender comes to each receiver, whole and once: stress checks it."""
    peers, _, slot_of = region(slots, size)
    words = ("stress", f"--count={count}", f"--peers={slots - 1}", "--quiet", "--timeout=60")
    running = [peers.start(*words, *slot_of(slot)) for slot in range(slots)]
    for slot, process in enumerate(running):
        status, output, errors = finish(process)
        assert (status, errors) == (DONE, []), (slot, output)
        messages = count * (slots - 1)
        line = rb"in %d messages, .* in %d: every byte verified" % (messages, messages)
        assert re.search(line, output), output


def test_commands(region, tmp_path):
    """What one region has: names, services, files, logs, metrics, the doorbells of a server."""
    peers, folder, slot_of = region(3, "2M")
    peers.echo("--name=alpha", *slot_of(0))
    status, output, errors = peers.run("ping", "alpha", "--count=20", *slot_of(1))
    assert (status, errors) == (DONE, []) and b"20 round trips" in output
    data = os.urandom(300_000)
    (tmp_path / "in").write_bytes(data)
    get = peers.start("get", "2", tmp_path / "out", *slot_of(1))
    put = peers.run("put", "1", tmp_path / "in", *slot_of(2))
    assert (finish(get)[0], put[0]) == (DONE, DONE)
    assert (tmp_path / "out").read_bytes() == data
    peers.await_row("alpha")
    until(lambda: peers.count("alpha", "received") == 20)
    lines, rows = peers.ls()
    assert rows[0]["name"] == "alpha"
    assert lines[0].startswith("region: version 2")
    assert peers.run("info")[0] == DONE
    # An observer of the files sees the same, and needs no server.
    status, output, errors = peers.run("ls", place=("-f", folder))
    assert (status, errors) == (DONE, []) and b"alpha" in output


@pytest.mark.parametrize("place", ["server", "folder"])
def test_conformance(start, build, folder, place):
    """The transport keeps its contract, and stores into the own part alone."""
    words = ["--slot=1", f"--file={folder}"]
    if place == "server":
        words = ["--vectors=2", start("--split", "-n", 2).socket]
    before = (folder / "part-0").read_bytes(), (folder / "common").read_bytes()
    done = subprocess.run(
        [build / "conformance", *words], capture_output=True, text=True, timeout=60, check=True
    )
    assert "BROKEN" not in done.stdout and "M1.2: the whole memory can be loaded" in done.stdout
    assert (": skipped" in re.search("M1.2.*", done.stdout)[0]) is False
    assert ((folder / "part-0").read_bytes(), (folder / "common").read_bytes()) == before


def test_parts_are_mapped_as_they_may_be(region):
    """Of another's part a process has neither a mapping nor a descriptor that it can write."""
    peers, folder, slot_of = region(3, "2M")
    echo = peers.echo(*slot_of(0))
    writable, seen = set(), set()
    for line in pathlib.Path(f"/proc/{echo.pid}/maps").read_text().splitlines():
        for path in folder.iterdir():
            if line.endswith(str(path)):
                seen.add(path.name)
                if "w" in line.split()[1]:
                    writable.add(path.name)
    assert writable == {"part-0"} and seen >= {"part-0", "part-1", "part-2"}
    for fd in pathlib.Path(f"/proc/{echo.pid}/fd").iterdir():
        target = pathlib.Path(os.readlink(fd))
        if target.parent == folder and target.name != "part-0":
            flags = pathlib.Path(f"/proc/{echo.pid}/fdinfo/{fd.name}").read_text()
            assert int(re.search(r"flags:\s+(\d+)", flags)[1], 8) & 3 == os.O_RDONLY


NONE = "is not there, or cannot be read"
OTHER = "has a header that is not that of this slot in this region, or is too short"


@pytest.mark.parametrize(
    "change, text",
    [
        (lambda part: part.unlink(), NONE),
        (lambda part: os.truncate(part, 0), NONE),
        (lambda part: os.truncate(part, 4096), OTHER),
        (lambda part: damaged(part, 0x28, bytes(8)), OTHER),
        (lambda part: damaged(part, 0x34, bytes(4)), OTHER),
        (lambda part: damaged(part, 0, b"x"), "has no header of a part"),
    ],
    ids=["missing", "empty", "a header", "foreign", "doubled", "no magic"],
)
def test_damaged_part(at, tmp_path, change, text):
    """It is named in one line; its slot can have no peer, and all others go on."""
    folder = make(at, tmp_path / "split", 3)
    change(folder / "part-1")
    peers = at("-f", folder)
    about = f"ivsh: {folder}: the part of slot 1 {text}: "
    status, output, errors = peers.run("echo", "--slot=1")
    assert (status, output, len(errors)) == (FAILED, b"", 1)
    assert errors[0] == about + "no peer can have that slot" or (
        "the part of this slot, 1, has not the " in errors[0]
    )
    peers.echo("--slot=0")
    status, output, errors = peers.run("ping", "0", "--slot=2", "--count=3")
    assert (status, errors) == (DONE, [about + "this peer does without that slot"])
    status, output, errors = peers.run("send", "1", "text", "--slot=2", "--timeout=0.2")
    assert status != DONE and len(errors) == 2 and errors[0].startswith(about)
    status, output, errors = peers.run("ls")
    assert (status, len(errors)) == (DONE, 1)
    assert errors[0].startswith((about, f"ivsh: {folder}/part-1: "))


def test_damaged_part_of_streams(at, tmp_path):
    """cat, serve and forward say the same, though they have the library between."""
    folder = make(at, tmp_path / "split", 3)
    (folder / "part-1").unlink()
    words = ("cat", "0:data", "--timeout=0.2")
    none = f"{folder}: the part of slot 1 is missing, or is none of this region"
    one_line(at, ("-f", folder, *words, "--slot=1"), FAILED, none)
    status, output, errors = at("-f", folder).run(*words, "--slot=2")
    assert (status, output, len(errors)) == (NO_PEER, b"", 2)
    left = f"the part of slot 1 {NONE}: this peer does without that slot"
    assert errors[0] == f"ivsh: {folder}: {left}"


def test_part_that_is_cut(at, tmp_path):
    """What its peer reads of others is there: others can send to it, and are told that no more."""
    folder = make(at, tmp_path / "split", 3)
    os.truncate(folder / "part-1", 16384)
    peers = at("-f", folder)
    one_line(at, ("-f", folder, "echo", "--slot=1"), FAILED,
             "the part of this slot, 1, has not the ")  # fmt: skip
    status, output, errors = peers.run("ls")
    assert (status, errors) == (
        DONE,
        [f"ivsh: {folder}: the part of slot 1 has its first 16384 bytes alone: nothing comes from"
         " that slot"],
    )  # fmt: skip


def test_damaged_part_comes_back(at, tmp_path):
    """A peer that runs already uses the part that was made whole again, when it is there."""
    folder = make(at, tmp_path / "split", 2)
    header = (folder / "part-1").read_bytes()[:64]
    damaged(folder / "part-1", 0, bytes(8))
    peers = at("-f", folder)
    echo = peers.echo("--slot=0")
    damaged(folder / "part-1", 0, header)
    assert peers.run("ping", "0", "--slot=1", "--count=3")[0] == DONE
    assert echo.poll() is None


def test_slot_of_a_folder(at, folder):
    """Who can write one part alone has its slot; who can write several must say which."""
    peers = at("-f", folder)
    both = "parts 0 and 1 can both be written: say which slot is this peer's"
    one_line(at, ("-f", folder, "echo"), FAILED, f"{folder}: {both}")
    slots = "--slot=2: the region has slots 0 to 1"
    one_line(at, ("-f", folder, "echo", "--slot=2"), FAILED, slots)
    one_line(at, ("-f", folder / "common", "echo", "--slot=0"), FAILED,
             "what all read of a split region: give the folder that it is in")  # fmt: skip
    none = "no split region in this folder"
    one_line(at, ("-f", folder.parent, "echo", "--slot=0"), NO_DEVICE, none)
    (folder / "part-0").rename(folder.parent / "kept")
    (folder / "part-0").symlink_to(folder.parent / "kept")  # which is not followed
    peers.echo()
    assert re.search(rb"^    1  attached", peers.run("ls")[1], flags=re.M)


def test_truncated_part(at, tmp_path):
    """Whose own part it is ends, with a line; all others go on without it, and say so."""
    folder = make(at, tmp_path / "split", 3)
    peers = at("-f", folder)
    first, second = peers.echo("--slot=0"), peers.echo("--slot=1")
    os.truncate(folder / "part-1", 0)
    status, _, errors = finish(second)
    assert (status, errors) == (
        FAILED, ["ivsh: the memory was truncated while in use: it is lost"]
    )  # fmt: skip
    assert b"part 1: it was truncated while in use" in first.stderr.readline()
    status, _, errors = peers.run("ping", "0", "--slot=2", "--count=3")
    assert (status, len(errors)) == (DONE, 1) and first.poll() is None


def test_truncated_part_of_several(start, at, tmp_path):
    """One that serves two regions loses a part of either, and goes on in both."""
    folders = [tmp_path / name for name in ("a", "b")]
    sockets = []
    for folder in folders:
        folder.mkdir()
        words = ("--split", "--file", folder / "parts", "--slots", 3, "-l", "1M")
        sockets.append(start(*words, folder=folder).socket)
    echo = at("-S", sockets[0], "-S", sockets[1]).echo("--name=alpha")
    for folder, socket in zip(folders, sockets):
        peers = at("-S", socket)
        assert peers.run("ping", "alpha", "--count=3")[0] == DONE
        os.truncate(folder / "parts/part-1", 0)
        begin = f"ivsh: {socket}: part 1: it was truncated while in use"
        assert any(line.decode().startswith(begin) for line in iter(echo.stderr.readline, b""))
        assert echo.poll() is None


def test_server_that_is_killed(start, at, tmp_path):
    """Peers stay, and go on, when the serving process dies; a new server keeps the region."""
    folder = tmp_path / "split"
    server = start("--split", "--file", folder, "--slots", 3, "-l", "1M")
    peers = at("-S", server.socket)
    echo = peers.echo("--name=alpha")
    ping = ("ping", "alpha", "--count=3")
    server.kill_serving()
    server.await_line("event=ready")
    until(lambda: peers.run(*ping)[0] == DONE)
    assert echo.poll() is None
    before = header(folder / "common")["format_id"]
    server.stop(signal.SIGKILL)
    peers.kill(echo)
    start("--split", "--file", folder, "--slots", 3, "-l", "1M")
    assert header(folder / "common")["format_id"] == before


def as_user(build, uid, *words):
    """A command of another user, who is in no group."""
    ids = (f"--reuid={uid}", f"--regid={uid}", "--clear-groups")
    return ["setpriv", *ids, build / "ivsh", *map(str, words)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_other_users(at, build, tmp_path):
    """Each user has one part: that is the slot, and the kernel refuses all others."""
    users = (41001, 41002)
    with tempfile.TemporaryDirectory(prefix="ivsh-split-", dir="/tmp") as above:
        os.chmod(above, 0o711)
        folder = make(at, pathlib.Path(above) / "split")
        for slot, uid in enumerate(users):
            os.chown(folder / f"part-{slot}", uid, -1)
        for path in folder.iterdir():
            path.chmod(0o644)
        peers = at()
        peers.program = "env"
        echo = peers.start(*as_user(build, users[0], "-f", folder, "echo", "--name=alpha"))
        assert b"slot 0 of 2 answers" in echo.stdout.readline()
        ping = as_user(build, users[1], "-f", folder, "ping", "alpha", "--count=3")
        status, output, errors = peers.run(*ping)
        assert (status, errors) == (DONE, []) and b"3 round trips" in output
        # It names another's slot: that part is not its own to write.
        status, output, errors = peers.run(*ping, "--slot=0")
        assert (status, output) == (FAILED, b"")
        assert errors == [f"ivsh: {folder}: part-0: open: Permission denied"]
        # Without leave to read it, that slot is named, and done without.
        (folder / "part-0").chmod(0o600)
        status, output, errors = peers.run(*as_user(build, users[1], "-f", folder, "ls"))
        assert (status, len(errors)) == (DONE, 1)
        assert "/part-0: Permission denied" in errors[0]
        status, output, errors = peers.run(*as_user(build, users[1], "mem", "info", folder))
        assert (status, errors) == (DONE, [])
        mode = f"bytes, mode 0600, user {users[0]}, Permission denied\n"
        assert re.search(rf"^part 0: \d+ {mode}", output.decode(), flags=re.M)
        status, output, errors = peers.run(*as_user(build, users[1], "mem", "rm", folder))
        assert (status, errors) == (FAILED, [f"ivsh: mem rm: {folder}: Permission denied"])


def test_server_has_the_folder(start, at, tmp_path):
    """mem info shows what a server serves; mem rm leaves it alone."""
    folder = tmp_path / "split"
    server = start("--split", "--file", folder, "--slots", 2)
    locked = f"{folder}: in use: a server has locked it: end it first, or give --force"
    one_line(at, ("mem", "rm", folder), FAILED, locked)
    assert re.search("server: epoch 0x.*, running", "\n".join(info(at, folder)))
    assert sorted(os.listdir(folder)) == ["common", "part-0", "part-1"]
    assert at("-S", server.socket).run("ls")[0] == DONE


def test_streams(start, at, tmp_path):
    """A service of one peer, to another and through a socket, in a region of a server."""
    server = start("--split", "--file", tmp_path / "split", "--slots", 4)
    peers = at("-S", server.socket)
    peers.server = server
    peers.start("serve", "data", "--name=alpha", "--", "seq", "20000")
    want = "".join(f"{i}\n" for i in range(1, 20001)).encode()
    assert peers.run("cat", "alpha:data")[:2] == (DONE, want)
    peers.start("forward", f"unix:{tmp_path}/socket", "alpha:data")
    with socket.socket(socket.AF_UNIX) as one:
        until(lambda: one.connect_ex(f"{tmp_path}/socket") == 0)
        assert b"".join(iter(lambda: one.recv(65536), b"")) == want
