# SPDX-License-Identifier: MIT
"""test_flow.py - put and get: files of any size through a small region. SPEC R10.1, R10.2, R10.6."""

import os
import random
import signal

import pytest

from peertool import finish


@pytest.fixture
def small(start, at):
    """Peers of a region whose largest message has 4 KiB."""
    server = start("-l", "1M")
    peers = at("-S", server.socket)
    peers.server = server
    return peers


@pytest.mark.parametrize("size", [0, 1, 4096, 5000000, 64 << 20])
def test_a_file_arrives(small, tmp_path, size):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(random.Random(size).randbytes(size))
    get = small.start("get", "alpha", target, "--name", "beta")
    put = small.start("put", "beta", source, "--name", "alpha")
    sent, received = finish(put), finish(get)
    assert sent == (0, f"sent {size} bytes to slot 0 (beta)\n".encode(), [])
    assert received == (0, f"received {size} bytes from slot 1 (alpha)\n".encode(), [])
    assert target.read_bytes() == source.read_bytes()


def test_pipes(small):
    get = small.start("get", "alpha", "-", "--name", "beta")
    put = small.run("put", "beta", "-", "--name", "alpha", stdin=b"hello\0")
    assert put == (0, b"sent 6 bytes to slot 0 (beta)\n", [])
    assert finish(get) == (0, b"hello\0", [])


@pytest.mark.parametrize("victim", ["get", "put"])
def test_the_other_dies(small, tmp_path, victim):
    """No early end: whoever is left says so, and fails."""
    get = small.start("get", "alpha", "/dev/null", "--name", "beta")
    put = small.start("put", "beta", "/dev/zero", "--name", "alpha")
    while int(small.ls()[1][1]["sent"]) < 1000:
        assert get.poll() is None and put.poll() is None
    dies, lives = (get, put) if victim == "get" else (put, get)
    dies.send_signal(signal.SIGKILL)
    status, _, errors = finish(lives)
    assert status == 1 and len(errors) == 1
    assert "died meanwhile" in errors[0] or "the peer left or came back" in errors[0]


@pytest.mark.parametrize(
    "words, status, text",
    [
        (["put", "beta"], 2, "give PEER FILE"),
        (["put", "beta", "a", "b"], 2, "one word too many"),
        (["put", "beta", "/nowhere"], 1, "/nowhere: No such file or directory"),
        (["get", "beta", "/nowhere/at/all"], 1, "/nowhere/at/all: No such file or directory"),
        (["put", "nobody", os.devnull, "--timeout", "0.2"], 1, "timeout"),
    ],
)
def test_refused(small, words, status, text):
    found = small.run(*words)
    assert found[0] == status and len(found[2]) == 1 and text in found[2][0]
