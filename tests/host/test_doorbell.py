# SPDX-License-Identifier: MIT
"""test_doorbell.py - ivsh, the host tool: peers that sleep until they are notified."""

import os
import re
import signal
import time

import pytest

from peertool import finish
from rawclient import LIMIT, RawClient, until

DOORBELLS = re.compile(
    r"^(\w+): wait (\w+), (\d+) vectors?: notifications sent (\d+), suppressed (\d+);"
    r" woken by doorbell (\d+), by timer (\d+) \(missed (\d+)\)$",
    re.MULTILINE,
)


class Doorbells:
    """The counts that ping and echo print at their end."""

    def __init__(self, output):
        found = DOORBELLS.findall(output.decode())
        assert len(found) == 1, output
        self.command, self.mode = found[0][:2]
        (self.vectors, self.sent, self.suppressed, self.woken, self.timer, self.missed) = map(
            int, found[0][2:]
        )


def cpu_seconds(process):
    """What a process has used so far; proc(5)."""
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle_share(processes, seconds):
    """The part of one processor that the busiest of them uses."""
    before = [cpu_seconds(process) for process in processes]
    began = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    return max(cpu_seconds(p) - used for p, used in zip(processes, before)) / took


@pytest.fixture
def served(start, at):
    """Peers of a server with so many vectors."""

    def make(vectors):
        server = start("-n", vectors, "--client-descriptors", 2048)
        peers = at("-S", server.socket)
        peers.server = server
        return peers

    return make


@pytest.mark.parametrize("vectors,count", [(1, 5000), (2, 100000), (128, 5000)])
def test_two_sleepers(served, vectors, count):
    """None is lost, none is stuck, and no timer has to help."""
    peers = served(vectors)
    nothing_missed(lambda: two_sleepers(peers, vectors, count))


def nothing_missed(exchange, tries=5):
    """
    Do an exchange, which answers both peers' doorbells, in which no timer has to help. A sender
    that loses its processor between a message and its doorbell looks like one whose doorbell is
    missed: others may have the processors, but not each time.
    """
    missed = []
    while len(missed) < tries:
        missed.append(max(one.missed for one in exchange()))
        if missed[-1] == 0:
            return
    raise AssertionError(f"missed: {missed}")


def two_sleepers(peers, vectors, count):
    echo = peers.echo("--name", "mirror", "--count", count, "--wait", "sleep")
    ping = peers.start("ping", "mirror", "--count", count, "--wait", "sleep")
    output, errors = ping.communicate(timeout=5 * LIMIT)
    assert (ping.returncode, errors) == (0, b"")
    assert b" %d round trips of 64 bytes" % count in output
    status, answered, errors = finish(echo)
    assert (status, errors) == (0, [])
    assert b"echo: answered %d messages\n" % count in answered
    found = Doorbells(output), Doorbells(answered)
    for doorbells in found:
        assert (doorbells.mode, doorbells.vectors) == ("sleep", vectors)
        assert doorbells.sent + doorbells.suppressed == count and doorbells.woken > 0
    return found


def test_polling_is_not_notified(served):
    """Also by one that sleeps."""
    peers = served(2)

    def exchange():
        echo = peers.echo("--name", "mirror", "--count", 300, "--wait", "poll")
        status, output, _ = peers.run("ping", "mirror", "--count", 300, "--wait", "sleep")
        assert status == 0
        ping, echo = Doorbells(output), Doorbells(finish(echo)[1])
        assert (ping.sent, ping.suppressed) == (0, 300)
        assert (echo.woken, echo.timer) == (0, 0)
        return ping, echo

    nothing_missed(exchange)


@pytest.mark.parametrize("vectors", [0, 1])
def test_without_doorbells(served, vectors):
    """0: both poll now and then. 1: one vector does for everything."""
    peers = served(vectors)

    def exchange():
        echo = peers.echo("--name", "mirror", "--count", 100, "--wait", "sleep")
        status, output, errors = peers.run("ping", "mirror", "--count", 100, "--wait", "sleep")
        assert (status, errors) == (0, [])
        ping, echo = Doorbells(output), Doorbells(finish(echo)[1])
        assert ping.vectors == vectors
        assert (ping.sent == 0) == (vectors == 0)
        return ping, echo

    nothing_missed(exchange)


def test_file_has_no_doorbells(at, tmp_path):
    memory = tmp_path / "memory"
    memory.write_bytes(b"")
    os.truncate(memory, 4 << 20)
    echo = at("-f", memory, "--slot", 0).echo("--name", "mirror", "--count", 50, "-w", "sleep")
    status, output, _ = at("-f", memory, "--slot", 1).run(
        "ping", "mirror", "--count", 50, "-w", "sleep"
    )
    assert status == 0
    for doorbells in (Doorbells(output), Doorbells(finish(echo)[1])):
        assert (doorbells.vectors, doorbells.sent) == (0, 0)
        assert (doorbells.woken, doorbells.missed) == (0, 0)
        assert doorbells.timer > 0


def test_waiting_costs_little(served):
    """Under a twentieth of a processor, in the two modes that sleep."""
    peers = served(2)
    processes = [
        peers.start("recv", "--name", mode, "--count", "0", "--wait", mode)
        for mode in ("spin", "sleep")
    ]
    until(lambda: peers.row("sleep"))
    assert idle_share(processes, 2) < 0.05
    assert peers.run("send", "sleep", "wake")[0] == 0
    assert processes[1].stdout.readline() == b"slot 2, port 1: wake\n"


def test_sender_that_waits_for_room(served):
    """It sleeps, although messages stand in its own ring, until the receiver gives room back."""
    peers = served(2)
    echo = peers.echo("--name", "deaf", "--count", 5)
    assert peers.run("send", "deaf", "--port", "7", "answer me")[0] == 0
    until(lambda: peers.count("deaf", "sent") == 1)  # into slot 1, where this ls was
    os.kill(echo.pid, signal.SIGSTOP)
    assert peers.run("send", "deaf", "-", stdin=bytes(32768))[0] == 0
    sender = peers.start("send", "deaf", "--wait", "sleep", "--timeout", "60", "x" * 30000)
    assert idle_share([sender], 1) < 0.05
    assert sender.poll() is None
    os.kill(echo.pid, signal.SIGCONT)
    assert finish(sender)[:2] == (0, b"sent 30000 bytes to slot 0 (deaf)\n")


def test_signal_ends_a_sleep(served):
    peers = served(2)
    receiver = peers.start("recv", "--name", "sleeper", "--count", "0", "--wait", "sleep")
    peers.await_row("sleeper")
    receiver.send_signal(signal.SIGTERM)
    assert finish(receiver)[0] == 0


@pytest.mark.parametrize("vectors", [0, 2, 128])
def test_vectors_of_the_server_page(start, vectors):
    """SPEC 4."""
    server = start("-n", vectors, "--slots", 2)
    client = RawClient(server.socket)
    client.handshake(2, vectors)
    assert int.from_bytes(client.map()[4096 + 12 : 4096 + 16], "little") == vectors
