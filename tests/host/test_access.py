# SPDX-License-Identifier: MIT
"""test_access.py - which users may connect, as whom the server serves, and lost memory."""

import os
import signal
import stat
import struct
import subprocess

import pytest

from rawclient import LIMIT, RawClient, take, until
from test_memory import huge_mount as huge_mount
from test_memory import huge_pages as huge_pages

ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="only root can be another user")
ALICE, BOB, CREW = 41001, 41002, 41900  # nobody's


@pytest.fixture
def serve(public, start):
    """Start servers there: the socket is for everybody, so that only the server says no."""
    servers = []

    def run(*arguments):
        servers.append(start("--socket-mode", "0666", *arguments, folder=public))
        return servers[-1]

    yield run
    for server in servers:
        server.stop()
    assert os.listdir(public) == []


def is_in(client, slots=8, vectors=2):
    """It was let in; or it was refused, in the way that QEMU understands."""
    version = client.message()
    if version == (0, None):
        for _ in range(2 + slots * vectors):
            client.message()
        return True
    assert version == (1, None)
    assert client.message() is None
    return False


def fields(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return {line.split(":")[0]: line.split(":")[1].split() for line in file if ":" in line}


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


# Modes and groups of the sockets


@pytest.mark.parametrize(
    "arguments,socket,control",
    [
        ((), 0o755, 0o600),
        (("--socket-mode", "0600"), 0o600, 0o600),
        (("--socket-mode", "660"), 0o660, 0o600),
        (("--socket-mode", "0666", "--control-group", os.getegid()), 0o666, 0o660),
    ],
)
def test_modes(start, tmp_path, arguments, socket, control):
    old = os.umask(0o022)
    try:
        server = start(*arguments, "--slot", f"a={tmp_path}/b")
    finally:
        os.umask(old)
    assert mode(server.socket) == mode(tmp_path / "b") == socket
    assert mode(server.socket + ".control") == control
    server.kill_serving()
    assert mode(server.socket) == socket and mode(server.socket + ".control") == control


@as_root
def test_groups(serve, public):
    server = serve("--socket-mode", "0660", "--socket-group", CREW, "--control-group", BOB)
    assert os.stat(server.socket).st_gid == CREW and mode(server.socket) == 0o660
    assert os.stat(server.socket + ".control").st_gid == BOB
    assert mode(server.socket + ".control") == 0o660
    assert is_in(RawClient.of(server.socket, ALICE, ALICE, [CREW]))
    with pytest.raises(PermissionError):
        RawClient.of(server.socket, ALICE, ALICE, [BOB])
    with pytest.raises(PermissionError):
        RawClient.of(server.socket + ".control", ALICE, ALICE, [CREW])
    RawClient.of(server.socket + ".control", ALICE, ALICE, [BOB])


# The users that may connect


@as_root
@pytest.mark.parametrize(
    "allow,who,is_allowed",
    [
        ([], (ALICE, ALICE), True),
        ([f"user:{ALICE}"], (ALICE, ALICE), True),
        ([f"user:{ALICE}"], (BOB, ALICE, [ALICE]), False),  # a group of that number
        ([f"user:{ALICE}"], (0, 0), False),  # root, too, is who is named or not
        ([f"group:{CREW}"], (ALICE, CREW), True),
        ([f"group:{CREW}"], (ALICE, ALICE, [7, CREW, 9]), True),
        ([f"group:{CREW}"], (ALICE, ALICE, [7, 9]), False),
        ([f"group:{CREW}"], (CREW, ALICE), False),
        ([f"group:{CREW}"], (ALICE, ALICE, [*range(50000, 50200), CREW]), True),
        ([f"user:{BOB}", f"group:{CREW}"], (BOB, BOB), True),
        ([f"user:{BOB}", f"group:{CREW}"], (ALICE, ALICE, [CREW]), True),
        ([f"user:{BOB}", f"group:{CREW}"], (ALICE, ALICE), False),
        (["user:root"], (0, 0), True),
    ],
)
def test_allow(serve, allow, who, is_allowed):
    server = serve(*(word for text in allow for word in ("--allow", text)))
    for _ in range(2):
        client = RawClient.of(server.socket, *who)
        assert is_in(client) == is_allowed
        if not is_allowed:
            line = server.await_line("event=refuse")
            assert f"uid={who[0]} " in line and line.endswith("reason=not-allowed")
        client.close()
        server.kill_serving()
    want = [] if is_allowed else [{"reason": "not-allowed", "count": "2"}]
    assert server.status("refused") == want


@as_root
def test_full_user_keeps_nobody_out(serve, public):
    """Alice has what she may have, on all sockets together; Bob has his."""
    server = serve("--per-uid", 3, "--slot", f"bound={public}/b")
    alice = [RawClient.of(server.socket, ALICE, ALICE) for _ in range(3)]
    assert all(is_in(client) for client in alice)
    for path in (server.socket, public / "b"):
        assert not is_in(RawClient.of(path, ALICE, BOB))
    bob = [RawClient.of(server.socket, BOB, BOB) for _ in range(3)]
    assert all(is_in(client) for client in bob)
    server.kill_serving()
    assert not is_in(RawClient.of(server.socket, ALICE, ALICE)), "they are counted on"
    alice.pop().close()
    server.await_line("event=disconnect")
    assert is_in(RawClient.of(public / "b", ALICE, ALICE))
    assert not is_in(RawClient.of(server.socket, ALICE, ALICE))
    assert server.status("refused") == [{"reason": "too-many-per-uid", "count": "4"}]
    assert server.status("limit")[0]["per_uid"] == "3"


@as_root
def test_one_user_s_flood(serve):
    """One user connects all the time, and does not read: others come through."""
    server = serve("--per-uid", 4, "--slots", 8)
    crowd = [RawClient.of(server.socket, ALICE, ALICE) for _ in range(100)]
    assert is_in(RawClient.of(server.socket, BOB, BOB)), "while nobody of the crowd reads"
    versions = [client.message()[0] for client in crowd]
    assert sorted(versions) == [0] * 4 + [1] * 96


def test_reasons(start, tmp_path):
    server = start("--slots", 2, "--slot", f"1={tmp_path}/b")
    clients = [RawClient(server.socket), RawClient(tmp_path / "b")]
    assert all(is_in(client, 2, 2) for client in clients)
    assert not is_in(RawClient(server.socket), 2, 2)
    assert not is_in(RawClient(tmp_path / "b"), 2, 2)
    answer = {line["reason"]: line["count"] for line in server.status("refused")}
    assert answer == {"no-free-slot": "1", "slot-in-use": "1"}
    server.kill_serving()
    assert {line["reason"]: line["count"] for line in server.status("refused")} == answer


def hear(server, client, known):
    """Add the IDs that a client, which is slot 0, was sent so far; false: there are more."""
    queued = server.status("slot")[0]["queued"]
    while not client.is_quiet(0):
        known.add(client.message()[0])
    return queued == "0"


def test_ids_begin_again(start, build):
    """
    Classic: behind 65535 come IDs that no connected client was ever sent, never one that a client
    knows or knew: QEMU would use memory that it has freed. Also after takeovers.
    """
    server = start("--classic", "--raw", "--slots", 8, "-n", 1)
    first = RawClient(server.socket)
    known = {first.message()[0], first.message()[0]}
    assert known == {0}
    for number in range(1, 5):  # they come and go, and the first one is told
        client = RawClient(server.socket)
        assert (client.message()[0], client.message()[0]) == (0, number)
        client.close()
        server.await_line(f"event=disconnect slot={number} ")
    turns = (65536 - 5 + 8, "--after", 2)
    load = [build / "tests" / "host" / "load", "-S", server.socket, "--classic", "--vectors", "1"]
    load += ["--timeout", "600000", "--cycles", *map(str, turns)]
    subprocess.run(load, check=True, stdout=subprocess.DEVNULL, timeout=660)
    until(lambda: hear(server, first, known))
    for turn in range(3):
        client = RawClient(server.socket)
        assert client.message()[0] == 0
        given = client.message()[0]
        assert given not in known and given < 2000, "they have begun again"
        until(lambda: hear(server, first, known) and given in known)
        if turn == 1:
            server.kill_serving()
    assert server.status("refused") == []
    assert server.status("slot")[0]["id"] == "0"


# As whom it serves


@as_root
@pytest.mark.parametrize("user,group", [(f"{ALICE}:{CREW}", CREW), ("daemon", None)])
def test_user(serve, public, user, group):
    server = serve("--user", user, "--slot", f"a={public}/b", "--file", public / "memory")
    first = RawClient.of(server.socket, BOB, BOB)
    assert is_in(first)
    for turn in range(3):
        it, supervisor = fields(server.serving), fields(server.supervisor)
        assert len(set(it["Uid"])) == len(set(it["Gid"])) == 1
        assert it["Uid"][0] == (str(ALICE) if group else "1")
        assert it["Gid"][0] == (str(group) if group else "1")
        assert it["Groups"] == []
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(it[kind][0], 16) == 0
        assert (it["Seccomp"], it["NoNewPrivs"]) == (["2"], ["1"])
        assert set(supervisor["Uid"]) == {"0"} and supervisor["NoNewPrivs"] == ["1"]
        if turn == 0:
            server.kill_serving()
        else:
            server.reload()
    assert is_in(RawClient.of(public / "b", BOB, BOB))
    assert len([s for s in server.status("slot") if s["state"] == "ready"]) == 2


@as_root
def test_user_alone(serve):
    """Without its supervisor, and as nobody in particular, it still serves."""
    server = serve("--user", f"{ALICE}:{CREW}")
    os.kill(server.supervisor, signal.SIGKILL)
    server.process.wait(LIMIT)
    server.await_line("supervisor-gone")
    assert is_in(RawClient.of(server.socket, BOB, BOB))
    os.kill(server.serving, signal.SIGTERM)
    server.reader.join(LIMIT)
    for name in ("s", "s.lock", "s.control", "s.control.lock"):
        os.unlink(server.folder / name)


# Eventfds that are full, and memory that is gone


def test_saturated_eventfds_and_a_takeover(start):
    """Full, and blocking as QEMU makes them: neither server stops at them."""
    server = start("--slots", 4, "-n", 1)
    victim, other = RawClient(server.socket), RawClient(server.socket)
    for client in (victim, other):
        client.handshake(4, 1)
    for slot in (0, 1, 2):
        take(victim.eventfds[slot][0])
        os.write(victim.eventfds[slot][0], struct.pack("<Q", 2**64 - 2))
        os.set_blocking(victim.eventfds[slot][0], True)
    for _ in range(5):
        server.kill_serving()
        third = RawClient(server.socket)
        third.handshake(4, 1)
        assert third.id == 2
        third.close()
        until(lambda: server.status("slot")[2]["state"] == "free")
    assert server.count("event=hang") == 0


@pytest.mark.parametrize("kind", ["file", "shm", "huge"])
def test_memory_is_lost(start, tmp_path, request, kind):
    """Truncated under the server: SIGBUS at its own page. It says so, and goes on."""
    name = f"ivsh-test-{os.getpid()}"
    if kind == "huge":
        where = ("-m", request.getfixturevalue("huge_mount")(2))
    else:
        where = {"file": ("--file", tmp_path / "memory"), "shm": ("-M", name)}[kind]
    server = start(*where)
    first = RawClient(server.socket)
    first.handshake(8, 2)
    assert server.status("memory")[0]["lost"] == "0"
    os.truncate(server.field("memory"), 0)
    assert "what=memory-lost" in server.await_line("event=warning")
    for turn in range(2):
        client = RawClient(server.socket)
        client.handshake(8, 2)
        assert client.id == 1 + turn
        assert server.status("memory")[0]["lost"] == "1"
        server.kill_serving()
        if kind == "huge":
            return  # whoever maps a hugetlbfs file makes it as long as the mapping: not lost
        server.await_line("what=memory-lost", turn + 2)
    assert first.is_quiet(0)
    server.reload()
    server.await_line("what=memory-lost", 4)
    assert server.count("what=memory-lost") == 4, "once in each life"


# Two servers


@pytest.mark.parametrize("what", ["socket", "control", "shm", "file", "bound"])
def test_second_server(start, fails, tmp_path, what):
    """One line, and nothing changes for the first server; also right after a takeover."""
    name = f"ivsh-second-{os.getpid()}"
    memory = {"shm": ("-M", name), "file": ("--file", tmp_path / "m")}.get(what, ())
    server = start(*memory, "--slot", f"a={tmp_path}/b")
    first = RawClient(server.socket)
    first.handshake(8, 2)
    first.map()[3 << 20] = 9
    before = sorted(os.listdir(tmp_path))
    second = {
        "socket": ((), "s"),
        "control": (("--control", server.socket + ".control"), "t"),
        "bound": (("--slot", f"5={tmp_path}/b"), "t"),
        "shm": (memory, "t"),
        "file": (memory, "t"),
    }[what]
    for _ in range(2):
        status, lines = fails(*second[0], socket=second[1])
        assert status == 1 and len(lines) == 1 and lines[0].startswith("ivsh-server: "), lines
        assert sorted(os.listdir(tmp_path)) == before
        assert first.map()[3 << 20] == 9 and first.is_quiet(0)
        server.kill_serving()
    again = RawClient(server.socket)
    again.handshake(8, 2)
    assert again.id == 1 + 1
