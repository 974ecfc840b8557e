# SPDX-License-Identifier: MIT
"""test_refusal.py - a refused client learns the reason, and a probe takes no slot."""

import os
import resource

import pytest

from rawclient import LIMIT, RawClient, until


def join(server, slots, vectors=2):
    client = RawClient(server.socket)
    client.handshake(slots, vectors)
    return client


def why(at, *place):
    """The one line that recv prints when it is refused."""
    status, output, errors = at(*place).run("recv", "--timeout", "60")
    assert status == 1 and output == b"" and len(errors) == 1
    assert errors[0].startswith(f"ivsh: {place[-1]}: the server refuses, by protocol version 1")
    return errors[0]


@pytest.mark.parametrize("turn", ["first", "taken over"])
def test_reasons(start, at, tmp_path, turn):
    """For the tool in words; a client that is not ours is sent the version, and the end."""
    bound = tmp_path / "b"
    server = start("--slots", 2, "--slot", f"1={bound}")
    join(server, 2)
    RawClient(bound).handshake(2, 2)
    if turn == "taken over":
        server.kill_serving()
    assert "when no slot is free" in why(at, "-S", server.socket)
    assert "the slot of this socket is in use" in why(at, "-S", bound)
    other = RawClient(server.socket)
    assert other.message() == (1, None) and other.message() is None


def test_not_allowed(start, at):
    server = start("--allow", f"user:{os.getuid() + 1}")
    assert "--allow names neither this user nor a group" in why(at, "-S", server.socket)
    status, _, errors = at("-S", server.socket).run("ls")
    assert status == 1 and len(errors) == 1 and "--allow names neither" in errors[0]


def test_per_uid(start, at):
    server = start("--per-uid", 2, "--slots", 8)
    for _ in range(2):
        join(server, 8)
    assert "as many connections as --per-uid allows" in why(at, "-S", server.socket)


def test_descriptors(start, at):
    """The supervisor, which reads no configuration of reasons, sends one, too."""
    server = start("--slots", 4)
    used = 1 + max(int(fd) for fd in os.listdir(f"/proc/{server.supervisor}/fd"))
    soft, hard = resource.prlimit(server.supervisor, resource.RLIMIT_NOFILE)
    resource.prlimit(server.supervisor, resource.RLIMIT_NOFILE, (used, hard))
    assert "it ran out of file descriptors" in why(at, "-S", server.socket)
    resource.prlimit(server.supervisor, resource.RLIMIT_NOFILE, (soft, hard))


def test_wrong_socket(start, at):
    """The control socket refuses a client that sends nothing."""
    server = start()
    status, _, errors = at("-S", server.socket + ".control").run("recv", "--timeout", "60")
    assert status == 1 and len(errors) == 1 and "protocol version 1" in errors[0]


@pytest.mark.parametrize("classic", [(), ("--classic",)])
def test_look_takes_nothing(start, at, classic):
    """No slot, no ID, no word to anybody; also of a full server, and after a takeover."""
    server = start("--slots", 2, *classic)
    first = RawClient(server.socket)
    server.await_line("event=connect")
    if not classic:
        first.handshake(2, 2)
    for turn in range(3):
        if turn == 1:
            RawClient(server.socket).message()  # now it is full
            until(lambda: server.count("event=connect") == 2)
        elif turn == 2:
            server.kill_serving()
        before = server.status("count")[0]
        rows = at("-S", server.socket).ls()[1]
        assert not any(row["own"] for row in rows.values())
        assert rows[0]["connection"] == "up"
        after = server.status("count")[0]
        assert (after["connects"], after["disconnects"]) == (before["connects"], "0")
        assert classic or first.is_quiet(0)
    assert server.status("refused") == []
    until(lambda: server.status("waiting") == [])


def test_looks_count_for_their_user(start):
    """Clients that probe and never close count for --per-uid, and close no other connection."""
    server = start("--per-uid", 4, "--slots", 8)
    member = join(server, 8)
    looks = []
    for number in range(6):
        name = b"\0ivsh-probe-%d" if number % 2 == 0 else b"\0ivsh-look-%d"  # earlier versions
        look = RawClient.named(server.socket, name % number)
        version = look.message()
        assert version == ((0, None) if number < 3 else (1, None))
        looks.append(look)
    assert looks[0].message() == (-1, None) and looks[0].message()[1] is not None
    assert looks[0].message() is None and member.is_quiet(0)
    looks[5].socket.settimeout(LIMIT)
    assert looks[5].socket.recv(100) == b"refused reason=too-many-per-uid\n"
    looks[1].close()
    until(lambda: len(server.status("waiting")) == 2)
    assert join(server, 8).id == 1
