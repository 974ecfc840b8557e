# SPDX-License-Identifier: MIT
"""test_split_kept.py - ivsh-server --split: files that are there already, and what is refused."""

import contextlib
import mmap
import os
import shutil
import struct
import subprocess
import time

import pytest
from rawclient import LIMIT, SOAK
from splittool import ALICE, ROOT, Client, part_header


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
        [build / "ivsh", "mem", "create", "--split", folder, "4M", *size], check=True, timeout=LIMIT
    )
    made = part_header(folder / "part-2")
    server = start("--split", "--file", folder, *size)
    assert server.field("kept") == "1" and part_header(folder / "part-2") == made
    assert Client.join(server.socket, 3).page()[0] == int(server.field("epoch"), 16)
    shown = subprocess.run(
        [build / "ivsh", "mem", "info", folder], capture_output=True, text=True, timeout=LIMIT
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
            [build / "ivsh-server", "--check", config],
            capture_output=True,
            text=True,
            timeout=LIMIT,
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
