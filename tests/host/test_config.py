# SPDX-License-Identifier: MIT
"""test_config.py - the configuration file: what is taken, what is refused, with which line.

config_test.c has the rules of the parser; this is the program around it.
"""

import os
import subprocess

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
        ("version\n", 1, "for the command line"),
        ("check = x\n", 1, "for the command line"),
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
        # Lines that end with carriage returns alone are one line, or one comment.
        ("slots = 4\rvectors = 3\r", 1, "a carriage return in the midst"),
        ("# slots\rslots = 4\r", 1, "a carriage return in the midst"),
        ("raw\nslot = a=/x\ry\n", 2, "a carriage return in the midst"),
        ("pid-file = /x\x0b\n", 1, "a control character, 0x0b"),
        ("# \x1b[2J\n", 1, "a control character, 0x1b"),
        ("pid-file = /x\x7f\n", 1, "a control character, 0x7f"),
        (b"\xff\xfeslots\n", 1, "not a setting"),
        (b"raw\n\xef\xbb\xbfslots = 4\n", 2, "not a setting"),
        # An error that depends on several settings names the line of one of them, too.
        ("raw\nraw2\n", 2, "raw2: no such setting"),
        ("slots = 64\nsize = 64K\n", 2, "size: 65536 bytes are too few for 64 slots"),
        ("vectors = 2\nslots = 500\n", 2, "slots: a region has 2 to "),
        ("\nhugetlb = 1G\n", 2, "hugetlb: 4194304 bytes do not fill one page"),
        ("raw\nclassic\nslot = a=/x\n", 3, "slot: with --classic"),
        ("size = " + "x" * 100000 + "\n", 1, "not a size"),
    ],
)
def test_errors(fails, config, text, line, what):
    path = config(text)
    status, lines = fails("-c", path, socket=None if "socket = " in str(text) else "s")
    assert (status, len(lines)) == (2, 1) and len(lines[0]) < 400
    assert lines[0].startswith(f"ivsh-server: {path}:{line}: ")
    assert what in lines[0]


LONG = [
    (f"raw\n{key}{'/x' * 60}\n", 2, f"{name}: {'/x' * 60}: a socket's path has at most 107 bytes")
    for key, name in (("socket = ", "socket"), ("control = ", "control"), ("slot = a=", "slot"))
]


@pytest.mark.parametrize(
    "text,line,what",
    [
        ("raw\nslot = a=/nonexistent/a\n", 2, "slot: /nonexistent/a: lock: No such file"),
        ("\nsocket = /nonexistent/s\n", 2, "socket: /nonexistent/s: lock: No such file"),
        ("control = /nonexistent/c\n", 1, "control: /nonexistent/c: lock: No such file"),
        ("raw\nslot = a={here}\n", 2, "slot: {here}: exists and is not a socket"),
        ("slots = 4\nfile = /nonexistent/m\n", 2, "file: /nonexistent/m: "),
        ("shm = a/b\n", 1, "shm: "),
        ("vectors = 1\npid-file = /nonexistent/p\n", 2, "pid-file: /nonexistent/p: open: No such"),
        ("client-descriptors = 200\nvectors = 100\n", 1, "client-descriptors: 8 slots x 100"),
        *LONG,
    ],
)
def test_what_cannot_be_had(fails, config, tmp_path, text, line, what):
    """Also what only turns out when the server starts is said with the line that asks for it."""
    here = tmp_path / "file"
    here.write_text("")
    path = config(text.format(here=here))
    status, lines = fails("-c", path, socket=None if "socket" in text else "s")
    assert (status, len(lines)) == (1, 1)
    assert lines[0].startswith(f"ivsh-server: {path}:{line}: {what.format(here=here)}")
    assert ".lock" not in lines[0]


def test_taken_socket_names_its_line(start, fails, config, tmp_path):
    start("--slot", f"a={tmp_path}/a")
    path = config(f"raw\nslot = b={tmp_path}/a\n")
    status, lines = fails("-c", path, socket="other")
    assert (status, len(lines)) == (1, 1)
    assert lines[0].startswith(f"ivsh-server: {path}:2: slot: {tmp_path}/a: ")


@pytest.mark.parametrize(
    "text,field,value",
    [
        # From Windows: lines end with \r\n, the last one as well, and a mark begins the file.
        (b"slots = 4\r\nvectors = 3\r\n", "vectors", "3"),
        (b"slots = 4\r\nraw\r\n", "raw", "1"),
        (b"\xef\xbb\xbfslots = 5\r\nvectors = 2", "slots", "5"),
        (b"\xef\xbb\xbf# slots = 5\n", "slots", "8"),
        (b"slots = 6 \t \r\n\r\n\r\n", "slots", "6"),
        ("# \N{BULLET} caf\u00e9\nslots = 7\n", "slots", "7"),
    ],
)
def test_files_of_other_systems(start, config, text, field, value):
    assert start("-c", config(text)).field(field) == value


def test_paths_of_other_systems(start, config, tmp_path, build):
    """No \r is left in a name, neither for the server nor for its commands."""
    path = config(
        f"\N{ZERO WIDTH NO-BREAK SPACE}socket = {tmp_path}/s\r\n".encode()
        + b"#" + b"x" * 20000 + b"socket = /none\r\n"
        + f"slot = a={tmp_path}/a\r\ncontrol = {tmp_path}/c".encode()
    )  # fmt: skip
    server = start("-c", path)
    assert {"a", "c", "s"} <= set(os.listdir(tmp_path))
    assert server.field("socket", "event=bound") == f"{tmp_path}/a"
    asked = subprocess.run(
        [build / "ivsh-server", "status", "-c", path], capture_output=True, text=True, check=False
    )
    assert asked.returncode == 0 and f"{tmp_path}/a slot 0 a" in asked.stdout


def check(build, *arguments):
    """--check: its (status, lines on stdout, lines on stderr)."""
    done = subprocess.run(
        [build / "ivsh-server", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


def test_check(build, config, tmp_path):
    """Nothing is made, and nothing that runs is in the way."""
    path = config(f"socket = {tmp_path}/s\nslot = a={tmp_path}/a\nfile = {tmp_path}/m\n")
    assert check(build, "--check", path) == (0, [f"{path}: no error found"], [])
    assert check(build, f"--check={path}", "-l", "8M", "--daemon")[0] == 0
    assert os.listdir(tmp_path) == [path.name]
    status, out, err = check(build, "--check", path, "-l", "64K")
    assert (status, out, len(err)) == (2, [], 1) and err[0].startswith("ivsh-server: -l: 65536 ")
    assert check(build, "--check", tmp_path / "none")[0] == 2


@pytest.mark.parametrize(
    "text,what",
    [
        ("slots = 8\nnonsense = 1\n", "2: nonsense: no such setting"),
        ("slot = a=/x\nslot = b=/x\n", "2: slot: b=/x: this socket is given twice"),
        ("client-descriptors = 200\nvectors = 100\n", "1: client-descriptors: 8 slots x 100"),
        ("slots = 8\rvectors = 1\r", "1: a carriage return"),
        *((text, f"{line}: {what}") for text, line, what in LONG),
    ],
)
def test_check_finds(build, config, text, what):
    path = config(text)
    status, out, err = check(build, "--check", path)
    assert (status, out, len(err)) == (2, [], 1)
    assert err[0].startswith(f"ivsh-server: {path}:{what}")


def test_version(build):
    """Both programs print the same, whatever else is given, and read no file for it."""
    tool = subprocess.run([build / "ivsh", "--version"], capture_output=True, text=True, check=True)
    release = tool.stdout.split(" ", 1)[1]
    for words in (["--version"], ["-c", "/none", "--version"], ["--version", "--slots", "x"]):
        status, out, err = check(build, *words)
        assert (status, out, err) == (0, [f"ivsh-server {release}".strip()], [])
    command = [build / "ivshmem-server", "--version"]
    legacy = subprocess.run(command, capture_output=True, check=True)
    assert legacy.stdout.decode() == f"ivshmem-server {release}"


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
