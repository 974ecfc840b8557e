# SPDX-License-Identifier: MIT
"""test_stop.py - ivsh-server stop, also of a server whose supervisor was killed."""

import json
import os
import re
import signal
import subprocess

import pytest

from rawclient import LIMIT, RawClient, is_over, until
from servertool import BUILD


def call(*words, program="ivsh-server"):
    done = subprocess.run(
        [BUILD / program, *map(str, words)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * LIMIT,
    )
    return done.returncode, done.stdout, done.stderr.splitlines()


def join(path):
    client = RawClient(path)
    assert client.message() == (0, None)
    return client


def kill_supervisor(server):
    os.kill(server.supervisor, signal.SIGKILL)
    server.process.wait(LIMIT)
    server.await_line("event=warning what=supervisor-gone")
    return server.serving


PLACES = {
    "socket": ((), ("-S", "{s}")),
    "control": (("--control", "{c}"), ("--control", "{c}")),
    "socket of another control": (("--control", "{c}"), ("-S", "{s}")),
    "no control": (("--control", "none"), ("-S", "{s}")),
    "configuration": ((), ("-c", "{f}")),
    "configuration without control": (("--control", "none"), ("-c", "{f}")),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("state", ["whole", "frozen", "alone"])
def test_stop(start, tmp_path, place, state):
    names = {"s": tmp_path / "s", "c": tmp_path / "c", "f": tmp_path / "f"}
    given, asked = ([word.format(**names) for word in words] for words in PLACES[place])
    names["f"].write_text(
        f"socket = {names['s']}\n" + ("control = none\n" if "without" in place else "")
    )
    server = start(*given)
    join(server.socket)
    pids = server.pids
    if state == "frozen":
        os.kill(server.serving, signal.SIGSTOP)
        # It has no control socket: the command finds it by the lock.
        asked = ["-S", names["s"]]
    elif state == "alone":
        pids = [kill_supervisor(server)]
    assert call("stop", *asked) == (0, "", [])
    assert all(is_over(pid) for pid in pids)
    if state != "alone":
        assert server.process.wait(LIMIT) == 0
        assert os.listdir(tmp_path) == ["f"]
    again = start(*given)
    assert join(again.socket).message()[0] == 0
    status, _, lines = call("stop", *asked)
    assert (status, lines) == (0, [])
    status, out, lines = call("stop", *asked)
    assert (status, out, len(lines)) == (1, "", 1), "there is nobody"


def test_stop_is_like_the_other_commands():
    assert call("stop", "--help")[0] == 0
    assert call("stop", "word")[0] == 2
    assert call("stop", "--json")[0] == 2
    assert call("stop", "--control", "none")[0] == 2


def test_stop_spares_others(tmp_path):
    """Another program that has the lock open, or has made a file of that name, is no server."""
    lock = tmp_path / "s.lock"
    lock.touch()
    with open(lock, "rb") as file:
        other = subprocess.Popen(["sleep", "60"], stdin=file)
    try:
        assert call("stop", "-S", tmp_path / "s")[0] == 1
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_stop_under_the_legacy_name(tmp_path):
    """Under the name of QEMU's server it goes to the background, without a control socket."""
    path, name = tmp_path / "s", f"ivsh-stop-{os.getpid()}"
    pid_file = tmp_path / "pid"
    done = subprocess.run(
        [BUILD / "ivshmem-server", "-S", path, "-M", name, "-p", pid_file],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=LIMIT,
    )
    assert done.returncode == 0
    pid = int(pid_file.read_text())
    assert call("stop", "-S", path, program="ivshmem-server") == (0, "", [])
    assert is_over(pid)
    assert os.listdir(tmp_path) == [] and not os.path.exists(f"/dev/shm/{name}")


@pytest.mark.parametrize("control", [True, False])
def test_start_names_who_is_there(start, fails, control):
    """A second start prints which process is in the way, and the command that ends it."""
    given = () if control else ("--control", "none")
    server = start(*given)
    begin = f"ivsh-server: {server.socket}: another server is running there, process "
    end = f": ivsh-server stop -S {server.socket} ends it"
    assert fails(*given) == (1, [f"{begin}{server.supervisor}{end}"])
    alone = kill_supervisor(server)
    assert fails(*given) == (1, [f"{begin}{alone}, whose supervisor was killed{end}"])
    words = re.search(r"ivsh-server (stop -S \S+)", end).group(1).split()
    assert call(*words) == (0, "", [])
    assert is_over(alone)
    assert join(start(*given).socket).message()[0] == 0


@pytest.mark.parametrize("kind", ["memfd", "shm", "file"])
def test_status_of_a_server_without_supervisor(start, tmp_path, kind):
    """The status says that the supervisor is gone, and which path its memory has now."""
    memory = {"memfd": (), "shm": ("--shm", f"ivsh-alone-{os.getpid()}")}
    server = start(*memory.get(kind, ("--file", tmp_path / "m")))
    client = RawClient(server.socket)
    client.handshake(8, 2)
    kill_supervisor(server)
    status, out, _ = call("status", "-S", server.socket)
    assert status == 0 and "no supervisor: it was killed" in out
    got = json.loads(call("status", "-S", server.socket, "--json")[1])
    assert got["server"]["supervisor"] is None
    path = got["memory"]["path"]
    assert os.path.samestat(os.stat(path), os.fstat(client.memory))
    line = call("qemu-args", "-S", server.socket, "--plain")[1]
    assert f"mem-path={path}," in line
    assert (f"/proc/{server.serving}/" in path) == (kind == "memfd")
    if kind == "shm":
        os.unlink(path)
