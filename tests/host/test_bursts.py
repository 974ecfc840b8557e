# SPDX-License-Identifier: MIT
"""test_bursts.py - many connections at once, at the clients' socket and at the control socket."""

import os
import resource
import select
import signal
import socket
import time

import pytest

from loadtool import Mode, many
from rawclient import LIMIT, RawClient, within

BURST = 900
FIRST_MS = 60  # until the last of them has its first byte: 23 to 50; a tick is 250
# Beside other work everything takes longer: then, that many times what the least of servers takes.
SLOWER = 4
TRIES = 20


def first_bytes(path, count):
    """Connect (count) times; milliseconds until each has its first bytes, and those."""
    clients = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(count)]
    epoll, words = select.epoll(), {}
    began = time.monotonic()
    try:
        for client in clients:
            client.connect(path)
            epoll.register(client, select.EPOLLIN | select.EPOLLONESHOT)
        while len(words) < count:
            ready = epoll.poll(LIMIT)
            assert ready, f"{count - len(words)} of {count} got nothing"
            words.update(dict.fromkeys((fd for fd, _ in ready)))
        took = (time.monotonic() - began) * 1000
        return took, [client.recv(8) for client in clients]
    finally:
        for client in clients:
            client.close()
        epoll.close()


@pytest.fixture
def least(tmp_path):
    """The path of a server that accepts, sends 8 bytes and closes, and does nothing else."""
    path = str(tmp_path / "least")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(BURST)
        child = os.fork()
        if child == 0:
            while True:
                client, _ = listener.accept()
                client.send(bytes(8))
                client.close()
        yield path
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.fixture
def descriptors():
    """Room for all of them in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * BURST), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("name,slots", [("slots", 8), ("slots", BURST), ("classic", BURST)])
def test_burst(start, build, descriptors, least, name, slots):
    """Let in or refused: nobody waits for the next tick, nor until another has heard everything."""
    server = start(*Mode(name).serve(slots, 1), *many(build))
    best = bare = float("inf")
    for _ in range(TRIES):  # others may have the processors
        bare = min(bare, first_bytes(least, BURST)[0])
        took, words = first_bytes(server.socket, BURST)
        assert words.count(bytes(8)) >= min(slots, BURST // 2)
        assert set(words) <= {bytes(8), b"\1" + bytes(7)}
        best = min(best, took)
        if best < FIRST_MS:
            break
    said = f"{best:.0f} ms, {bare:.0f} of the least of servers"
    print(f"{name}, {slots} slots: {BURST} connections have their first byte after {said}")
    assert best < max(FIRST_MS, SLOWER * bare), said


def test_status_behind_silent_connections(start, build):
    """Fifty send nothing, and fifty a part of a request: another client has its answer at once."""
    server = start()
    silent = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(100)]
    try:
        for number, client in enumerate(silent):
            client.connect(server.socket + ".control")
            if number % 2:
                client.sendall(b"stat")
            if number % 10 == 9:
                found = within(1, lambda: server.status("region"))
                assert found == [{"slots": "8", "vectors": "2"}]
    finally:
        for client in silent:
            client.close()


def test_status_of_a_flood(start):
    """All that query at once get an answer, however many they are, and whether they read."""
    server = start()
    path = server.socket + ".control"
    deaf = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(20)]
    for client in deaf:
        client.connect(path)
        client.sendall(b"status\n")

    def ask():
        askers = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(60)]
        for client in askers:
            client.connect(path)
            client.sendall(b"status\n")
        for client in askers:
            client.settimeout(LIMIT)
            with client, client.makefile() as lines:
                assert lines.read().endswith("\nend\n")

    within(1, ask)
    for client in deaf:
        client.close()


def test_connections_while_the_server_stands_still(start):
    """More than the link holds: they wait, and are served when it goes on, not a tick later."""
    server = start("--slots", 4)
    os.kill(server.serving, signal.SIGSTOP)
    clients = [RawClient(server.socket) for _ in range(20)]
    os.kill(server.serving, signal.SIGCONT)
    versions = [client.message()[0] for client in clients]
    assert sorted(versions) == [0] * 4 + [1] * 16
