# SPDX-License-Identifier: MIT
"""
test_bridge_rights.py - what a bridge may do to this machine; and several remote peers, and peers of
this host that are killed.
"""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from bridgetool import PORT, ROOT, Side, World, await_event, drained, exchange, ivsh
from rawclient import until
from servertool import LIMIT, Server

ALICE, CREW = 41001, 41900  # nobody's
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def openssl(*words, data=None):
    done = subprocess.run(
        ["openssl", *map(str, words)], input=data, capture_output=True, timeout=60, check=True
    )
    return done.stdout


# --- On this machine ----------------------------------------------------------------------------


def threads(pid):
    """What /proc says of each thread; one that opens something may end meanwhile."""
    for path in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            lines = (path / "status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        yield {line.split(":")[0]: line.split(":")[1].split() for line in lines if ":" in line}


def is_confined(pid, user, group):
    found = list(threads(pid))
    assert len(found) > 1  # libnats'
    for it in found:
        assert set(it["Uid"]) == {str(user)} and set(it["Gid"]) == {str(group)}
        assert it["Groups"] == []
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(it[kind][0], 16) == 0
        assert (it["Seccomp"], it["NoNewPrivs"], it["Umask"]) == (["2"], ["1"], ["0077"])


@as_root
def test_user(public):
    """As another user and filtered it serves, over TLS too, and comes back to bus and region."""
    openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=bus",
        "-addext", "subjectAltName=IP:127.0.0.1",
        "-keyout", public / "bus.key", "-out", public / "bus.crt",
    )  # fmt: skip
    nats = f'tls {{ cert_file: "{public}/bus.crt", key_file: "{public}/bus.key" }}\n'
    open_to_all = ("--socket-mode", "0666")
    w = World(public, "core", f"tls-ca = {public}/bus.crt\n", nats, (open_to_all, open_to_all))
    try:
        for side in w.sides:
            side.bridge.stop()
            state = side.folder / "state"
            for path in (state, *state.iterdir()):
                os.chown(path, ALICE, CREW)
            side.config.write_text(side.config.read_text() + f"user = {ALICE}:{CREW}\n")
            ups = side.bridge.count("event=bus-up")
            side.bridge.start()
            side.bridge.await_line("event=bus-up", ups + 1)
            is_confined(side.bridge.process.pid, ALICE, CREW)
        exchange(w, b"first")
        # libnats resolves, connects and begins threads anew.
        w.nats.stop()
        for side in w.sides:
            side.bridge.await_line("event=bus-down")
        ups = [side.bridge.count("event=bus-up") for side in w.sides]
        w.nats.start()
        for side, count in zip(w.sides, ups):
            side.bridge.await_line("event=bus-up", count + 1)
        exchange(w, b"another bus")
        w.a.server.stop()
        w.a.bridge.await_line("event=region-down")
        w.a.server = Server(w.a.folder, "--slot", f"5={w.a.folder}/s5", *open_to_all)
        exchange(w, b"another region")
        w.a.bridge.process.send_signal(signal.SIGHUP)
        assert "result=done" in w.a.bridge.await_line("event=reload")
        exchange(w, b"another mapping")
        for side in w.sides:
            is_confined(side.bridge.process.pid, ALICE, CREW)
        assert w.a.bridge.status()[0]["bus"] == "1"
    finally:
        w.stop()


@as_root
def test_user_refused(tmp_path, public_bridge):
    """A user that is not there; one that we may not become; a state that is not that user's."""
    config = tmp_path / "conf"
    text = (
        "region = r\nhost = a\nurl = nats://127.0.0.1:1\nsocket = /s\nlocal 0 = x\n"
        f"slot 5 = b/y\nstate = {tmp_path}/state\n"
    )

    def refused(name, status, **keywords):
        config.write_text(text + f"user = {name}\n")
        done = subprocess.run(
            [public_bridge, "--config", "/dev/stdin"], stdin=config.open(),
            capture_output=True, text=True, timeout=LIMIT, **keywords,
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1)
        return done.stderr

    assert "/dev/stdin:8: user: nobody-here: there is no such user" in refused("nobody-here", 2)
    said = refused(f"{ALICE}:{CREW}", 1, user=ALICE + 1, group=CREW, extra_groups=[])
    assert said == f"ivsh-bridge: user: {ALICE}:{CREW}: Operation not permitted\n"
    assert not (tmp_path / "state").exists()
    (tmp_path / "state").mkdir()
    assert "/state: " in refused(f"{ALICE}:{CREW}", 1)


# --- Several remote peers, and peers that are killed --------------------------------------------


@pytest.mark.parametrize("mode", ["core", "jetstream"])
def test_remotes(world, tmp_path, mode):
    """Two peers of one host and one of another, in one bridge: each message comes to whom it is."""
    slots = [word for n in (6, 7) for word in ("--slot", f"{n}={tmp_path}/a/s{n}")]
    w = world(mode, servers=(slots, ()))
    w.sides.append(Side(tmp_path, "c", "a", w.nats, mode))
    c = w.sides[-1]
    for side, more in (
        (w.a, f"slot 6 = b/second {mode} socket={tmp_path}/a/s6\n"
         f"slot 7 = c/cpeer {mode} socket={tmp_path}/a/s7\n"),
        (w.b, "local 1 = second\n"),
    ):  # fmt: skip
        side.config.write_text(side.config.read_text() + more)
        side.bridge.process.send_signal(signal.SIGHUP)
        assert "result=done" in side.bridge.await_line("event=reload")
    with w.a.peer() as a, w.b.peer() as b, c.peer() as third:
        with ivsh.Peer(w.b.socket, "second") as second:
            others = {5: b, 6: second, 7: third}
            names = {5: "bpeer", 6: "second", 7: "cpeer"}
            for slot, peer in others.items():
                assert a.find(names[slot], LIMIT) == slot
                assert peer.find("apeer", LIMIT) == 5
            for i in range(100):
                for slot, peer in others.items():
                    a.send(slot, PORT, b"%d for %d" % (i, slot), LIMIT)
                    peer.send(5, PORT, b"%d of %d" % (i, slot), LIMIT)
            got = {slot: [] for slot in others}
            for _ in range(100 * len(others)):
                m = a.receive(LIMIT)
                got[m.peer].append(m.data)
            for slot, peer in others.items():
                assert got[slot] == [b"%d of %d" % (i, slot) for i in range(100)]
                for i in range(100):
                    assert peer.receive(LIMIT).data == b"%d for %d" % (i, slot)
        # One leaves: the others stay.
        until(lambda: a.peer(6).presence == ivsh.Presence.ABSENT)
        for slot in (5, 7):
            assert a.peer(slot).presence == ivsh.Presence.ATTACHED
            a.send(slot, PORT, b"still", LIMIT)
            assert others[slot].receive(LIMIT).data == b"still"
        assert ivsh.EventKind.LOST not in drained(a) + drained(b) + drained(third)


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_server_again(world, sig):
    """The server ends, or is killed, and the next one has another memory: its peers are seen."""
    w = world("core")
    exchange(w, b"first")
    w.a.server.stop(sig)
    w.a.bridge.await_line("event=region-down")
    ups = w.a.bridge.count("event=region-up")
    w.a.server = Server(w.a.folder, "--slot", f"5={w.a.folder}/s5")
    w.a.bridge.await_line("event=region-up", ups + 1)
    exchange(w, b"second")


RECEIVER = """
import sys
import ivsh

with ivsh.Peer(sys.argv[1], "apeer") as peer:
    print("ready", flush=True)
    while True:
        m = peer.receive()
        print(int.from_bytes(m.data, "little"), m.flags, flush=True)
"""


def receiver(side):
    """A process that receives in slot 0, and says what."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "host/python")}
    process = subprocess.Popen(
        [sys.executable, "-c", RECEIVER, side.socket],
        stdout=subprocess.PIPE, text=True, env=env,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    return process


def test_killed_peer(both):
    """SPEC R19.3: the other side sees it end and come back, which misses nothing of its ring."""
    sent, got, flags = 400, [], {}
    with both.b.peer() as b:
        first = receiver(both.a)
        await_event(b, ivsh.EventKind.UP)
        for i in range(sent // 2):
            b.send(5, PORT, i.to_bytes(8, "little"), LIMIT)
        for _ in range(50):
            got.append(int(first.stdout.readline().split()[0]))
        first.kill()
        got += [int(line.split()[0]) for line in first.stdout if line.endswith("\n")]
        first.wait(LIMIT)
        first.stdout.close()
        assert got == list(range(len(got)))
        await_event(b, ivsh.EventKind.DOWN)
        incarnation = b.peer(5).incarnation
        again = receiver(both.a)
        try:
            await_event(b, ivsh.EventKind.UP)
            until(lambda: b.peer(5).incarnation > incarnation)
            b.find("apeer", LIMIT)
            for i in range(sent // 2, sent):
                b.send(5, PORT, i.to_bytes(8, "little"), LIMIT)
            while sent - 1 not in flags:
                number, word = map(int, again.stdout.readline().split())
                flags[number] = word
        finally:
            again.kill()
            again.wait(LIMIT)
            again.stdout.close()
        # What it may have had is marked, and nothing is missing.
        assert list(flags) == list(range(min(flags), sent))
        # One that is killed may take with it what it has received, and has not said.
        assert min(flags) <= len(got) + 1
        assert all(flags[i] & 1 for i in flags if i < len(got))
        assert not flags[sent - 1] & 1
