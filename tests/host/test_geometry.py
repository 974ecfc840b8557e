# SPDX-License-Identifier: MIT
"""test_geometry.py - geometry files: what the server and mem create make of them."""

import os
import re
import stat
import subprocess

import pytest

from peertool import DONE, FAILED, TIMEOUT, USAGE

GOOD = "# rings\ndescs = 128\nsmall-size = 16K\nlarge-size = 1M\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rings.geo"
    path.write_text(GOOD)
    return path


def rings(at, *place):
    """(descriptors, small, large) of the region there."""
    status, output, errors = at(*place).run("info", "--quiet")
    assert (status, errors) == (DONE, [])
    found = re.search(rb"of (\d+) descriptors, (\d+) \+ (\d+) bytes", output)
    return tuple(map(int, found.groups()))


def test_server(start, at, file):
    server = start("--geometry", file, "-l", "64M")
    assert rings(at, "-S", server.socket) == (128, 16 << 10, 1 << 20)
    assert not [line for line in server.lines if "rings" in line]


def test_server_of_a_small_memory(start, at, file):
    """It gets less, and says how much would be enough: that it is."""
    server = start("--geometry", file, "-l", "4M")
    line = server.await_line("rings of 128 descriptors")
    few = rings(at, "-S", server.socket)
    assert few[0] == 128 and few[1] <= few[2] < 1 << 20
    assert f"{file}: 4M of memory: " in line
    enough = re.search(r"; for all of it give (\d+M)$", line)
    assert server.stop() == 0
    server = start("--geometry", file, "-l", enough[1])
    assert rings(at, "-S", server.socket) == (128, 16 << 10, 1 << 20)


def test_server_goes_on_without_the_file(start, at, file, tmp_path):
    """It is for the one that formats: no server that takes over reads it again."""
    config = tmp_path / "config"
    config.write_text(f"geometry = {file}\nsize = 64M\n")
    server = start("-c", config)
    file.unlink()
    server.kill_serving()
    server.reload()
    assert rings(at, "-S", server.socket) == (128, 16 << 10, 1 << 20)


def test_server_keeps_a_region(start, at, file, tmp_path):
    memory = tmp_path / "memory"
    server = start("--file", memory, "-l", "64M")
    before = rings(at, "-S", server.socket)
    server.stop(9)
    server = start("--file", memory, "-l", "64M", "--geometry", file)
    assert "and keeps them" in server.await_line(f"{memory}: holds a region with rings of")
    assert rings(at, "-S", server.socket) == before
    server.stop()
    memory.unlink(missing_ok=True)
    server = start("--file", memory, "-l", "64M", "--geometry", file)
    server.stop(9)
    server = start("--file", memory, "-l", "64M", "--geometry", file)
    assert not [line for line in server.lines if "keeps them" in line]


def test_mem_create(at, file, tmp_path):
    memory = tmp_path / "memory"
    status, output, errors = at().run("mem", "create", memory, "64M", "--geometry", file)
    assert (status, errors) == (DONE, [])
    assert output.decode().startswith(f"mem: {memory}: {64 << 20} bytes, 8 slots, rings of 128 ")
    found = memory.stat()
    assert (found.st_size, stat.S_IMODE(found.st_mode)) == (64 << 20, 0o600)
    assert found.st_blocks * 512 >= found.st_size  # a peer dies of a page that no disk has
    peers = at("-f", memory)
    peers.echo("--slot=1")
    assert peers.run("ping", "1", "--slot=0", "--count=3")[0] == DONE
    assert rings(at, "-f", memory) == (128, 16 << 10, 1 << 20)


def test_mem_create_as_the_library_does(at, tmp_path):
    """Without a geometry: as slot 0 would format it."""
    other = tmp_path / "other"
    other.touch()
    os.truncate(other, 4 << 20)
    assert at("-f", other).run("recv", "--timeout=0.05", "--slot=0", "--slots=4")[0] == TIMEOUT
    memory = tmp_path / "memory"
    assert at().run("mem", "create", memory, "3M", "--slots=4")[2] == [
        "ivsh: mem create: 3M: rounded up to 4194304 bytes: a BAR's size is a power of two"
    ]
    assert rings(at, "-f", memory) == rings(at, "-f", other)


def test_mem_create_of_a_small_memory(at, file, tmp_path):
    status, _, errors = at().run("mem", "create", tmp_path / "m", "4M", "--geometry", file)
    assert status == DONE and len(errors) == 1
    assert errors[0].startswith(f"ivsh: {file}: 4M of memory: rings of 128 descriptors, ")


@pytest.mark.parametrize(
    "words,status,what",
    [
        (["mem"], USAGE, "ivsh: mem: give create FILE SIZE"),
        (["mem", "create", "new"], USAGE, "ivsh: mem: give create FILE SIZE"),
        (["mem", "delete", "new", "4M"], USAGE, "ivsh: mem: give create FILE SIZE"),
        (["mem", "create", "new", "4X"], USAGE, "ivsh: mem create: 4X: not a size"),
        (["mem", "create", "new", "4K"], USAGE, "4096 bytes are too few for 8 slots: "),
        (["mem", "create", "new", "1M", "--slots=99"], USAGE, "fewer --slots need less"),
        (["mem", "create", "new", "1M", "-S", "x"], USAGE, "--socket means nothing here"),
        (["mem", "create", "old", "1M"], FAILED, "ivsh: old: exists: remove it"),
        (["mem", "create", "none/new", "1M"], FAILED, "ivsh: none/new: No such file or directory"),
        (["mem", "create", "/dev/full/x", "1M"], FAILED, "ivsh: /dev/full/x: Not a directory"),
        (["ls", "--geometry=x"], USAGE, "ivsh: ls: --geometry means nothing here"),
        (["mem", "create", "new", "1M", "--geometry="], USAGE, "ivsh: --geometry: needs a value"),
    ],
)
def test_mem_refused(build, tmp_path, words, status, what):
    (tmp_path / "old").write_text("something")
    done = subprocess.run([build / "ivsh", *words], cwd=tmp_path, capture_output=True, text=True)
    lines = done.stderr.splitlines()
    assert (done.returncode, len(lines), done.stdout) == (status, 1, "")
    assert what in lines[0]
    assert (tmp_path / "old").read_text() == "something"
    assert not (tmp_path / "new").exists()


def make_file(path, text):
    if text is None:
        path.unlink()
    elif text == "folder":
        path.unlink()
        path.mkdir()
    elif text == "fifo":
        path.unlink()
        os.mkfifo(path)
    else:
        path.write_text(text)


@pytest.mark.parametrize(
    "text,what",
    [
        (None, "{}: open: No such file or directory"),
        ("folder", "{}: not a regular file"),
        ("fifo", "{}: not a regular file"),
        ("#" * 65537, "{}: more than 65536 bytes: no geometry"),
        ("", "{}: descs is missing: add a line descs = VALUE"),
        (GOOD + "vectors = 2\n", "{}:5: vectors: no such setting: a geometry has"),
        (GOOD.replace("128", "127"), "{}:2: descs: 127: give a power of two, 16 to 32K"),
        (GOOD.replace("16K", "4M"), "{}: large-size is less than small-size"),
    ],
)
def test_file_refused(fails, at, file, tmp_path, text, what):
    make_file(file, text)
    want = what.format(file)
    status, lines = fails("--geometry", file)
    assert (status, len(lines)) == (USAGE, 1) and lines[0].startswith("ivsh-server: " + want)
    status, _, lines = at().run("mem", "create", tmp_path / "new", "64M", "--geometry", file)
    assert (status, len(lines)) == (USAGE, 1) and lines[0].startswith("ivsh: " + want)
    assert not (tmp_path / "new").exists()


def test_server_refuses(fails, file, tmp_path):
    assert fails("--geometry", file, "--raw")[1] == [
        "ivsh-server: --geometry: with --raw nothing is written into the memory:"
        " give one of the two"
    ]
    config = tmp_path / "config"
    config.write_text(f"size = 64M\ngeometry = {file}\n")
    assert fails("--check", config)[0] == 0
    file.write_text("descs = 1")
    status, lines = fails("--check", config)
    assert (status, len(lines)) == (USAGE, 1) and f"{file}:1: descs: 1: " in lines[0]
    config.write_text("raw\ngeometry = x\n")
    status, lines = fails("-c", config)
    assert status == USAGE and lines[0].startswith(f"ivsh-server: {config}:2: geometry: with --raw")


def logs(at, *place):
    status, output, errors = at(*place).run("info", "--quiet")
    assert (status, errors) == (DONE, [])
    return int(re.search(rb"bytes, logs of (\d+), format", output)[1])


@pytest.mark.parametrize(
    "words,size", [([], 4096), (["--log-size=0"], 0), (["--log-size", "64K"], 65536)]
)
def test_log_size(start, at, tmp_path, words, size):
    """4 MiB for 8 slots: the default leaves the rings as they are, more does not."""
    server = start(*words)
    assert logs(at, "-S", server.socket) == size
    assert (rings(at, "-S", server.socket) == (256, 32768, 32768)) == (size <= 4096)
    memory = tmp_path / "memory"
    status, output, errors = at().run("mem", "create", memory, "4M", *words)
    assert (status, errors) == (DONE, [])
    assert output.decode().endswith(f" bytes, logs of {size}\n")
    assert logs(at, "-f", memory) == size
    assert rings(at, "-f", memory) == rings(at, "-S", server.socket)


def test_log_size_beside_a_geometry(start, at, file):
    server = start("--geometry", file, "-l", "64M", "--log-size=16M", "--slots=3")
    assert logs(at, "-S", server.socket) == 16 << 20
    assert rings(at, "-S", server.socket)[0] == 128
    assert server.stop() == 0
    server = start("--geometry", file, "-l", "64M")
    assert (rings(at, "-S", server.socket), logs(at, "-S", server.socket)) == (
        (128, 16 << 10, 1 << 20), 65536
    )


def test_log_size_of_a_region_that_is_kept(start, at, tmp_path):
    memory = tmp_path / "memory"
    server = start("--file", memory, "--log-size=8K")
    server.stop(9)
    server = start("--file", memory, "--log-size=0")
    line = f"{memory}: holds a region with logs of 8192 bytes, and keeps them: remove it to have"
    server.await_line(line)
    assert logs(at, "-S", server.socket) == 8192
    server.stop(9)
    server = start("--file", memory)
    assert logs(at, "-S", server.socket) == 8192
    assert not [line for line in server.lines if "holds a region" in line]


@pytest.mark.parametrize("value", ["1", "5K", "2K", "32M", "-4K", "many", "00"])
def test_log_size_refused(at, fails, tmp_path, value):
    want = f"--log-size: {value}: give a power of two, 4K to 16M, or 0 for no logs"
    status, lines = fails(f"--log-size={value}")
    assert (status, lines) == (USAGE, [f"ivsh-server: {want}"])
    status, output, lines = at().run("mem", "create", tmp_path / "new", "4M", f"--log-size={value}")
    assert (status, output, lines) == (USAGE, b"", [f"ivsh: {want}"])
    assert not (tmp_path / "new").exists()


def test_logs_that_do_not_fit(at, fails, tmp_path):
    status, lines = fails("--log-size=1M")
    assert (status, len(lines)) == (USAGE, 1)
    assert "8 slots with such logs: " in lines[0] and "or a smaller --log-size" in lines[0]
    status, _, lines = at().run("mem", "create", tmp_path / "new", "4M", "--log-size=1M")
    assert (status, len(lines)) == (USAGE, 1)
    assert "8 slots with such logs: " in lines[0] and "or a smaller --log-size" in lines[0]
    assert fails("--raw", "--log-size=4K")[1] == [
        "ivsh-server: --log-size: with --raw nothing is written into the memory:"
        " give one of the two"
    ]
