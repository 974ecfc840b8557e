# SPDX-License-Identifier: MIT
"""test_robust.py - clients that misbehave, and a server that stays."""

import os
import resource
import socket
import struct
import subprocess

from rawclient import LIMIT, RawClient, take, until


def serves(server, slots, vectors, slot):
    client = RawClient(server.socket)
    client.handshake(slots, vectors)
    assert client.id == slot
    return client


def test_connect_close_storm(start):
    server = start()
    for _ in range(2000):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.connect(server.socket)
        client.close()
    serves(server, 8, 2, 0)
    fds = f"/proc/{server.process.pid}/fd"
    until(lambda: len(os.listdir(fds)) < 16 + 16 + 8)


def test_many_at_once(start):
    """Far more than there is room for: each has its answer, yes or no."""
    server = start("--slots", 4)
    clients = [RawClient(server.socket) for _ in range(200)]
    versions = []
    for client in clients:
        versions.append(client.message()[0])
        if versions[-1] == 1:
            assert client.message() is None
            client.close()
    assert sorted(versions) == [0] * 4 + [1] * 196


def test_slow_client_hurts_nobody(start):
    """Its handshake does not fit its buffer: 3 + 16 * 64 messages."""
    server = start("--slots", 16, "-n", 64, "-l", "64M", "--client-descriptors", 2000)
    slow = RawClient(server.socket)
    quick = serves(server, 16, 64, 1)
    slow.handshake(16, 64)  # late, and complete
    assert slow.id == 0
    assert quick.is_quiet(0)
    assert server.count("event=hang") == 0


def states(server):
    """By ID: the state that the status shows."""
    return {int(slot["id"]): slot["state"] for slot in server.status("slot")}


def test_client_that_does_not_read_keeps_its_id(start, tmp_path):
    """
    It may be a QEMU that is stopped, or swaps, and has its ID and memory: no other gets them, over
    takeovers and reloads too, until its socket closes. With --classic a client that knows all lags.
    """
    bound, wide = tmp_path / "b", ("-n", 64, "--raw", "--client-descriptors", 2000)
    (tmp_path / "slots").mkdir(), (tmp_path / "classic").mkdir()
    slots = start("--slots", 16, *wide, "--slot", f"2={bound}", folder=tmp_path / "slots")
    classic = start("--slots", 16, *wide, "--classic", folder=tmp_path / "classic")
    lazy = [RawClient(path) for path in (slots.socket, slots.socket, bound)]
    first = RawClient(classic.socket)
    messages = [first.message() for _ in range(3 + 64)]
    assert messages[1] == (0, None)
    peers = [RawClient(classic.socket) for _ in range(5)]  # 320 messages, and room for 278
    assert [[peer.message(), peer.message()][1][0] for peer in peers] == [1, 2, 3, 4, 5]

    for server, lagging in ((slots, (0, 1, 2)), (classic, (0,))):
        for slot in lagging:
            line = server.await_line(f"event=lags slot={slot} ")
            assert "pid=" in line and "queued=" in line
        assert {slot for slot, state in states(server).items() if state == "lagging"} >= {*lagging}
        for turn in range(2):
            server.kill_serving() if turn == 0 else server.reload()
            assert {slot for slot, state in states(server).items() if state == "lagging"} >= {
                *lagging
            }
        assert server.count("event=disconnect") == 0

    serves(slots, 16, 64, 3)
    again = RawClient(bound)
    assert again.message() == (1, None), "the bound slot has its client"
    assert RawClient(classic.socket).message() == (0, None)
    for client, slot in zip(lazy, (0, 1, 2)):
        client.handshake(16, 64)  # late, and complete
        assert client.id == slot
        slots.await_line(f"event=reads slot={slot} ")
        until(lambda slot=slot: states(slots)[slot] == "ready")
    for peer in (1, 2, 3, 4, 5, 6):
        assert [first.message()[0] for _ in range(64)] == [peer] * 64
    classic.await_line("event=reads slot=0 ")
    lazy[0].close()
    slots.await_line("event=disconnect slot=0 ")
    serves(slots, 16, 64, 0)


def test_bytes_from_a_client_end_it(start):
    """The server shuts it down; it keeps its ID until it closes, since its guest may still run."""
    server = start("--slots", 3)
    talker = serves(server, 3, 2, 0)
    other = serves(server, 3, 2, 1)
    talker.socket.sendall(b"x" * 8)
    assert "slot=0" in server.await_line("reason=sent-bytes")
    assert talker.message() is None
    for turn in range(3):
        until(lambda: states(server) == {0: "closing", 1: "ready", 2: "free"})
        serves(server, 3, 2, 2).close()
        (server.kill_serving, server.reload, lambda: None)[turn]()
    assert other.is_quiet(0)
    talker.close()
    server.await_line("event=disconnect slot=0")
    serves(server, 3, 2, 0)


def test_descriptors_run_out(start):
    """The limit falls to what the running server has open: it refuses, and recovers."""
    server = start("--slots", 4)
    first = serves(server, 4, 2, 0)
    used = 1 + max(int(fd) for fd in os.listdir(f"/proc/{server.process.pid}/fd"))
    soft, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (used, hard))
    refused = RawClient(server.socket)
    assert refused.message() == (1, None)
    assert refused.message() is None
    server.await_line("reason=descriptors")
    again = RawClient(server.socket)
    assert again.message() == (1, None)
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
    serves(server, 4, 2, 1)
    assert first.is_quiet(0)


def test_saturated_eventfd_does_not_stop_the_server(start):
    """Full, and blocking as QEMU makes it: the server rings, and goes on."""
    server = start("--slots", 4, "-n", 1)
    victim = serves(server, 4, 1, 0)
    assert take(victim.eventfds[0][0], LIMIT) == 1  # of its own connection
    os.write(victim.eventfds[0][0], struct.pack("<Q", 2**64 - 2))
    os.set_blocking(victim.eventfds[0][0], True)
    for _ in range(20):
        client = serves(server, 4, 1, 1)
        client.close()
    assert server.process.poll() is None and server.count("event=hang") == 0


def test_nobody_reads_the_log(build, tmp_path):
    """stderr is a pipe that is full: lines are dropped, clients are served."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    path = tmp_path / "s2"
    process = subprocess.Popen(
        [str(build / "ivsh-server"), "-S", str(path)], stderr=write_end, stdin=subprocess.DEVNULL
    )
    try:
        until(lambda: path.exists())
        try:
            while True:
                os.write(write_end, b"x" * 4096)
        except BlockingIOError:
            pass
        os.set_blocking(write_end, True)
        for _ in range(20):
            client = RawClient(path)
            client.handshake(8, 2)
            assert client.id == 0
            client.close()
    finally:
        process.terminate()
        process.wait()
        os.close(read_end)
        os.close(write_end)
