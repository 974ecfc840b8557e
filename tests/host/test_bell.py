# SPDX-License-Identifier: MIT
"""test_bell.py - bell: a doorbell by hand, for a peer that need not be in a region."""

import signal

import pytest

from peertool import DONE, FAILED, NO_PEER, STOPPED, USAGE, finish
from rawclient import LIMIT, RawClient, take, until

SLOTS, VECTORS = 4, 3


@pytest.fixture
def served(start, at):
    """Peers of a server with more words: served("--raw")."""

    def make(*words):
        server = start("--slots", SLOTS, "-n", VECTORS, "-l", "4M", *words)
        peers = at("-S", server.socket)
        peers.server = server
        return peers

    return make


def connect(peers):
    """A peer that is connected, and knows nothing of a region, such as a driver under test."""
    client = RawClient(peers.server.socket)
    client.handshake(SLOTS, VECTORS)
    return client


def taken(client):
    """
    The doorbells of each vector that came since, but for vector 0: the server rings that for who
    comes and goes, this command, too.
    """
    return [take(fd) for fd in client.eventfds[client.id]][1:]


def test_counts_of_a_raw_server(served):
    """Which says nothing to anybody: there is no region, and vector 0 counts exactly, too."""
    peers = served("--raw")
    client = connect(peers)
    assert peers.run("bell", "0", "--count=7")[0] == DONE
    assert [take(fd) for fd in client.eventfds[0]] == [7, 0, 0]


@pytest.mark.parametrize("words", [(), ("--raw",)])
def test_counts(served, words):
    """As many as asked for, on that vector alone; and nothing is written into the memory."""
    peers = served(*words)
    client = connect(peers)
    with client.map() as memory:
        before = bytearray(memory)
        output = b"bell: peer 0, vector 2: sent 5 doorbells\n"
        assert peers.run("bell", "0", "--vector", "2", "--count=5") == (DONE, output, [])
        after = bytearray(memory)
    before[4096:8192] = after[4096:8192]  # the server's page: who is connected
    assert before == after
    assert taken(client) == [0, 5]
    output = b"bell: peer 0, vector 1: sent 1 doorbell\n"
    assert peers.run("bell", "0x0", "--vector=1") == (DONE, output, [])
    assert taken(client) == [1, 0]


def test_names(served):
    peers = served()
    echo = peers.echo("--name", "two words", "--wait", "sleep")
    output = b"bell: peer 0 (two words), vector 0: sent 3 doorbells\n"
    status = peers.run("bell", "two words", "--count=3", "--interval=0.01")
    assert status == (DONE, output, [])
    status, _, errors = peers.run("bell", "alpha")
    assert (status, errors) == (
        NO_PEER,
        ["ivsh: bell: peer alpha: nobody of that name is here: ivsh ls shows who is there"],
    )
    peers.kill(echo)
    until(lambda: peers.run("bell", "two words")[0] == NO_PEER)


def test_wakes_a_sleeper(served, at, tmp_path):
    """
    ack answers each one: as many as were sent, where the next one waits for the last answer. Nobody
    else rings: the server is a raw one. The echo has slot 0 of the memory, and its doorbells, which
    it does not have, are ours.
    """
    memory = tmp_path / "memory"
    assert at().run("mem", "create", memory, "4M", "--slots", SLOTS)[0] == DONE
    peers = served("--raw", "--file", memory)
    at("-f", memory, "--slot=0").echo("--name", "echo")
    answered = connect(peers).eventfds[0][0]
    ack = peers.start("ack", "--peer=echo", "--count=4", "--wait=sleep")
    assert ack.stdout.readline() == b"ack: answers the doorbells of slot 0 (echo)\n"
    for _ in range(4):
        assert ack.poll() is None, "had it taken one for two, it would be over"
        assert peers.run("bell", "1")[0] == DONE
        assert take(answered, LIMIT) == 1
    assert finish(ack) == (DONE, b"ack: answered 4 doorbells\n", [])


def test_vectors_that_are_not(served):
    peers = served()
    client = connect(peers)
    errors = ["ivsh: bell: --vector=3: peer 0 has vectors 0 to 2"]
    assert peers.run("bell", "0", "--vector=3") == (FAILED, b"", errors)
    assert taken(client) == [0, 0]


@pytest.mark.parametrize(
    "peer, text",
    [
        ("2", "not connected: ivsh ls shows who is there"),
        ("1", "that is our own ID: no other peer has it"),
        ("65536", "an ID is a number from 0 to 65535"),
        ("18446744073709551616", "nobody of that name is here: ivsh ls shows who is there"),
    ],
)
def test_peers_that_are_not(served, peer, text):
    peers = served()
    connect(peers)
    assert peers.run("bell", peer) == (NO_PEER, b"", [f"ivsh: bell: peer {peer}: {text}"])


def test_peer_that_has_left(served):
    peers = served()
    connect(peers)
    client = connect(peers)
    client.close()
    RawClient.alive.remove(client)
    connect(peers)  # has its ID now
    until(lambda: peers.run("bell", "2")[2:] == (
        ["ivsh: bell: peer 2: that is our own ID: no other peer has it"],))  # fmt: skip


def test_name_without_a_region(served):
    peers = served("--raw")
    status, _, errors = peers.run("bell", "alpha")
    text = "names are in a region, and there is none: give a number"
    assert (status, errors) == (NO_PEER, [f"ivsh: bell: peer alpha: {text}"])


def test_classic_server(served):
    """It sends the eventfds of those that are connected."""
    peers = served("--classic", "--raw")
    echo = RawClient(peers.server.socket)
    assert [echo.message()[0] for _ in range(3 + VECTORS)][1:] == [0, -1, 0, 0, 0]
    assert peers.run("bell", "0", "--count=2")[0] == DONE
    assert take(echo.fds[1]) == 2
    status, _, errors = peers.run("bell", "5")
    assert (status, errors) == (
        NO_PEER, ["ivsh: bell: peer 5: not connected, or without doorbells"],
    )  # fmt: skip


def test_without_doorbells(start, at, tmp_path):
    memory = tmp_path / "memory"
    assert at().run("mem", "create", memory, "1M", "--slots=2")[0] == DONE
    text = "no doorbells here: they need a server, and ivshmem-doorbell"
    errors = [f"ivsh: bell: {memory}: {text}"]
    assert at("-f", memory).run("bell", "1") == (FAILED, b"", errors)
    server = start("-n", 0)
    status, _, errors = at("-S", server.socket).run("bell", "1")
    assert (status, len(errors)) == (NO_PEER, 1)


@pytest.mark.parametrize("count, status", [("0", DONE), ("100000", STOPPED)])
def test_stopped(served, count, status):
    peers = served()
    client = connect(peers)
    bell = peers.start("bell", "0", f"--count={count}", "--interval=0.05", "--vector=1")
    until(lambda: take(client.eventfds[0][1], 1))
    bell.send_signal(signal.SIGINT)
    ended, output, errors = finish(bell)
    assert ended == status
    assert output.startswith(b"bell: peer 0, vector 1: sent ")
    assert errors == ([] if count == "0" else ["ivsh: stopped"])


@pytest.mark.parametrize(
    "words, text",
    [
        (("bell",), "bell: give PEER"),
        (("bell", ""), 'bell: peer "": no name: give an ID or a name'),
        (("bell", "0", "1"), "bell: 1: one word too many"),
        (("bell", "0", "--vector=2048"), "--vector=2048: not a number from 0 to 2047"),
        (("bell", "0", "--slot=1"), "bell: --slot means nothing here"),
        (("ping", "0", "--vector=1"), "ping: --vector means nothing here"),
    ],
)
def test_usage(at, words, text):
    assert at("-S", "/nowhere").run(*words) == (USAGE, b"", [f"ivsh: {text}"])
