# SPDX-License-Identifier: MIT
"""test_memory.py - the region as the server leaves it, and the page that it writes."""

import itertools
import os
import pathlib
import random
import signal
import struct
import subprocess
import sys
import threading
import time

import pytest

from rawclient import RawClient, take, until

HERE = pathlib.Path(__file__).parent
MAGIC = b"IVSHRGN\0"
PAGE = 4096  # the server page: epoch, beat, change; connection words from 64 on
HEARTBEAT = 8192 + 8  # of slot 0


class Page:
    """The words of the server page, read through a client's memory."""

    def __init__(self, memory):
        self.memory = memory

    def word(self, offset):
        return struct.unpack_from("<I", self.memory, PAGE + offset)[0]

    epoch = property(lambda self: self.word(0))
    beat = property(lambda self: self.word(4))
    change = property(lambda self: self.word(8))

    def connection(self, slot):
        return self.word(64 + 4 * slot)


def test_formatted(start):
    server = start()
    client = RawClient(server.socket)
    client.handshake(8, 2)
    memory = client.map()
    assert memory[:8] == MAGIC
    assert struct.unpack_from("<I", memory, 24)[0] == 8, "slots"
    page = Page(memory)
    assert page.epoch == int(server.field("epoch"), 16) != 0


def test_truncation_fails(start):
    server = start()
    client = RawClient(server.socket)
    client.handshake(8, 2)
    for size in (0, 4096, 8 << 20):
        with pytest.raises(PermissionError):
            os.ftruncate(client.memory, size)
    path = server.field("memory")
    assert os.stat(path).st_size == 4 << 20
    with pytest.raises(PermissionError):
        os.truncate(path, 0)


def test_connection_words(start):
    """SPEC R4.2."""
    server = start("--slots", 4)
    a = RawClient(server.socket)
    a.handshake(4, 2)
    page = Page(a.map())
    assert [page.connection(slot) for slot in range(4)] == [1, 0, 0, 0]
    changes = page.change
    take(a.bells[0][0], 1)

    b = RawClient(server.socket)
    b.handshake(4, 2)
    assert take(a.bells[0][0], 1) == 1, "a control bell at once"
    assert page.connection(1) == 1
    assert page.change == changes + 1

    b.close()
    assert take(a.bells[0][0], 1) == 1
    assert page.connection(1) == 2
    assert page.change == changes + 2

    again = RawClient(server.socket)
    again.handshake(4, 2)
    assert take(a.bells[0][0], 1) == 1
    assert [page.connection(slot) for slot in range(4)] == [1, 3, 0, 0]
    assert take(a.bells[0][1]) == 0, "vector 1 is not the server's"


def test_killed_client_is_seen_at_once(start):
    """The control bell, vector 0, says it: SPEC R8.4."""
    server = start("--slots", 4)
    a = RawClient(server.socket)
    a.handshake(4, 2)
    page = Page(a.map())
    take(a.bells[0][0], 1)
    code = "import sys, rawclient; rawclient.RawClient(sys.argv[1]).handshake(4, 2); input()"
    child = subprocess.Popen(
        [sys.executable, "-c", code, server.socket], cwd=HERE, stdin=subprocess.PIPE
    )
    try:
        assert take(a.bells[0][0], 5) == 1
        assert page.connection(1) == 1
    finally:
        began = time.monotonic()
        child.kill()
    assert take(a.bells[0][0], 5) == 1
    took = time.monotonic() - began
    child.wait()
    assert page.connection(1) == 2
    assert took < 2
    print(f"SIGKILL to control bell: {took * 1e6:.0f} us")


def test_beat(start):
    server = start()
    client = RawClient(server.socket)
    client.handshake(8, 2)
    page = Page(client.map())
    first, began = page.beat, time.monotonic()
    until(lambda: page.beat - first >= 4)
    assert 0.7 < time.monotonic() - began < 5


def test_scribbled_words_steer_nothing(start):
    """Any client can write the server page: the server goes on from its own copies. SPEC R4.1."""
    server = start("--slots", 4)
    a = RawClient(server.socket)
    a.handshake(4, 2)
    memory = a.map()
    page = Page(memory)
    memory[0 : 2 * PAGE] = b"\xff" * (2 * PAGE)
    b = RawClient(server.socket)
    b.handshake(4, 2)
    assert b.id == 1
    assert page.connection(1) == 1
    until(lambda: 0 < page.beat < 1000)


def test_epoch_differs_and_ends(start):
    epochs = set()
    for _ in range(3):
        server = start()
        client = RawClient(server.socket)
        client.handshake(8, 2)
        page = Page(client.map())
        epochs.add(page.epoch)
        assert server.stop() == 0
        assert page.epoch == 0, "a server that ends says so"
    assert len(epochs) == 3


def test_raw_writes_nothing(start, tmp_path):
    path = tmp_path / "memory"
    pattern = random.Random(1).randbytes(1 << 16) * 16
    path.write_bytes(pattern)
    server = start("--raw", "--file", path, "-l", "1M")
    for _ in range(5):
        client = RawClient(server.socket)
        client.handshake(8, 2)
        assert take(client.bells[0][0], 0.02) == 0, "no bells either"
        client.close()
    time.sleep(0.3)  # more than one beat
    assert server.stop() == 0
    assert path.read_bytes() == pattern


def test_raw_memory_is_zero(start):
    server = start("--raw", "-l", "1M")
    client = RawClient(server.socket)
    client.handshake(8, 2)
    time.sleep(0.3)
    assert client.map()[:] == bytes(1 << 20)


def test_foreign_content_is_refused(fails, tmp_path):
    path = tmp_path / "memory"
    path.write_bytes(b"precious" + bytes((4 << 20) - 8))
    status, lines = fails("--file", path)
    assert status == 1
    assert len(lines) == 1 and "holds something else" in lines[0] and str(path) in lines[0]
    assert path.read_bytes()[:8] == b"precious"


def test_region_survives_a_killed_server(start, tmp_path):
    """Same file, nobody alive: kept as it is, under a new epoch, with all connections unknown."""
    path = tmp_path / "memory"
    server = start("--file", path)
    client = RawClient(server.socket)
    client.handshake(8, 2)
    generation = bytes(client.map()[40:48])
    client.map()[3 << 20] = 55
    epoch = Page(client.map()).epoch
    server.stop(signal.SIGKILL)
    client.close()
    again = start("--file", path)
    assert again.field("kept") == "1"
    client = RawClient(again.socket)
    client.handshake(8, 2)
    memory = client.map()
    assert memory[40:48] == generation and memory[3 << 20] == 55
    page = Page(memory)
    assert page.epoch not in (0, epoch)
    assert [page.connection(slot) for slot in range(8)] == [1] + [0] * 7


def test_region_with_a_living_peer_is_refused(start, fails, tmp_path):
    """A heartbeat moves in it: its peers hold eventfds that no new server has."""
    path = tmp_path / "memory"
    server = start("--file", path)
    client = RawClient(server.socket)
    client.handshake(8, 2)
    memory = client.map()
    server.stop(signal.SIGKILL)
    ended = threading.Event()

    def live():
        for beat in itertools.count(1):
            struct.pack_into("<I", memory, HEARTBEAT, beat)
            if ended.wait(0.1):
                return

    peer = threading.Thread(target=live)
    peer.start()
    try:
        status, lines = fails("--file", path)
    finally:
        ended.set()
        peer.join()
    assert status == 1
    assert len(lines) == 1 and "heartbeats move" in lines[0]


def test_region_of_other_slots_is_refused(start, fails, tmp_path):
    path = tmp_path / "memory"
    path.write_bytes(b"")
    start("--file", path, "--slots", 4).stop()
    status, lines = fails("--file", path)
    assert status == 1 and "of 4 slots, 8 are asked for" in lines[0]


def test_truncated_named_object_does_not_end_the_server(start, tmp_path):
    """A file has no seals: the server gives its page up, and its sockets live on."""
    path = tmp_path / "memory"
    server = start("--file", path)
    os.truncate(path, 0)
    time.sleep(0.6)  # two beats
    client = RawClient(server.socket)
    client.handshake(8, 2)
    assert client.id == 0
    assert server.stop() == 0
