# SPDX-License-Identifier: MIT
"""test_robust.py - clients that misbehave, and a server that stays."""

import os
import resource
import socket
import struct
import subprocess
import time

from rawclient import RawClient, take, until


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
    began = time.monotonic()
    quick = serves(server, 16, 64, 1)
    assert time.monotonic() - began < 1
    slow.handshake(16, 64)  # late, and complete
    assert slow.id == 0
    assert quick.is_quiet(0)


def test_client_that_never_reads_is_closed(start):
    server = start("--slots", 16, "-n", 64, "--raw", "--client-descriptors", 2000)
    RawClient(server.socket)
    line = server.await_line("event=disconnect")
    assert "slot=0" in line and "reason=slow" in line and "pid=" in line


def test_bytes_from_a_client_end_it(start):
    server = start()
    talker = serves(server, 8, 2, 0)
    other = serves(server, 8, 2, 1)
    talker.socket.sendall(b"x" * 8)
    assert "slot=0" in server.await_line("reason=sent-bytes")
    assert other.is_quiet(0)
    serves(server, 8, 2, 0)


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
    take(victim.bells[0][0], 1)
    os.write(victim.bells[0][0], struct.pack("<Q", 2**64 - 2))
    os.set_blocking(victim.bells[0][0], True)
    for _ in range(20):
        client = serves(server, 4, 1, 1)
        client.close()
    assert server.process.poll() is None


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
