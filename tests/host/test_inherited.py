# SPDX-License-Identifier: MIT
"""test_inherited.py - what a process has from its parent: signals, timers, limits, and more."""

import os
import re
import signal
import stat
import subprocess

import pytest

from rawclient import LIMIT, RawClient, until

# Executes its arguments in a state that somebody else left behind.
STATES = {
    "ignored": "[signal.signal(s, signal.SIG_IGN) for s in able]",
    "blocked": "signal.pthread_sigmask(signal.SIG_BLOCK, able)",
    # Every millisecond from here on, blocked at first: they would end what unblocks them.
    "timers": "signal.pthread_sigmask(signal.SIG_BLOCK, able);"
    "[signal.setitimer(which, 0.001, 0.001) for which in (0, 1, 2)]",
    "pending": "signal.pthread_sigmask(signal.SIG_BLOCK, able);"
    "[os.kill(os.getpid(), s) for s in able - {1, 2, 3, 15, *range(18, 23)}]",
    "umask": "os.umask(0o777)",
}
SETUP = (
    "import os, signal, sys;"
    "able = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP};"
    "%s; os.execv(sys.argv[1], sys.argv[1:])"
)
HELD = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD}
TRUNCATED = "ivsh: the memory was truncated while in use: it is lost"


def left_by(state):
    return ("/usr/bin/python3", "-c", SETUP % STATES[state])


def join(path, slots=8, vectors=2):
    client = RawClient(path)
    client.handshake(slots, vectors)
    return client


def signals(pid, what):
    """SigBlk or SigIgn of a process. proc(5)."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        mask = int(re.search(rf"^{what}:\s*(\w+)", file.read(), re.M).group(1), 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


@pytest.mark.parametrize("state", STATES)
def test_server(start, tmp_path, state):
    """Takeover, reload, a truncated memory and SIGTERM, as from a clean start."""
    memory = tmp_path / "m"
    server = start("--file", memory, "-p", tmp_path / "pid", prefix=left_by(state))
    first = join(server.socket)
    server.kill_serving()
    server.reload()
    for pid in server.pids:
        assert signals(pid, "SigBlk") == HELD
        assert not signals(pid, "SigIgn") & {signal.SIGBUS, signal.SIGALRM, signal.SIGCHLD}
    for name in ("m", "pid", "s.lock"):
        assert os.stat(tmp_path / name).st_mode & 0o600 == 0o600, "its user's own, whatever umask"
    assert stat.S_IMODE(os.stat(server.socket + ".control").st_mode) == 0o600
    serving = server.serving
    os.truncate(memory, 0)
    server.await_line("what=memory-lost")
    assert join(server.socket).id == 1 and first.is_quiet(0)
    assert server.serving == serving and server.count("event=server-ended") == 1
    assert server.stop() == 0
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("state", ["ignored", "blocked"])
def test_server_that_does_not_end(start, state):
    """The supervisor kills a server that does not end by itself, and sees its end."""
    server = start(prefix=left_by(state))
    os.kill(server.serving, signal.SIGSTOP)
    assert server.stop() == 0


def test_sent_before_the_start(build, tmp_path):
    """Somebody wants it to end before it was there: blocked or not, that is heard."""
    setup = "signal.pthread_sigmask(signal.SIG_BLOCK, able); os.kill(os.getpid(), 15)"
    done = subprocess.run(
        ["/usr/bin/python3", "-c", SETUP % setup, build / "ivsh-server", "-S", tmp_path / "s"],
        stderr=subprocess.PIPE,
        timeout=LIMIT,
    )
    assert done.returncode == -signal.SIGTERM
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("state", STATES)
def test_commands(start, build, state):
    """status and qemu-args, and the tool's own."""
    server = start()
    for command in (
        ("ivsh-server", "status", "-S", server.socket),
        ("ivsh-server", "qemu-args", "-S", server.socket),
        ("ivsh", "-S", server.socket, "ls"),
    ):
        done = subprocess.run(
            [*left_by(state), build / command[0], *command[1:]],
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout and len(done.stderr.splitlines()) == (command[1] == "qemu-args")


@pytest.mark.parametrize("state", STATES)
def test_tool(at, build, tmp_path, state):
    """The tool ends on SIGTERM, and reports that its memory was truncated."""
    memory = tmp_path / "m"
    memory.write_bytes(bytes(4 << 20))
    for end in ("term", "truncate"):
        with subprocess.Popen(
            [*left_by(state), build / "ivsh", "-f", memory, "--slot", "0", "echo"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert "answers" in process.stdout.readline()
                if end == "term":
                    process.terminate()
                    assert process.wait(LIMIT) >= 0, "by itself, not by the signal"
                else:
                    os.truncate(memory, 0)
                    assert process.wait(LIMIT) == 1
                    assert TRUNCATED in process.stderr.read()
            finally:
                process.kill()


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_closed_descriptors(start, build, closed):
    """None of its own becomes somebody's stdout: what cannot be shown is a failure."""
    server = start()
    holder = join(server.socket)
    for command in (
        ("ivsh", "-S", server.socket, "ls"),
        ("ivsh-server", "status", "-S", server.socket),
        ("ivsh-server", "qemu-args", "-S", server.socket),
        ("ivsh-server", "--help"),
        ("ivsh", "--help"),
    ):
        words = " ".join(f"{fd}{'<' if fd == 0 else '>'}&-" for fd in closed)
        done = subprocess.run(
            ["sh", "-c", f'exec "$0" "$@" {words}', build / command[0], *command[1:]],
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        assert done.returncode == (1 if 1 in closed else 0), (command, done.stderr)
        if closed == (1,):
            assert "stdout" in done.stderr or "Bad file descriptor" in done.stderr
    assert server.count("sent-bytes") == 0
    assert holder.is_quiet(0) and join(server.socket).id == 1


LOW = ("--nofile=20:4096", "--fsize=0:", "--as=8388608:", "--data=1048576:", "--stack=65536:")


def test_soft_limits(start, at):
    """They are ours to raise; what the new server finds is the same."""
    server = start("-l", "64M", "-n", 32, prefix=("prlimit", *LOW))
    first = join(server.socket, 8, 32)
    server.kill_serving()
    server.reload()
    assert join(server.socket, 8, 32).id == 1 and first.is_quiet(0)
    assert server.stop() == 0


def test_soft_limits_of_the_tool(start, build):
    server = start("-l", "64M", "-n", 32)
    done = subprocess.run(
        ["prlimit", *LOW, build / "ivsh", "-S", server.socket, "ls"],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("relative", [False, True])
def test_folder_that_vanishes(start, build, tmp_path, relative):
    """Nothing of what it does later needs the folder in which it was started."""
    folder = tmp_path / "gone"
    folder.mkdir()
    config = tmp_path / "c"
    config.write_text("size = 4M\n")
    there = ("sh", "-c", f'cd {folder} && rmdir {folder}; exec "$@"', "sh")
    if relative:
        there = ("sh", "-c", f'cd {folder}; exec "$@"', "sh")
    server = start(
        "-c", config, *(("--control", "control", "--file", "m") if relative else ()), prefix=there
    )
    first = join(server.socket)
    if relative:
        for name in os.listdir(folder):
            os.unlink(folder / name)
        folder.rmdir()
    server.kill_serving()
    server.reload()
    assert join(server.socket).id == 1 and first.is_quiet(0)
    assert server.stop() == 0
    assert sorted(os.listdir(tmp_path)) == ["c"]


def test_child_of_another_program(start):
    """A child that its program had before it became the server is waited for, and is no server."""
    server = start(prefix=("sh", "-c", 'sleep 0.2 & exec "$@"', "sh"))
    children = f"/proc/{server.supervisor}/task/{server.supervisor}/children"
    until(lambda: open(children).read().split() == [str(server.serving)])
    server.kill_serving()
    assert server.stop() == 0
