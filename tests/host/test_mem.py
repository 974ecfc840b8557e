# SPDX-License-Identifier: MIT
"""test_mem.py - mem info and mem rm: memory files that exist, and files that are none."""

import hashlib
import mmap
import os
import pathlib
import re
import signal

import pytest

from pause import pause
from peertool import DONE, FAILED, NO_DEVICE, STOPPED, USAGE, finish
from rawclient import LIMIT, until

OTHER = "neither a region nor an empty memory"


@pytest.fixture
def memory(at, tmp_path):
    path = tmp_path / "memory"
    assert at().run("mem", "create", path, "1M", "--slots=2")[0] == DONE
    return path


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_create_that_is_stopped(at, sig):
    """It leaves nothing behind. Of tmpfs: allocating takes a while there."""
    path = pathlib.Path(f"/dev/shm/ivsh-test-{os.getpid()}")
    free = os.statvfs("/dev/shm")
    size = 1 << (free.f_bavail * free.f_frsize).bit_length() - 2
    for _ in range(10):
        try:
            create = at().start("mem", "create", path, size)
            until(lambda: path.exists() or create.poll() is not None)
            create.send_signal(sig)
            status, output, errors = finish(create)
            if status == STOPPED:
                assert (output, errors, path.exists()) == (b"", ["ivsh: stopped"], False)
                break
            assert status == DONE  # it was made before the signal came
        finally:
            path.unlink(missing_ok=True)
    # A small one is made before each signal.
    assert status == STOPPED or size < 1 << 30


def info(at, path):
    status, output, errors = at().run("mem", "info", path)
    assert (status, errors) == (DONE, [])
    return output.decode().splitlines()


def removed(at, path, *words):
    status, output, errors = at().run("mem", "rm", path, *words)
    assert (status, output, errors) == (DONE, f"mem: {path}: removed\n".encode(), [])
    return not os.path.lexists(path)


def refused(at, path, text, *words, status=FAILED, command="mem rm: "):
    """One line that says why, and the file is what it was."""
    before = os.lstat(path) if os.path.lexists(path) else None
    got, output, errors = at().run("mem", "rm", path, *words)
    assert (got, output, len(errors)) == (status, b"", 1), (output, errors)
    assert errors[0].startswith(f"ivsh: {command}{path}: {text}")
    assert not before or os.lstat(path).st_ino == before.st_ino


def trace(path):
    st = os.stat(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if st.st_size <= 1 << 20 else None
    return digest, st.st_mtime_ns, st.st_blocks


def test_info(at, memory):
    before = trace(memory)
    lines = info(at, memory)
    assert lines[0] == (
        f"memory: {memory}: 1048576 bytes, {os.stat(memory).st_blocks * 512} of them allocated,"
        f" mode 0600, user {os.getuid()}"
    )
    rings = r"region: version 2, \d+ bytes, 2 slots, rings of \d+ desc.* format 0x[0-9a-f]{16}"
    assert re.fullmatch(rings, lines[1])
    assert lines[2:4] == ["server: none", "slots: 0 of 2 were ever used"]
    assert lines[4].startswith("mapped by: no process that /proc shows")
    assert lines[5:] == ["in use: cannot know: nothing moves, and no process shows that it has it"]
    assert trace(memory) == before


@pytest.mark.parametrize(
    "offset, value, line",
    [
        (0x2000, 77, "slot 0: broken, incarnation 0"),
        (0x2800, 1, "slot 1: broken, incarnation 0"),
        (0x2018, 5, "slot 0: absent, incarnation 0, a name that is being written, or that was cut"),
        (0x1004, 9, "server: nobody can say: epoch 0, and yet a heartbeat (SPEC R4.1.4)"),
    ],
)
def test_info_of_impossible_words(at, memory, offset, value, line):
    """A slot that breaks SPEC.md is not called absent, and not left out."""
    with open(memory, "r+b") as file:
        file.seek(offset)
        file.write(value.to_bytes(4, "little"))
    lines = info(at, memory)
    assert line in lines
    assert ("slots: 1 of 2 were ever used" in lines) == line.startswith("slot ")


def test_info_of_an_empty_memory(at, tmp_path):
    """It makes no page of a hole."""
    memory = tmp_path / "empty"
    memory.touch()
    os.truncate(memory, 64 << 20)
    before = trace(memory)
    assert info(at, memory)[1] == "region: none: nobody has formatted the memory"
    assert trace(memory) == before
    assert removed(at, memory)


def test_who_is_there(at, memory):
    peers = at("-f", memory)
    echo = peers.echo("--slot=1", "--name=alpha")
    lines = info(at, memory)
    assert lines[3:5] == [
        "slots: 1 of 2 were ever used", "slot 1: attached, incarnation 1, alpha",
    ]  # fmt: skip
    assert lines[5].startswith(f"mapped by: {echo.pid} (ivsh)")
    assert lines[6:] == ["in use: yes: 1 heartbeat moves"]
    refused(at, memory, "in use: 1 heartbeat moves: end its peers first, or give --force")
    peers.kill(echo)
    lines = info(at, memory)
    assert lines[4] == "slot 1: silent, incarnation 1, alpha"
    assert lines[6].startswith("in use: cannot know")
    assert removed(at, memory)


def test_force(at, memory):
    """The peers keep their memory; its name is gone."""
    echo = at("-f", memory).echo("--slot=1")
    assert removed(at, memory, "--force")
    assert echo.poll() is None


def test_stopped_peer(at, memory):
    """No heartbeat moves; the mapping shows it."""
    echo = at("-f", memory).echo("--slot=0")
    echo.send_signal(signal.SIGSTOP)
    text = f"in use: process {echo.pid} (ivsh) has it mapped: end it first, or give --force"
    refused(at, memory, text)
    assert info(at, memory)[-1] == "in use: yes: it is mapped"
    echo.send_signal(signal.SIGCONT)


def test_mapped_without_a_region(at, tmp_path):
    memory = tmp_path / "empty"
    memory.write_bytes(bytes(4096))
    with open(memory, "r+b") as file, mmap.mmap(file.fileno(), 0) as view:
        refused(at, memory, f"in use: process {os.getpid()} (")
        assert view[0] == 0
    assert removed(at, memory)


def test_server(start, at, tmp_path):
    memory = tmp_path / "memory"
    server = start("--file", memory, "-l", "4M")
    refused(at, memory, "in use: a server has locked it: end it first, or give --force")
    until(lambda: info(at, memory)[2].endswith(", running"))
    server.stop(signal.SIGKILL)
    assert memory.exists()
    assert "its heartbeat stands still" in info(at, memory)[2]
    assert removed(at, memory)


def test_raw_server(start, at, tmp_path):
    """No heartbeat, and no region: its lock shows it."""
    memory = tmp_path / "memory"
    start("--raw", "--file", memory, "-l", "1M")
    refused(at, memory, "in use: a server has locked it")


@pytest.mark.parametrize(
    "content",
    [b"text" * 1024, bytes(4096) + b"x" * 4096, b"\0" * 1024 + b"\x53\xef" + b"\0" * 3070],
    ids=["text", "behind zeros", "ext4"],
)
@pytest.mark.parametrize("words", [(), ("--force",)])
def test_other_files(at, tmp_path, content, words):
    other = tmp_path / "other"
    other.write_bytes(content)
    refused(at, other, OTHER, *words)
    assert other.read_bytes() == content
    status, output, errors = at().run("mem", "info", other)
    assert (status, output, errors) == (FAILED, b"", [f"ivsh: {other}: {OTHER}"])


def test_no_files(at, tmp_path, memory):
    none = "no memory: that is a file of a power of two of bytes, 4096 at least"
    for name, make in (("small", lambda p: p.write_text("x")), ("empty", lambda p: p.touch()),
                       ("odd", lambda p: p.write_bytes(bytes(12288))),
                       ("fifo", os.mkfifo)):  # fmt: skip
        make(tmp_path / name)
        refused(at, tmp_path / name, none, command="")
    link = tmp_path / "link"
    link.symlink_to(memory)
    refused(at, link, "a link: give the file that it leads to", command="")
    assert info(at, link)[2] == "server: none"
    refused(at, f"{memory}/", "No such file or directory", command="", status=NO_DEVICE)
    nothing = tmp_path / "nothing"
    refused(at, nothing, "No such file or directory", command="", status=NO_DEVICE)
    refused(at, nothing / "x", "No such file or directory", command="", status=NO_DEVICE)


@pytest.mark.parametrize(
    "offset, value, text",
    [
        (8, b"\x09\0\0\0", "region: of version 9, features 0x1"),
        (24, b"\xff\xff\xff\xff", "region: damaged: ivsh dump names the words"),
    ],
)
def test_damaged(at, memory, offset, value, text):
    with open(memory, "r+b") as file:
        file.seek(offset)
        file.write(value)
    assert info(at, memory)[1] == text
    assert removed(at, memory)


def test_cut_off(at, memory):
    os.truncate(memory, 8192)
    assert info(at, memory)[1].startswith("region: cut off: it needs ")
    assert removed(at, memory)


def test_replaced_meanwhile(at, memory, tmp_path):
    """What was looked at is what is removed, and nothing else."""
    other = tmp_path / "other"
    other.write_text("precious")
    for _ in range(10):
        peers = at("-f", memory)
        peers.kill(peers.echo("--slot=1"))
        remove = at().start("mem", "rm", memory)
        maps = pathlib.Path(f"/proc/{remove.pid}/maps")
        until(lambda: str(memory) in maps.read_text() or remove.poll() is not None)
        if remove.poll() is None:
            pause(remove.pid)  # while it looks for heartbeats
        if str(memory) in maps.read_text() and memory.exists():
            break
        # It was over before we came.
        remove.send_signal(signal.SIGCONT)
        remove.communicate()
        assert at().run("mem", "create", memory, "1M", "--slots=2")[0] == DONE
    os.rename(other, memory)
    remove.send_signal(signal.SIGCONT)
    output, errors = remove.communicate(timeout=LIMIT)
    assert (remove.returncode, output) == (FAILED, b"")
    assert errors.decode() == f"ivsh: mem rm: {memory}: another file has its name meanwhile\n"
    assert memory.read_text() == "precious"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_folder_of_another(at, memory, tmp_path, build):
    """One line, and the file is still there."""
    for folder in list(tmp_path.parents)[:2]:
        os.chmod(folder, 0o755)
    os.chmod(tmp_path, 0o755)
    os.chmod(memory, 0o644)
    peers = at()
    peers.program = "setpriv"
    words = ("--reuid=65534", "--regid=65534", "--clear-groups", build / "ivsh")
    status, _, errors = peers.run(*words, "mem", "rm", memory)
    assert (status, errors) == (FAILED, [f"ivsh: mem rm: {memory}: Permission denied"])
    assert memory.exists()


@pytest.mark.parametrize(
    "words, text",
    [
        (("mem", "info"), "mem: give info FILE"),
        (("mem", "rm", "a", "b"), "mem: give rm FILE"),
        (("mem", "move", "a"), "mem: give create FILE SIZE, info FILE or rm FILE"),
        (("mem", "info", "a", "--force"), "mem info: --force means nothing here"),
        (("mem", "rm", "a", "--slots=2"), "mem rm: --slots means nothing here"),
        (("mem", "create", "a", "1M", "--force"), "mem create: --force means nothing here"),
        (("ls", "--force"), "ls: --force means nothing here"),
    ],
)
def test_usage(at, words, text):
    assert at().run(*words) == (USAGE, b"", [f"ivsh: {text}"])
