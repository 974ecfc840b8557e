# SPDX-License-Identifier: MIT
"""
test_bridge_inherited.py - what a bridge has from its parent: signals, timers, limits, descriptors;
and what it leaves of itself when it is killed.
"""

import os
import signal
import socket
import stat
import subprocess

import pytest
from bridgetool import exchange
from rawclient import until
from servertool import BUILD, LIMIT
from test_bridge_rights import as_root
from test_inherited import LOW, STATES, left_by, signals
from test_systemd import manager as manager

HELD = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE}
GLIBC = {32, 33}
ALICE = 41001


def begin(side, *prefix):
    """Start the bridge again, by (prefix)."""
    assert side.bridge.stop() == 0
    side.bridge.prefix = prefix
    side.bridge.start()


@pytest.mark.parametrize("state", STATES)
def test_states(world, state):
    """It serves, comes back to the bus, reloads and ends, as from a clean start."""
    w = world("core")
    begin(w.a, *left_by(state))
    exchange(w, b"first")
    pid = w.a.bridge.process.pid
    assert signals(pid, "SigBlk") == HELD
    # The second is libnats'; those of glibc's own nobody can reset, and make has them ignored.
    assert signals(pid, "SigIgn") - GLIBC == {signal.SIGXFSZ, signal.SIGPIPE}
    for path in (w.a.folder / "state").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == (0o600 if path.is_file() else 0o700)
    w.nats.stop()
    w.a.bridge.await_line("event=bus-down")
    ups = w.a.bridge.count("event=bus-up")  # the first bridge may have ended before its own
    w.nats.start()
    w.a.bridge.await_line("event=bus-up", ups + 1)
    w.a.bridge.process.send_signal(signal.SIGHUP)
    assert "result=done" in w.a.bridge.await_line("event=reload")
    exchange(w, b"second")
    w.a.bridge.process.send_signal(signal.SIGTERM)
    assert w.a.bridge.process.wait(LIMIT) == 0
    w.a.bridge.prefix = ()
    w.a.bridge.start()


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_closed_descriptors(world, closed):
    """None of its own becomes somebody's stdout, and no line of the log goes into a file of its."""
    w = world("core")
    assert w.a.bridge.stop() == 0
    (w.a.folder / "state/control").unlink()
    words = " ".join(f"{fd}{'<' if fd == 0 else '>'}&-" for fd in closed)
    process = subprocess.Popen(
        ["sh", "-c", f'exec "$0" "$@" {words}', BUILD / "ivsh-bridge", "--config", w.a.config],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until((w.a.folder / "state/control").exists)
        for fd in range(3):
            assert os.readlink(f"/proc/{process.pid}/fd/{fd}") == "/dev/null"
        exchange(w, b"none of them")
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT) == 0
    finally:
        process.kill()
        process.wait(LIMIT)
    for path in (w.a.folder / "state").iterdir():
        assert not path.is_file() or b"event=" not in path.read_bytes()
    w.a.bridge.start()


@pytest.mark.parametrize("form", ["--help", "--version", "--status", "--json", "--prometheus"])
def test_nothing_shown(world, form):
    """What cannot be shown is a failure, in one line."""
    w = world("core")
    words = [BUILD / "ivsh-bridge", "--config", w.a.config, form]
    for out, status in (">&-", 1), (">/dev/full", 1), (">/dev/null", 0):
        done = subprocess.run(
            ["sh", "-c", f'exec "$0" "$@" {out}', *words],
            stderr=subprocess.PIPE, text=True, timeout=LIMIT,
        )  # fmt: skip
        assert (done.returncode, done.stderr.count("\n")) == (status, status), done.stderr
        assert status == 0 or done.stderr.startswith("ivsh-bridge: stdout: ")


def test_systemd(world, manager):
    """It says when it serves, reloads and ends, and that it lives."""
    w = world("core")
    begin(w.a, "env", f"NOTIFY_SOCKET={manager.name}", "WATCHDOG_USEC=600000")
    manager.expect("READY=1")
    assert manager.sender == w.a.bridge.process.pid
    for _ in range(3):
        manager.expect("WATCHDOG=1")
    exchange(w, b"watched")
    w.a.bridge.process.send_signal(signal.SIGHUP)
    manager.expect("RELOADING=1")
    manager.expect("READY=1")
    assert w.a.bridge.stop() == 0
    manager.expect("STOPPING=1")
    w.a.bridge.prefix = ()
    w.a.bridge.start()


def test_soft_limits(world):
    """They are ours to raise: of memory, too, behind what the libraries take before we begin."""
    w = world("core")
    low = [word for word in LOW if not word.startswith(("--as=", "--data="))]
    begin(w.a, "prlimit", *low, "--as=40000000:", "--data=2000000:")
    exchange(w, b"low limits")


def status(side):
    """What --status answers, within its time."""
    return side.bridge.status()[0]


def test_few_descriptors(world):
    """One line says what there are too few of; it answers all the same."""
    w = world("core")
    begin(w.a, "prlimit", "--nofile=14:14")
    pid = w.a.bridge.process.pid
    with w.b.peer():
        said = w.a.bridge.await_line("event=attach-failed")
        assert 'reason="14 descriptors are too few: raise ulimit -n, or LimitNOFILE="' in said
        assert status(w.a)["bus"] == "1"
        # None at all: who asks is answered all the same, by one that is held back.
        taken = len(os.listdir(f"/proc/{pid}/fd"))
        subprocess.run(["prlimit", f"--pid={pid}", f"--nofile={taken}:14"], check=True)
        assert status(w.a)["bus"] == "1"
        assert status(w.a)["bus"] == "1"
        assert w.a.bridge.count("event=attach-failed") == 1
    begin(w.a)
    exchange(w, b"enough")


def test_no_file_size(world):
    """A state that cannot be: one line, and no process that a signal has killed."""
    w = world("core")
    assert w.a.bridge.stop() == 0
    for path in (w.a.folder / "state").iterdir():
        path.unlink()
    done = subprocess.run(
        ["prlimit", "--fsize=0:0", BUILD / "ivsh-bridge", "--config", w.a.config],
        stderr=subprocess.PIPE, text=True, timeout=LIMIT,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "ivsh-bridge: apeer.b.bpeer: File too large\n"
    w.a.bridge.start()


def test_no_core_file(world):
    """A bridge that a signal kills leaves nothing of its memory."""
    w = world("core")
    begin(w.a, "prlimit", "--core=unlimited")
    process = w.a.bridge.process
    process.send_signal(signal.SIGSEGV)
    ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert (ended.si_code, ended.si_status) == (os.CLD_KILLED, signal.SIGSEGV)
    w.a.bridge.stop()
    w.a.bridge.prefix = ()
    w.a.bridge.start()


@as_root
def test_not_read(public, public_bridge):
    """Where it is another user's, /proc gives what is in it to root alone."""
    config = public / "conf"
    state = public / "state"
    state.mkdir()
    os.chown(state, ALICE, ALICE)
    config.write_text(
        "region = r\nhost = a\nurl = nats://127.0.0.1:1\nsocket = /none\nlocal 0 = x\n"
        f"slot 5 = b/y\nstate = {state}\n"
    )
    process = subprocess.Popen(
        [public_bridge, "--config", config],
        stderr=subprocess.PIPE, text=True, user=ALICE, group=ALICE, extra_groups=[],
    )  # fmt: skip
    try:
        assert "event=ready" in process.stderr.readline()
        assert os.stat(f"/proc/{process.pid}/environ").st_uid == 0
        process.terminate()
        assert process.wait(LIMIT) == 0
    finally:
        process.kill()
        process.wait(LIMIT)
        process.stderr.close()


def test_many_ask(world):
    """Who asks for the status and does not read is no matter: the ninth ends the first one's."""
    w = world("core")
    asking = []
    with w.a.peer(), w.b.peer():
        for _ in range(30):
            asking.append(socket.socket(socket.AF_UNIX))
            asking[-1].connect(str(w.a.folder / "state/control"))
        assert status(w.a)["bus"] == "1"
    exchange(w, b"all the same")
    for one in asking:
        one.close()


def test_large_status(world):
    """A status that is larger than what a socket takes at once comes whole."""
    w = world("core")
    names = "".join(f"local {i} = p{i}\n" for i in range(6, 66))
    far = "".join(f"slot {i} = c/p{i}\n" for i in range(66, 96))
    w.a.config.write_text(w.a.config.read_text() + names + far)
    w.a.bridge.process.send_signal(signal.SIGHUP)
    assert "result=done" in w.a.bridge.await_line("event=reload")
    done = subprocess.run(
        [BUILD / "ivsh-bridge", "--config", w.a.config, "--status"],
        capture_output=True, text=True, timeout=LIMIT,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(done.stdout) > 400000
    assert len(lines) == 1 + 61 * 31 and all(line.startswith("pair ") for line in lines[1:])
