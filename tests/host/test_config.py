# SPDX-License-Identifier: MIT
"""test_config.py - the configuration file: what is taken, what is refused, with which line.

config_test.c has the rules of the parser; this is the program around it.
"""

import os

import pytest

from rawclient import RawClient


@pytest.fixture
def config(tmp_path):
    """Write a file: config(text or bytes) answers its path."""
    path = tmp_path / "config"

    def write(content):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    "text,field,value",
    [
        ("size = 8M", "size", "8388608"),
        ("vectors=3", "vectors", "3"),
        ("slots\t=\t4\t", "slots", "4"),
        ("raw", "raw", "1"),
        ("raw = yes", "raw", "1"),
        ("raw = no", "raw", "0"),
        ("# a comment\n\n   # another\r\nslots = 5\r\n", "slots", "5"),
        ("slots = 6", "slots", "6"),  # no newline at the end
    ],
)
def test_keys(start, config, text, field, value):
    server = start("-c", config(text))
    assert server.field(field) == value


def test_memory_of_the_file(start, config, tmp_path):
    memory = tmp_path / "the memory"  # a value goes to the end of its line
    server = start("--config", config(f"file = {memory}\nmemory-mode = 0640\n"))
    assert memory.stat().st_mode & 0o7777 == 0o640
    assert server.stop() == 0
    assert not memory.exists()


def test_slots_add_up(start, config, tmp_path):
    server = start("-c", config(f"slot = a={tmp_path}/a\n"), "--slot", f"b={tmp_path}/b")
    for slot, name in enumerate("ab"):
        assert f"slot={slot} name={name}" in server.await_line("event=bound", slot + 1)
        client = RawClient(tmp_path / name)
        client.handshake(8, 2)
        assert client.id == slot


def test_command_line_counts(start, config):
    path = config("size = 16M\nraw = yes\nslots = 3\nvectors = 5\ndaemon\n")
    server = start("-l", "8M", "--raw=no", "-c", path, "--slots", 4)
    assert [server.field(key) for key in ("size", "raw", "slots", "vectors")] == [
        *("8388608", "0", "4", "5")
    ]


def test_last_file_counts(start, config, tmp_path):
    server = start("-c", tmp_path / "none", "-c", config("slots = 3"))
    assert server.field("slots") == "3"


@pytest.mark.parametrize(
    "text,line,what",
    [
        ("slots = 8\nnonsense = 1\n", 2, "nonsense: no such setting"),
        ("\n\nslots 8\n", 3, "write KEY = VALUE"),
        ("slots = many\n", 1, "slots: many: not a number: give 1 to 65536"),
        ("slots =\n", 1, "slots: "),
        ("slots\n", 1, "slots: give a value: slots = VALUE"),
        ("slots = 8\nslots = 8\n", 2, "slots: given in line 1 already"),
        ("size = 4X\n", 1, "size: 4X: not a size"),
        ("raw = perhaps\n", 1, "raw: perhaps: give yes or no"),
        ("config = /etc/other\n", 1, "for the command line"),
        ("help\n", 1, "for the command line"),
        ("# first\nslot = a\n", 2, "slot: a: give WHO=PATH"),
        ("slot = a=/x\nslot = a=/y\n", 2, "slot: a=/y: this name is given twice"),
        ("slot = a=/x\n\nslot = b=/x\n", 3, "slot: b=/x: this socket is given twice"),
        ("slot = 8=/x\n", 1, "there are not that many slots"),
        ("allow = user:no-such-user\n", 1, "allow: user:no-such-user: there is no such user"),
        ("memory-group = no-such-group\n", 1, "there is no such group"),
        ("socket-mode = 999\n", 1, "socket-mode: 999: not a mode"),
        ("hugetlb = 3M\n", 1, "hugetlb: 3M: not the size of a huge page"),
        ("slots = 8\n\0\n", 2, "a NUL byte"),
        ("slots = 8\r\r\nvectors = \r\n", 2, "vectors: "),
        ("\x1b[31m = 1\n", 1, "not a setting"),
        ("x" * 1000 + "\n", 1, "not a setting"),
        ("size = " + "x" * 100000 + "\n", 1, "not a size"),
    ],
)
def test_errors(fails, config, text, line, what):
    path = config(text)
    status, lines = fails("-c", path)
    assert status == 2
    assert len(lines) == 1 and len(lines[0]) < 400
    assert lines[0].startswith(f"ivsh-server: {path}:{line}: ")
    assert what in lines[0]


def test_same_slot_in_both(fails, config):
    """The line is about the later one, which is the command line's."""
    path = config("slot = a=/x\n")
    status, lines = fails("-c", path, "--slot", "a=/y")
    assert (status, lines) == (2, ["ivsh-server: --slot: a=/y: this name is given twice"])


def test_classic_binds_nothing(fails, config):
    status, lines = fails("-c", config("slot = a=/x\n"), "--classic")
    assert status == 2 and "--classic" in lines[0] and len(lines) == 1


def test_size_of_the_file(start, fails, config):
    text = b"slots = 3\n" + b"#" * (1 << 20)
    assert start("-c", config(text[: 1 << 20])).field("slots") == "3"
    path = config(text[: (1 << 20) + 1])
    status, lines = fails("-c", path, socket="other")
    assert (status, lines) == (2, [f"ivsh-server: {path}: more than 1048576 bytes"])


def test_files_that_are_none(fails, tmp_path):
    """None of them blocks."""
    os.mkfifo(tmp_path / "fifo")
    for path, what in (
        (tmp_path / "none", "open: No such file or directory"),
        (tmp_path / "fifo", "not a regular file"),
        (tmp_path, "not a regular file"),
        ("/dev/zero", "not a regular file"),
    ):
        status, lines = fails("-c", path)
        assert (status, lines) == (2, [f"ivsh-server: {path}: {what}"])


def test_help_needs_no_file(fails, tmp_path):
    status, lines = fails("-c", tmp_path / "none", "-h")
    assert (status, lines) == (0, [])
