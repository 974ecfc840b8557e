# SPDX-License-Identifier: MIT
"""test_options.py - the command line: what is taken, what is refused, with which line."""

import os
import re
import resource
import signal
import subprocess

import pytest

from rawclient import LIMIT, RawClient, until


@pytest.mark.parametrize(
    "text,size,rounded",
    [
        ("4M", 4 << 20, False),
        ("4096K", 4 << 20, False),
        ("3M", 4 << 20, True),
        ("5000000", 8 << 20, True),
        ("16m", 16 << 20, False),
        ("64M", 64 << 20, False),
    ],
)
def test_size(start, text, size, rounded):
    server = start("-l", text)
    client = RawClient(server.socket)
    client.handshake(8, 2)
    assert os.fstat(client.memory).st_size == size
    said = [line for line in server.lines if "rounded up to" in line]
    assert len(said) == rounded
    assert all(str(size) in line and text in line for line in said)


@pytest.mark.parametrize(
    "text",
    ["0", "0K", "", "M", "-1", "-4M", "+4M", " 4M", "4M ", "4MB", "4.5M", "0x1000", "four", "4P"]
    + ["2T", "1099511627777", "18446744073709551616", "17179869188G", "9" * 40],
)
def test_size_refused(fails, text):
    status, lines = fails("-l", text)
    assert status == 2
    assert len(lines) == 1 and lines[0].startswith("ivsh-server: -l: ")


@pytest.mark.parametrize(
    "text,size", [("1.5M", 2 << 20), ("0x1000", 4096), ("4B", 4096), ("+4M", 4 << 20)]
)
def test_size_of_the_legacy_name(start, fails, text, size):
    """As QEMU's server takes it; ours does not, by its own name."""
    server = start("-M", f"ivsh-size-{os.getpid()}", "-l", text, program="ivshmem-server")
    assert server.field("size") == str(size)
    assert server.stop() == 0
    assert fails("-l", text)[0] == 2


@pytest.mark.parametrize("text", ["1", "4096", "64K", "512K"])
def test_size_too_small_for_the_slots(fails, start, text):
    status, lines = fails("-l", text)
    assert status == 2
    need = int(re.search(r"(\d+) are needed", lines[-1]).group(1))
    assert "8 slots" in lines[-1]
    server = start("-l", need)
    assert int(server.field("size")) == 1 << (need - 1).bit_length()


@pytest.mark.parametrize("text,size", [("1", 4096), ("4096", 4096), ("5000", 8192), ("64K", 65536)])
def test_small_sizes_when_raw(start, text, size):
    server = start("-l", text, "--raw")
    client = RawClient(server.socket)
    client.handshake(8, 2)
    assert os.fstat(client.memory).st_size == size


@pytest.mark.parametrize("vectors", [0, 1, 2, 64, 100])
def test_vectors(start, vectors):
    server = start("-n", vectors, "--slots", 2)
    client = RawClient(server.socket)
    client.handshake(2, vectors)
    assert client.is_quiet()


@pytest.mark.parametrize(
    "arguments",
    [
        ("-n", "-1"),
        ("-n", "2049"),
        ("-n", "two"),
        ("--slots", "0"),
        ("--slots", "1"),
        ("--slots", "257"),
        ("--slots", "65537", "--raw"),
        ("--slot", "alpha"),
        ("--slot", "=x"),
        ("--slot", "alpha="),
        ("--slot", "8=x"),
        ("--slot", "99999999999=x"),
        ("--slot", "a=x", "--slot", "a=y"),
        ("--slot", "a=x", "--slot", "b=x"),
        ("--slot", "1=x", "--slot", "01=y"),
        ("--slots", "2", "--slot", "a=x", "--slot", "b=y", "--slot", "c=z"),
        ("--slot", "a b=x"),
        ("--unknown",),
        ("-x",),
        ("argument",),
        ("--raw=maybe",),
        ("--daemon=1",),
        ("-p", ""),
        ("--slot", "n" * 64 + "=x"),
        ("--classic", "--slot", "a=x"),
        ("--classic", "--slots", "257"),
        ("--hugetlb", "3M"),
        ("--hugetlb", "4K"),
        ("--hugetlb", "1G"),  # more than the size
        ("--memory-mode", "0888"),
        ("--memory-mode", "1777"),
        ("--socket-mode", "rw"),
        ("--memory-group", "no-such-group"),
        ("--socket-group", ""),
        ("--control-group", "4294967295"),
        ("--user", "no-such-user"),
        ("--user", "0:no-such-group"),
        ("--user", "no-such-user:0"),
        ("--user", "4294967294"),  # a number without a group of its own
        ("--user", "0:"),
        ("--per-uid", "-1"),
        ("--allow", "root"),
        ("--allow", "user:no-such-user"),
        ("--allow", "group:"),
        ("--client-descriptors", "128"),
        ("--control", ""),
        ("-c", ""),
    ],
)
def test_usage(fails, arguments):
    status, lines = fails(*arguments)
    assert status == 2
    assert len(lines) == 1 and "ivsh-server: " in lines[0]


def test_help(build):
    for program in ("ivsh-server", "ivshmem-server"):
        done = subprocess.run([build / program, "-h"], capture_output=True, text=True, check=True)
        assert done.stdout.startswith(f"Usage: {program} ")
        for flag in ("-h", "-v", "-F", "-p", "-S", "-M", "-m", "-l", "-n"):
            assert f"  {flag}, --" in done.stdout
        for flag in ("config", "classic", "control", "user", "hugetlb", "allow", "per-uid"):
            assert f"--{flag}" in done.stdout
        assert done.stderr == ""


def test_socket_path_too_long(fails):
    status, lines = fails(socket="s" * 108)
    assert status == 1
    assert "at most 107" in lines[0]


MANY = ("--slots", 16, "-n", 64, "-l", "64M")


def test_descriptor_limit(fails):
    """The sum is in the line."""
    status, lines = fails(*MANY, "--client-descriptors", 1152, prefix=("prlimit", "-n500:500"))
    assert status == 1
    assert re.search(r"16 slots x 64 vectors = 1024 eventfds, .*: \d+ desc.* 500 ", lines[0])


def test_descriptor_limit_is_raised(start):
    """The soft limit is ours to raise."""
    server = start(*MANY, "--client-descriptors", 1152, prefix=("prlimit", "-n200:4000"))
    soft, _ = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    assert soft >= 1024


def test_descriptor_limit_of_clients(fails):
    """QEMU damages its heap when they run out: the line says what to raise, and to what."""
    for given in ((), ("--client-descriptors", 1151)):
        status, lines = fails(*MANY, *given)
        assert status == 1 and len(lines) == 1
        assert lines[0].startswith("ivsh-server: --client-descriptors: ")
        assert "16 slots x 64 vectors = 1024 eventfds, and 128 of a client's own: 1152" in lines[0]
        assert "ulimit -n 1152" in lines[0] and "--client-descriptors 1152" in lines[0]


@pytest.mark.parametrize(
    "arguments,limit,slots",
    [
        ((), 20000, 896),  # 1024 - 128, a vector each
        (("-n", 4), 20000, 224),
        (("-n", 0), 20000, 1024),
        (("--client-descriptors", 100000), 20000, 1024),
        ((), 500, 217),  # (500 - 32 spare connections - 2 for listening - 32 others) / 2
        ((), 68, 1),
    ],
)
def test_clients_of_the_legacy_name(start, arguments, limit, slots):
    """As many at a time as the descriptors allow: of a client, and of the server."""
    server = start(
        *("-M", f"ivsh-limits-{os.getpid()}", *arguments),
        program="ivshmem-server",
        prefix=("prlimit", f"-n{min(limit, 64)}:{limit}"),
    )
    assert server.field("slots") == str(slots)
    assert server.field("raw") == "1"
    assert server.stop() == 0


def test_daemon(build, tmp_path):
    """The command returns when the socket and the pid file are there, and with its status."""
    path, pid_file = tmp_path / "s", tmp_path / "pid"
    command = [build / "ivsh-server", "--daemon", "-S", path, "-p", pid_file]
    with open(tmp_path / "log", "w") as log:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, timeout=LIMIT)
    assert done.returncode == 0
    pid = int(pid_file.read_text())
    client = RawClient(path)
    client.handshake(8, 2)
    with open(tmp_path / "log2", "w") as log:
        second = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, timeout=LIMIT)
    assert second.returncode == 1, "the failure of the child is the command's"
    assert int(pid_file.read_text()) == pid
    os.kill(pid, signal.SIGTERM)
    until(lambda: not pid_file.exists() and not path.exists())
    client.close()


def test_legacy_name(build, tmp_path):
    """As QEMU's own test-suite starts it: in the background, with an object that exists."""
    name = f"/ivsh-test-{os.getpid()}"
    memory = f"/dev/shm{name}"
    with open(memory, "wb") as file:
        file.truncate(1 << 20)
        file.write(b"before")
    try:
        path, pid_file = tmp_path / "s", tmp_path / "pid"
        command = [build / "ivshmem-server", "-S", path, "-p", pid_file]
        command += ["-M", name, "-l", "1M", "-n", "2"]
        with open(tmp_path / "log", "w") as log:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, timeout=LIMIT)
        assert done.returncode == 0
        client = RawClient(path)
        client.handshake(1, 2)  # nobody else is there
        assert client.id == 0
        assert client.map()[:6] == b"before"
        os.kill(int(pid_file.read_text()), signal.SIGTERM)
        until(lambda: not pid_file.exists())
        until(lambda: not path.exists())
        with open(memory, "rb") as file:
            assert file.read(8) == b"before\0\0", "ours only if we made it, and never written"
        client.close()
    finally:
        os.unlink(memory)
