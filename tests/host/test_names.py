# SPDX-License-Identifier: MIT
"""test_names.py - names in folders that others can write to: sockets, locks, the pid file."""

import fcntl
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

import controlfake
import pytest

from rawclient import LIMIT, RawClient, is_readable, until

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several users")
EVE = 54321  # numbers that no user and no group need to have
GROUP = 54322
ROUNDS = 12


@pytest.fixture
def shared():
    """shared(mode): a folder of Eve's, which everybody can reach."""
    made = []

    def make(mode, owner=EVE):
        made.append(pathlib.Path(tempfile.mkdtemp(prefix="ivsh-names-")))
        os.chown(made[-1], owner, owner)
        made[-1].chmod(mode)
        return made[-1]

    yield make
    for path in made:
        shutil.rmtree(path)


class Eve:
    """A process of another user, which does (work) until the end of the block."""

    def __init__(self, work):
        self.work = work

    def __enter__(self):
        ours, theirs = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setgroups([])
                os.setresgid(EVE, EVE, EVE)
                os.setresuid(EVE, EVE, EVE)
                self.work(lambda: os.write(theirs, b"1"))
            finally:
                os._exit(1)
        os.close(theirs)
        assert is_readable(ours, LIMIT) and os.read(ours, 1) == b"1"
        os.close(ours)

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def swap(folder, target, but=("eve",)):
    """Put a link to (target) in the place of every name that appears, with exceptions."""

    def work(ready):
        number = 0
        ready()
        while True:
            for name in os.listdir(folder):
                if name.endswith(but) or os.path.islink(f"{folder}/{name}"):
                    continue
                number += 1
                try:
                    os.rename(f"{folder}/{name}", f"{folder}/{number}.eve")
                    os.symlink(target, f"{folder}/{name}")
                except OSError:
                    pass

    return work


def state(path):
    st = os.stat(path)
    return st.st_mode, st.st_uid, st.st_gid, path.read_text()


@as_root
@pytest.mark.parametrize("but", [("eve",), ("eve", ".lock", "m")], ids=["all", "sockets"])
def test_links_in_anothers_folder(build, shared, tmp_path, but):
    """She puts a link in the place of what appears: what it leads to stays as it is."""
    folder, target = shared(0o755), tmp_path / "precious"
    tmp_path.chmod(0o755)
    target.write_text("precious")
    target.chmod(0o600)
    before = state(target)
    command = [build / "ivsh-server", "-S", folder / "s", "-p", folder / "pid"]
    command += ["--slot", f"a={folder}/a", "--file", folder / "m", "--memory-mode", "0666"]
    command += ["--socket-mode", "0666", "--socket-group", str(GROUP)]
    command += ["--control-group", str(GROUP)]
    with Eve(swap(folder, target, but)):
        for _ in range(ROUNDS):
            with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
                # It starts, or she has kept it from that: one line either way.
                assert server.stderr.readline()
                server.terminate()
                server.communicate(timeout=LIMIT)
            assert state(target) == before
            for path in folder.iterdir():
                path.unlink() if path.is_symlink() else shutil.rmtree(path, ignore_errors=True)


@as_root
def test_links_at_a_reload(start, shared, tmp_path):
    folder, target, config = shared(0o755), tmp_path / "precious", tmp_path / "config"
    tmp_path.chmod(0o755)
    target.write_text("precious")
    before = state(target)
    config.write_text("")
    options = ("--socket-mode", "0666", "--socket-group", GROUP)
    server = start("-c", config, *options)
    with Eve(swap(folder, target)):
        for turn in range(ROUNDS):
            config.write_text(f"slot = 1={folder}/{turn}\n")
            server.reload("")
            assert state(target) == before
    assert server.process.poll() is None


@as_root
@pytest.mark.parametrize("user", [0, GROUP])
@pytest.mark.parametrize("lock", ["file", "fifo", "folder", "link"])
def test_anothers_lock(build, shared, user, lock):
    """PATH.lock is Eve's, and locked: the server starts all the same, and no second one."""
    folder = shared(0o1777)
    made = folder / "s.lock"

    def work(ready):
        if lock == "file":
            fd = os.open(made, os.O_RDWR | os.O_CREAT, 0o600)
            os.fchmod(fd, 0o666)
            fcntl.flock(fd, fcntl.LOCK_EX)
        elif lock == "fifo":
            os.mkfifo(made)
        elif lock == "folder":
            made.mkdir()
        else:
            made.symlink_to("/etc/passwd")
        ready()
        signal.pause()

    command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    command += [build / "ivsh-server", "-S", folder / "s", "--control", "none"]
    with Eve(work):
        for _ in range(2):
            with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
                line = server.stderr.readline()
                assert f"what=foreign-lock path={folder}/s.lock uid={EVE}" in line
                assert "event=ready" in server.stderr.readline()
                RawClient(folder / "s").handshake(8, 2)
                second = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=LIMIT)
                assert second.returncode == 1
                assert second.stderr.splitlines()[-1].endswith(": bind: Address already in use")
                RawClient(folder / "s").handshake(8, 2)
                server.terminate()
                server.communicate(timeout=LIMIT)
                assert server.returncode == 0
            assert os.listdir(folder) == ["s.lock"]


def test_lock_that_others_can_read(start, tmp_path):
    """A user that can read the lock can hold it: the server makes it anew, for itself alone."""
    lock = tmp_path / "s.lock"
    lock.write_text("")
    lock.chmod(0o644)
    with open(lock, encoding="ascii") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        start()
        assert lock.stat().st_mode & 0o777 == 0o600


@as_root
@pytest.mark.parametrize("stale", [False, True])
def test_two_at_once_without_a_lock(build, shared, stale):
    """With a dead socket in the way, or none: one of them serves, and clients reach that one."""
    folder = shared(0o1777)
    os.mkfifo(folder / "s.lock")
    os.chown(folder / "s.lock", EVE, EVE)
    command = [build / "ivsh-server", "-S", folder / "s", "--control", "none"]
    for _ in range(ROUNDS):
        if stale:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
                dead.bind(str(folder / "s"))
        lines = [[], [], []]
        servers = [
            subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(len(lines))
        ]

        def read(server, into):
            for line in server.stderr:
                into.append(line)

        readers = [threading.Thread(target=read, args=pair) for pair in zip(servers, lines)]
        for reader in readers:
            reader.start()
        try:
            until(lambda: sum(server.poll() == 1 for server in servers) == len(servers) - 1)
            [alive] = [i for i, server in enumerate(servers) if server.poll() is None]
            until(lambda: any("event=ready" in line for line in lines[alive]))
            client = RawClient(folder / "s")
            client.handshake(8, 2)
            until(lambda: any("event=connect" in line for line in lines[alive]))
        finally:
            for server in servers:
                server.terminate()
                server.wait()
            for reader, server in zip(readers, servers):
                reader.join()
                server.stderr.close()
        assert os.listdir(folder) == ["s.lock"]


@as_root
@pytest.mark.parametrize("named", ["supervisor", "server"])
def test_stop_by_anothers_word(build, shared, named):
    """Eve's control socket names a process to end: stop does not end one of root's."""
    folder = shared(0o755)
    with subprocess.Popen(["sleep", "60"]) as victim:
        text = controlfake.WHOLE.replace("{pid}", "0")
        text = re.sub(rf" {named}=\d+", f" {named}={victim.pid}", text, count=1)

        def work(ready):
            text_of_eve = text.replace("supervisor=10 ", f"supervisor={os.getpid()} ")
            text_of_eve = text_of_eve.replace("server=11 ", f"server={os.getpid()} ")
            fake = controlfake.ControlFake(folder / "s.control", [text_of_eve.encode()])
            ready()
            fake.thread.join()

        try:
            with Eve(work):
                command = [build / "ivsh-server", "stop", "-S", folder / "s"]
                done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
                assert (done.returncode, done.stdout) == (1, "")
                assert f"process {victim.pid} is to be ended" in done.stderr
                assert len(done.stderr.splitlines()) == 1
                assert victim.poll() is None
        finally:
            victim.kill()


# The pid file


def test_pid_file_is_made_anew(start, tmp_path):
    """The file that has the name may have other names: the server does not write to it."""
    precious, pid = tmp_path / "precious", tmp_path / "pid"
    precious.write_text("precious")
    os.link(precious, pid)
    server = start("-p", pid)
    assert int(pid.read_text()) == server.supervisor
    assert precious.read_text() == "precious"
    assert server.stop() == 0
    assert os.listdir(tmp_path) == ["precious"]


def test_pid_file_of_another_stays(start, tmp_path):
    pid = tmp_path / "pid"
    server = start("-p", pid)
    pid.unlink()
    pid.write_text("1\n")
    assert server.stop() == 0
    assert pid.read_text() == "1\n"


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_pid_file_that_is_none(fails, tmp_path, kind):
    pid = tmp_path / "pid"
    {"link": lambda: pid.symlink_to("x"), "folder": pid.mkdir}[kind]()
    status, lines = fails("-p", pid)
    assert status == 1 and len(lines) == 1 and f"{pid}: write: " in lines[0]
    assert os.listdir(tmp_path) == ["pid"]


def test_pid_file_that_is_a_pipe(start, tmp_path):
    """It is written to, and stays."""
    pid = tmp_path / "pid"
    os.mkfifo(pid)
    fd = os.open(pid, os.O_RDWR)
    server = start("-p", pid)
    assert int(os.read(fd, 16)) == server.supervisor
    os.close(fd)
    assert server.stop() == 0
    assert os.listdir(tmp_path) == ["pid"]
