# SPDX-License-Identifier: MIT
"""test_systemd.py - readiness, watchdog and sockets, with the test in systemd's place."""

import os
import signal
import socket
import stat
import sys
import time

import pytest

from rawclient import LIMIT, RawClient, is_readable, within

# As systemd starts a service: descriptors from 3 on, and whom they are for.
ACTIVATE = """
import os, sys
count = int(sys.argv[1])
for i, fd in enumerate(sys.argv[2 : 2 + count]):
    os.dup2(int(fd), 200 + i)
for i in range(count):
    os.dup2(200 + i, 3 + i)
    os.close(200 + i)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(count))
os.execv(sys.argv[2 + count], sys.argv[2 + count :])
"""


def activation(sockets, names=None):
    """The keywords that start a server with these sockets, as LISTEN_FDNAMES has them."""
    fds = [made.fileno() for made in sockets]
    prefix = [sys.executable, "-c", ACTIVATE, len(fds), *fds]
    if names is not None:
        prefix = ["env", f"LISTEN_FDNAMES={names}", *prefix]
    return {"prefix": tuple(map(str, prefix)), "pass_fds": fds}


def listening(path, kind=socket.SOCK_STREAM, listen=True):
    made = socket.socket(socket.AF_UNIX, kind)
    made.bind(str(path))
    if listen:
        made.listen()
    return made


class Manager:
    """systemd's end of NOTIFY_SOCKET."""

    def __init__(self, name):
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.got = []

    def read(self, seconds=0.0):
        """Take one datagram: its lines, which came from the process that systemd has started."""
        if not is_readable(self.socket, seconds):
            return None
        data, control, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(12))
        self.sender = int.from_bytes(control[0][2][:4], sys.byteorder)
        self.got.append(data.decode())
        return self.got[-1]

    def expect(self, text):
        end = time.monotonic() + LIMIT
        while (got := self.read(0.1)) is None or text not in got.splitlines():
            assert time.monotonic() < end, f"no {text} in {self.got}"
        return got


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    name = f"{folder}/notify" if request.param == "path" else f"@ivsh-test-{os.getpid()}"
    made = Manager(name)
    yield made
    made.socket.close()


def test_notifications(start, manager):
    server = start(prefix=("env", f"NOTIFY_SOCKET={manager.name}"))
    manager.expect("READY=1")
    assert manager.sender == server.supervisor
    client = RawClient(server.socket)
    client.handshake(8, 2)
    server.process.send_signal(signal.SIGHUP)
    manager.expect("RELOADING=1")
    manager.expect("READY=1")
    server.await_line("event=takeover")
    assert manager.read(0.3) is None, "no WATCHDOG_USEC, no WATCHDOG=1"
    assert client.is_quiet(0)
    assert server.stop() == 0
    manager.expect("STOPPING=1")
    assert manager.read(0.1) is None


def test_failed_reload_is_ready_again(start, manager, tmp_path):
    (tmp_path / "config").write_text("")
    server = start("-c", tmp_path / "config", prefix=("env", f"NOTIFY_SOCKET={manager.name}"))
    manager.expect("READY=1")
    (tmp_path / "config").write_text("nonsense\n")
    server.reload("failed")
    manager.expect("RELOADING=1")
    manager.expect("READY=1")


def test_watchdog(start, manager):
    """Three times as often as is asked for; and when the server is killed, it goes on."""
    prefix = ("env", f"NOTIFY_SOCKET={manager.name}", "WATCHDOG_USEC=1500000")
    server = start(prefix=prefix)
    manager.expect("READY=1")

    def three():
        for _ in range(3):
            manager.expect("WATCHDOG=1")

    within(3 * 0.9, three)
    server.kill_serving()
    within(3 * 0.9, three)
    environment = open(f"/proc/{server.serving}/environ").read()
    assert "NOTIFY_SOCKET" not in environment and "WATCHDOG_USEC" not in environment


def test_another_s_watchdog(start, manager):
    prefix = ("env", f"NOTIFY_SOCKET={manager.name}", "WATCHDOG_USEC=300000", "WATCHDOG_PID=1")
    start(prefix=prefix)
    manager.expect("READY=1")
    assert manager.read(0.6) is None


def test_nobody_listens(start, tmp_path):
    server = start(prefix=("env", f"NOTIFY_SOCKET={tmp_path}/none", "WATCHDOG_USEC=300000"))
    RawClient(server.socket).handshake(8, 2)
    assert server.stop() == 0


def test_all_sockets(start, tmp_path):
    """Common, control, and a bound one: used as they are, over kills, and left where they are."""
    paths = {name: tmp_path / f"systemd.{name}" for name in ("alpha", "common", "control")}
    sockets = [listening(path) for path in paths.values()]
    for path in paths.values():
        path.chmod(0o640)
    early = RawClient(paths["common"])  # before there is a server: this is what activation is for
    server = start("--slot", f"alpha={tmp_path}/none", **activation(sockets, ":".join(paths)))
    early.handshake(8, 2)
    alpha = RawClient(paths["alpha"])
    alpha.handshake(8, 2)
    assert (alpha.id, early.id) == (0, 1)
    assert sorted(os.listdir(tmp_path)) == sorted(path.name for path in paths.values())
    assert server.field("socket") == str(paths["common"])
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
        control.connect(str(paths["control"]))
        control.sendall(b"status\n")
        control.settimeout(LIMIT)
        answer = control.makefile().read()
    assert f"listener socket={paths['common']}\n" in answer
    server.kill_serving()
    server.reload()
    alpha.close()
    server.await_line("event=disconnect slot=0")
    again = RawClient(paths["alpha"])
    again.handshake(8, 2)
    assert again.id == 0
    assert server.stop() == 0
    assert sorted(os.listdir(tmp_path)) == sorted(path.name for path in paths.values())
    for path in paths.values():
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    late = RawClient(paths["common"])
    assert late.is_quiet(0), "it waits for the next one, and is not refused"
    start("--slot", f"alpha={tmp_path}/none", **activation(sockets, ":".join(paths)))
    late.handshake(8, 2)


@pytest.mark.parametrize("names", [None, "unknown", "ivsh-server.socket", "common"])
def test_common_socket_alone(start, tmp_path, names):
    made = listening(tmp_path / "systemd")
    server = start(**activation([made], names))
    assert server.field("socket") == f"{tmp_path}/systemd"
    RawClient(tmp_path / "systemd").handshake(8, 2)
    assert not (tmp_path / "s").exists()
    assert (tmp_path / "s.control").exists()
    assert server.stop() == 0
    assert os.listdir(tmp_path) == ["systemd"]


def test_for_another_process(start, tmp_path):
    """LISTEN_PID is not ours: so are the sockets."""
    made = listening(tmp_path / "systemd")
    keywords = activation([made])
    keywords["prefix"] += ("/usr/bin/setsid", "--fork", "--wait")
    server = start(**keywords)
    assert server.field("socket") == f"{tmp_path}/s"
    RawClient(server.socket).handshake(8, 2)
    os.kill(int(server.field("pid")), signal.SIGTERM)
    assert server.process.wait(LIMIT) == 0


@pytest.mark.parametrize(
    "kind,listen",
    [
        (socket.SOCK_STREAM, False),
        (socket.SOCK_DGRAM, False),
        (socket.SOCK_SEQPACKET, True),
        ("file", None),
        ("inet", None),
    ],
)
def test_wrong_descriptors(fails, tmp_path, kind, listen):
    if kind == "file":
        made = open(tmp_path / "systemd", "w")
    elif kind == "inet":
        made = socket.create_server(("127.0.0.1", 0))
    else:
        made = listening(tmp_path / "systemd", kind, listen)
    with made:
        status, lines = fails(**activation([made], "common"))
    assert status == 1
    assert lines == ["ivsh-server: LISTEN_FDS: 3 is no listening UNIX stream socket"]
    assert set(os.listdir(tmp_path)) <= {"systemd"}


def test_names_that_nobody_has(fails, tmp_path):
    """A socket that would never be served: its clients would wait for ever."""
    with listening(tmp_path / "a") as a, listening(tmp_path / "b") as b:
        status, lines = fails(**activation([a, b], "common:nobody"))
    assert status == 1
    assert len(lines) == 1
    assert lines[0].startswith("ivsh-server: LISTEN_FDS: 1 sockets are nobody's")
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_no_notification_before_it_serves(tmp_path, fails):
    """A server that fails to start sends nothing to systemd."""
    made = Manager(str(tmp_path / "notify"))
    prefix = ("env", f"NOTIFY_SOCKET={made.name}")
    status, _ = fails("--file", tmp_path / "none" / "m", prefix=prefix)
    assert status == 1
    assert made.read(0.1) is None
    made.socket.close()
