# SPDX-License-Identifier: MIT
"""test_release.py - ivsh-server release: another client gets the slot of one that is connected."""

import os
import socket
import subprocess

import pytest

from rawclient import LIMIT, RawClient, is_one_file, until
from servertool import BUILD

PAGE = 4096


def call(*words):
    done = subprocess.run(
        [BUILD / "ivsh-server", "release", *map(str, words)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * LIMIT,
    )
    return done.returncode, done.stdout, done.stderr.splitlines()


def connection(memory, slot):
    return int.from_bytes(memory[PAGE + 64 + 4 * slot : PAGE + 68 + 4 * slot], "little")


@pytest.mark.parametrize("word", ["1", "beta"])
def test_hand_over(start, tmp_path, word):
    """The next client on the socket has the same ID and eventfds; the old one reads its end."""
    path = f"{tmp_path}/beta.sock"
    bound = ("--slot", f"alpha={tmp_path}/alpha.sock", "--slot", f"beta={path}")
    server = start("--slots", 3, *bound)
    first = RawClient(f"{tmp_path}/alpha.sock")
    first.handshake(3, 2)
    source = RawClient(path)
    source.handshake(3, 2)
    memory = source.map()
    until(lambda: connection(memory, 1) == 1)
    refused = RawClient(path)
    assert refused.message() == (1, None), "the source holds the slot"
    assert call("-S", server.socket, word) == (0, "", [])
    assert source.message() is None
    assert connection(memory, 1) == 2
    destination = RawClient(path)
    destination.handshake(3, 2)
    assert destination.id == 1
    assert is_one_file(destination.eventfds[1][0], source.eventfds[1][0])
    assert connection(memory, 1) == 3
    assert first.is_quiet(), "the other client is sent nothing"
    line = server.await_line("event=disconnect slot=1 ")
    assert "reason=released" in line
    server.await_line("event=connect slot=1 ", 2)
    assert server.count("event=disconnect slot=1 ") == 1


def test_after_a_takeover(start):
    """A client that another server process has admitted can be released, too."""
    server = start("--slots", 2)
    client = RawClient(server.socket)
    client.handshake(2, 2)
    server.kill_serving()
    assert call("-S", server.socket, 0) == (0, "", [])
    assert client.message() is None
    again = RawClient(server.socket)
    again.handshake(2, 2)
    assert again.id == 0


def test_refused(start):
    server = start("--slots", 2)
    client = RawClient(server.socket)
    client.handshake(2, 2)
    for words, status, text in (
        (("1",), 3, "ivsh-server: 1: no client holds this slot: there is nothing to release"),
        (("2",), 2, "ivsh-server: 2: no slot has this number or name: "
                    "ivsh-server status shows the 2 slots"),
        (("gamma",), 2, "ivsh-server: gamma: no slot has this number or name: "
                        "ivsh-server status shows the 2 slots"),
        ((), 2, "ivsh-server: release: release takes one slot, a number or a name"),
        (("0", "1"), 2, "ivsh-server: 1: release takes one slot, a number or a name"),
    ):
        assert call("-S", server.socket, *words) == (status, "", [text])
    assert client.is_quiet() and server.count("event=disconnect") == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root can ask as another user")
def test_not_permitted(start, tmp_path):
    """Who may ask for the status may not end a connection."""
    server = start("--slots", 2, "--control-group", 65534)
    client = RawClient(server.socket)
    client.handshake(2, 2)
    control = server.socket + ".control"
    os.chmod(tmp_path, 0o755)
    for folder in tmp_path.parents:
        if os.stat(folder).st_mode & 0o111 != 0o111:
            os.chmod(folder, 0o755)
    answers = []
    for line in (b"release 0\n", b"status\n"):
        child = os.fork()
        if child == 0:
            os.setgroups([65534])
            os.setgid(65534)
            os.setuid(65534)
            with socket.socket(socket.AF_UNIX) as asker:
                asker.connect(control)
                asker.sendall(line)
                text = asker.makefile().read()
            os._exit(0 if text.startswith(
                "error what=not-permitted" if line.startswith(b"r") else "server ") else 1)
        answers.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    assert answers == [0, 0]
    assert client.is_quiet() and server.count("event=disconnect") == 0


@pytest.mark.parametrize(
    "line", [b"release\n", b"release \n", b"release x\n", b"release 0 1\n", b"release 99999999\n",
             b"release -1\n", b"release " + 56 * b"0"])
def test_malformed(start, line):
    server = start("--slots", 2)
    client = RawClient(server.socket)
    client.handshake(2, 2)
    with socket.socket(socket.AF_UNIX) as asker:
        asker.connect(server.socket + ".control")
        asker.sendall(line)
        text = asker.makefile().read()
    assert text in ("error what=unknown-request\n", "error what=no-such-slot\nend\n")
    assert client.is_quiet() and server.count("event=disconnect") == 0
