# SPDX-License-Identifier: MIT
"""test_limits.py - the server at its limits of files and memory: one line, and no file stays."""

import os
import re
import subprocess

import pytest

from rawclient import LIMIT, RawClient, until
from servertool import BUILD


def join(path):
    client = RawClient(path)
    client.handshake(8, 2)
    return client


def test_log_at_the_limit_of_files(tmp_path):
    """The log is full: lines are lost, the server is not."""
    path, log = tmp_path / "s", tmp_path / "log"
    with open(log, "wb") as file, subprocess.Popen(
        ["prlimit", "--fsize=5000000", BUILD / "ivsh-server", "-v", "-S", path],
        stdin=subprocess.DEVNULL,
        stderr=file,
    ) as process:
        try:
            until(path.exists)
            with open(log, "r+b") as other:
                other.truncate(4999700)
                file.seek(4999700)  # of both: it is one open file
            clients = [join(path) for _ in range(8)]
            for client in clients[1:]:
                client.close()
            until(lambda: log.stat().st_size == 5000000)
            assert join(path).id == 1
            assert clients[0].is_quiet(0)
            children = open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()
            os.kill(int(children[0]), 9)
            until(lambda: not os.path.exists(f"/proc/{children[0]}"))
            assert join(path).id == 2
            process.terminate()
            assert process.wait(LIMIT) == 0
        finally:
            process.terminate()  # its server would go on without it
    assert os.listdir(tmp_path) == ["log"]


NAME = f"ivsh-limit-{os.getpid()}"
KINDS = {"memfd": (), "shm": ("--shm", NAME), "file": ("--file", "{folder}/m")}


def check_nothing(tmp_path):
    assert not os.path.exists(f"/dev/shm/{NAME}")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", ["fsize=1048576", "fsize=0", "as=16777216"])
def test_memory_beyond_a_limit(fails, tmp_path, kind, limit):
    arguments = [text.format(folder=tmp_path) for text in KINDS[kind]]
    status, lines = fails("-l", "64M", *arguments, prefix=("prlimit", f"--{limit}"))
    assert status == 1 and len(lines) == 1, lines
    assert re.search("File too large|Cannot allocate memory", lines[0])
    check_nothing(tmp_path)


def control_group():
    """(where the groups that limit memory are mounted, ours below it, its files by version)."""
    second, first = ("memory.max", "memory.current"), (
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
    )
    groups = [line.rstrip("\n").split(":", 2) for line in open("/proc/self/cgroup")]
    for line in open("/proc/self/mountinfo"):
        fields, tail = line.split(" - ")
        fields, tail = fields.split(), tail.split()
        for number, names, path in groups:
            if fields[3] != "/":
                path = "/"
            is_memory = "memory" in tail[2].split(",") and "memory" in names.split(",")
            if tail[0] == "cgroup" and is_memory:
                return fields[4], path, first
    for line in open("/proc/self/mountinfo"):
        fields, tail = line.split(" - ")
        if tail.split()[0] == "cgroup2":
            [path] = [path for number, _, path in groups if number == "0"]
            return fields[4], path if fields[3] == "/" else "/", second
    return None


@pytest.mark.parametrize("kind", ["memfd", "shm"])
@pytest.mark.parametrize("above", [False, True])
def test_memory_beyond_the_control_group(fails, tmp_path, kind, above):
    """The kernel would kill the supervisor. A folder in place of the groups says what is left."""
    found = control_group()
    if not found:
        pytest.skip("no control groups are mounted")
    mount, path, (limit, usage) = found
    fake = tmp_path / "groups"
    group = fake / path.strip("/")
    group.mkdir(parents=True, exist_ok=True)
    (group / limit).write_text("max\n" if above and group != fake else "67108864\n")
    (group / usage).write_text("3000000\n")
    if above and group != fake:
        (group.parent / limit).write_text("67108864\n")
        (group.parent / usage).write_text("3000000\n")
    arguments = [text.format(folder=tmp_path) for text in KINDS[kind]]
    own = ("unshare", "-m") if os.geteuid() == 0 else ("unshare", "-rm")
    prefix = (*own, "sh", "-c", f'mount --bind {fake} {mount} && exec "$@"', "sh")
    status, lines = fails("-l", "64M", *arguments, prefix=prefix)
    assert status == 1 and len(lines) == 1, lines
    assert "control group has 64108864 left: raise its memory limit" in lines[0]
    subprocess.run(["rm", "-r", fake], check=True)
    check_nothing(tmp_path)


@pytest.mark.parametrize("kind", ["shm", "file"])
def test_killed_while_it_allocates(tmp_path, kind):
    """As the kernel kills when memory is short: what is not whole has no name."""
    path = {"shm": f"/dev/shm/{NAME}", "file": str(tmp_path / "m")}[kind]
    arguments = [text.format(folder=tmp_path) for text in KINDS[kind]]
    process = subprocess.Popen(
        [BUILD / "ivsh-server", "-S", tmp_path / "s", "-l", "2G", *arguments],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def allocates():
        for fd in os.listdir(f"/proc/{process.pid}/fd"):
            try:
                link = os.readlink(f"/proc/{process.pid}/fd/{fd}")
                found = os.stat(f"/proc/{process.pid}/fd/{fd}")
            except FileNotFoundError:
                continue
            if link.startswith(os.path.dirname(path) + "/") and found.st_blocks > 0:
                return True
        return False

    try:
        until(allocates)
    finally:
        process.kill()
        process.wait()
    if os.path.exists(path):
        left = os.stat(path).st_blocks * 512
        os.unlink(path)
        assert left >= 2 << 30, "nothing, or if that was faster all of it"
