# SPDX-License-Identifier: MIT
"""test_daemon.py - the server in the background: nobody waits for it, and its log can be read."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess

import pytest

from rawclient import LIMIT, RawClient, is_over, is_readable, until

PROGRAMS = ["ivsh-server", "ivshmem-server"]


@pytest.fixture
def daemon(build, tmp_path):
    """daemon(program, ...): what the command did. The daemon is ended with the test."""
    pid_file = tmp_path / "pid"

    def run(program, *arguments, prefix=(), **keywords):
        command = [*prefix, build / program, "--daemon", "-S", tmp_path / "s", "-p", pid_file]
        command += ["-M", f"ivsh-daemon-{os.getpid()}", *arguments]
        return subprocess.run(command, stdin=subprocess.DEVNULL, timeout=LIMIT, **keywords)

    run.pid = lambda: int(pid_file.read_text())
    yield run
    if pid_file.exists():
        pid = run.pid()
        os.kill(pid, signal.SIGTERM)
        until(lambda: not os.path.exists(f"/proc/{pid}") or is_over(pid))


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("merged", [False, True])
def test_nobody_waits_for_it(daemon, tmp_path, program, merged):
    """x=$(ivshmem-server ... 2>&1) returns, with all that was said until it was ready."""
    ours, theirs = os.pipe()
    done = daemon(
        program,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merged else subprocess.PIPE,
        text=True,
        pass_fds=[theirs],
    )
    os.close(theirs)
    assert done.returncode == 0
    assert "event=ready" in (done.stdout if merged else done.stderr)
    assert merged or done.stdout == ""
    assert is_readable(ours, LIMIT) and os.read(ours, 1) == b"", "it has let go of this one, too"
    os.close(ours)
    assert RawClient(tmp_path / "s").message() == (0, None)
    assert not is_over(daemon.pid())


def test_terminal(daemon):
    """The terminal's other end sees a hang-up when the command has returned."""
    ours, theirs = os.openpty()
    done = daemon("ivsh-server", stdout=theirs, stderr=theirs)
    os.close(theirs)
    assert done.returncode == 0
    said = b""
    with contextlib.suppress(OSError):  # EIO: nobody holds the other end
        while is_readable(ours, LIMIT):
            said += os.read(ours, 4096)
    assert b"event=ready" in said
    os.close(ours)


@pytest.mark.parametrize("program", PROGRAMS)
def test_failure_is_told(daemon, tmp_path, program):
    (tmp_path / "s").write_text("precious")
    done = daemon(program, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    lines = [line for line in done.stderr.splitlines() if "what=no-log" not in line]
    assert lines == [f"{program}: {tmp_path}/s: exists and is not a socket"]


def test_log_in_a_file(daemon, tmp_path):
    """It stays there."""
    with open(tmp_path / "log", "w", encoding="ascii") as log:
        assert daemon("ivsh-server", stderr=log).returncode == 0
    assert "no-log" not in (tmp_path / "log").read_text()
    RawClient(tmp_path / "s").handshake(8, 2)
    until(lambda: "event=connect slot=0" in (tmp_path / "log").read_text())


OWN_DEV = """
mount -t tmpfs none "$1" && mkdir "$1/shm" && ln -s /proc/self/fd "$1/fd" && ln -s "$2" "$1/log"
for node in null zero random urandom
do touch "$1/$node" && mount --bind "/dev/$node" "$1/$node"; done
mount --rbind "$1" /dev; shift 2; exec "$@"
"""


def test_system_log(daemon, tmp_path):
    """Without a file it is syslog's: of the server, of its successors, and of the supervisor."""
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    if subprocess.run([*unshare, "mount", "-t", "tmpfs", "none", tmp_path], check=False).returncode:
        pytest.skip("this machine lets nobody mount a tmpfs of one's own")
    (tmp_path / "dev").mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.settimeout(10)
        log.bind(str(tmp_path / "log"))

        def await_line(text):
            while text not in (line := log.recv(65536)):
                pass
            assert line.startswith(b"<30>ivsh-server[") and b"]: event=" in line
            return line

        prefix = [*unshare, "sh", "-ec", OWN_DEV, "sh", tmp_path / "dev", tmp_path / "log"]
        done = daemon("ivsh-server", prefix=prefix, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 0 and "no-log" not in done.stderr
        client = RawClient(tmp_path / "s")
        client.handshake(8, 2)
        await_line(b"event=connect slot=0")
        os.kill(daemon.pid(), signal.SIGHUP)
        await_line(b"event=reload result=done")
        await_line(b"event=takeover")
        client.close()
        await_line(b"event=disconnect slot=0")


def test_no_log_is_said(daemon):
    """Where there is neither: once, before it is silent."""
    if os.path.exists("/dev/log"):
        pytest.skip("this machine has a system log")
    done = daemon("ivsh-server", stderr=subprocess.PIPE, text=True)
    assert done.stderr.count("what=no-log") == 1 and "2>FILE" in done.stderr


MARKS = ["\x1b[2J", "\n", "\x7f", "\x9b", "\u202e", "\u2028"]


@pytest.mark.parametrize("mark", MARKS, ids=[mark.encode("unicode_escape") for mark in MARKS])
def test_lines_steer_no_terminal(start, fails, tmp_path, mark):
    """Lines stay lines of printable characters, whatever bytes a path has."""
    folder = tmp_path / f"a{mark}b"
    folder.mkdir()
    server = start("-S", folder / "t", "--slot", f"alpha={folder}/s", "--control", folder / "c")
    status, lines = fails("-S", folder / "none" / "s")
    assert server.stop() == 0
    for line in [*server.lines, *lines]:
        assert line.isascii() and line.isprintable()
    assert (status, len(lines)) == (1, 1)
    codes = mark.encode()
    shown = "".join(chr(c) if 32 <= c < 127 else f"\\x{c:02x}" for c in codes)
    assert f"a{shown}b" in lines[0]
    assert any("event=bound" in line and f"a{shown}b" in line for line in server.lines)
    shutil.rmtree(folder)
