# SPDX-License-Identifier: MIT
"""test_bridge_file.py - two bridges whose regions are memory files, without a server."""

import os
import signal
import subprocess

import pytest
from bridgetool import PORT, Bridge, Nats, Peer, Side, await_event, exchange, ivsh
from rawclient import until
from servertool import BUILD, LIMIT


class FileSide(Side):
    """A host with a memory file: its peers and the bridge take the slots that they say."""

    def __init__(self, folder, name, other, nats, mode):
        self.folder = folder / name
        self.folder.mkdir()
        self.name = name
        self.memory = self.folder / "memory"
        self.create()
        self.config = self.folder / "bridge.conf"
        self.config.write_text(
            f"region = r\nhost = {name}\nurl = nats://127.0.0.1:{nats.port}\n"
            f"file = {self.memory}\nstate = {self.folder}/state\n"
            f"local 0 = {name}peer\nslot 5 = {other}/{other}peer {mode}\n"
        )
        self.bridge = Bridge(self.config)

    def create(self):
        subprocess.run([BUILD / "ivsh", "mem", "create", self.memory, "4M"], check=True)

    def peer(self, **keywords):
        return Peer(self.memory, self.name + "peer", slot=0, **keywords)

    def stop(self):
        assert self.bridge.stop() in (0, -signal.SIGKILL), self.bridge.lines


class Files:
    """Both hosts, and the bus."""

    def __init__(self, folder, mode):
        self.sides = []
        self.nats = Nats(folder)
        try:
            for name, other in ("ab", "ba"):
                self.sides.append(FileSide(folder, name, other, self.nats, mode))
        except BaseException:
            self.stop()
            raise
        self.a, self.b = self.sides

    def stop(self):
        try:
            for side in self.sides:
                side.stop()
        finally:
            self.nats.stop()


@pytest.fixture(params=["core", "jetstream"])
def files(request, tmp_path):
    made = Files(tmp_path, request.param)
    yield made
    made.stop()


@pytest.fixture
def core(tmp_path):
    made = Files(tmp_path, "core")
    yield made
    made.stop()


def test_messages(files):
    """SPEC R19.1.1: of all sizes, each way; calls; a peer that leaves, and comes back."""
    with files.b.peer() as b:
        with files.a.peer() as a:
            assert a.find("bpeer", LIMIT) == 5
            assert b.find("apeer", LIMIT) == 5
            for source, target in ((a, b), (b, a)):
                for size in (0, 1, 64, 4096, a.max_size):
                    source.send(5, PORT, b"x" * size, LIMIT)
                for size in (0, 1, 64, 4096, a.max_size):
                    m = target.receive(LIMIT)
                    assert (m.peer, m.port, m.data, m.flags) == (5, PORT, b"x" * size, 0)
            a.offer("adder", 500)
            assert b.find_service("adder", LIMIT) == (5, 500)
        await_event(b, ivsh.EventKind.DOWN)
    exchange(files, b"others")


def test_kill(files):
    """SPEC R19.1.3: bridges that are killed get their slots back, and what was sent arrives."""
    with files.a.peer() as a, files.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        for turn in range(4):
            a.send(5, PORT, b"before %d" % turn, LIMIT)
            assert b.receive(LIMIT).data == b"before %d" % turn
            side = files.sides[turn % 2]
            side.bridge.stop(signal.SIGKILL)
            attaches = side.bridge.count("event=attach ")
            side.bridge.start()
            side.bridge.await_line("event=attach ", attaches + 1)
            until(lambda: a.peer(5).presence == b.peer(5).presence == ivsh.Presence.ATTACHED)


def test_file_later(core):
    """A file that is not there is waited for, with one line; so is one that is no region yet."""
    side = core.a
    side.bridge.stop()
    side.memory.unlink()
    side.bridge.start()
    downs = side.bridge.count("event=region-down")
    said = side.bridge.await_line("event=region-down", max(downs, 1))
    assert f"place={side.memory}" in said and "No such file" in said
    ups = side.bridge.count("event=region-up")
    side.create()
    side.bridge.await_line("event=region-up", ups + 1)
    exchange(core, b"now")


def test_truncated(core):
    """A memory that is taken away ends the bridge, with one line and a status of its own."""
    exchange(core, b"first")
    process = core.a.bridge.process
    os.truncate(core.a.memory, 0)
    assert process.wait(LIMIT) == 1
    core.a.bridge.reader.join(LIMIT)
    assert core.a.bridge.lines[-1] == (
        "ivsh-bridge: the memory was truncated while in use, or has no room: it is lost"
    )
    core.a.memory.unlink()
    core.a.create()
    core.a.bridge.process.stderr.close()
    core.a.bridge.start()
    exchange(core, b"another memory")
