# SPDX-License-Identifier: MIT
"""test_handshake.py - what clients are sent, byte for byte, and which client gets which slot."""

import socket
import time

import pytest

from rawclient import RawClient, is_one_file, notify, take


@pytest.mark.parametrize("slots,vectors", [(2, 1), (4, 2), (8, 0), (3, 5)])
def test_sequence(start, slots, vectors):
    server = start("--slots", slots, "-n", vectors)
    for slot in (0, 1):
        client = RawClient(server.socket)
        messages = client.handshake(slots, vectors)
        assert messages[0] == (0, None), "the version"
        assert messages[1] == (slot, None), "the ID"
        assert messages[2][0] == -1 and messages[2][1] is not None, "the memory"
        others = [peer for peer in range(slots) if peer != slot]
        expected = [peer for peer in others + [slot] for _ in range(vectors)]
        assert [value for value, _ in messages[3:]] == expected
        assert all(fd is not None for _, fd in messages[3:])
        assert client.is_quiet(), "nothing follows"


def test_doorbells_reach_the_other(start):
    server = start("--slots", 4, "-n", 2, "--raw")
    a, b = RawClient(server.socket), RawClient(server.socket)
    a.handshake(4, 2)
    b.handshake(4, 2)
    for vector in (0, 1):
        notify(a.eventfds[1][vector])
        assert take(b.eventfds[1][vector], 1) == 1
        assert take(b.eventfds[1][1 - vector]) == 0
    assert a.is_quiet(), "nobody hears of who comes"
    b.close()
    server.await_line("event=disconnect slot=1")
    assert a.is_quiet(), "nobody hears of who leaves"


def test_one_memory(start):
    server = start()
    a, b = RawClient(server.socket), RawClient(server.socket)
    a.handshake(8, 2)
    b.handshake(8, 2)
    a.map()[1 << 20] = 77
    assert b.map()[1 << 20] == 77


def test_returning_client_gets_the_same(start):
    server = start("--slots", 3, "--raw")
    clients = [RawClient(server.socket) for _ in range(3)]
    for client in clients:
        client.handshake(3, 2)
    ids = []
    for _ in range(4):
        clients[1].socket.close()
        notify(clients[0].eventfds[1][1])  # while it is away
        again = RawClient(server.socket)
        again.handshake(3, 2)
        ids.append(again.id)
        assert take(again.eventfds[1][1], 1) == 1, "the notification has waited"
        for peer in range(3):
            for vector in range(2):
                assert is_one_file(clients[0].eventfds[peer][vector], again.eventfds[peer][vector])
        clients[1] = again
    assert ids == [1] * 4


def test_hang_up_is_seen_before_a_slot_is_given(start):
    """close() and connect() without a pause: the lowest slot is free again each time."""
    server = start("--slots", 4)
    keep = RawClient(server.socket)
    keep.handshake(4, 2)
    for _ in range(200):
        client = RawClient(server.socket)
        client.handshake(4, 2)
        assert client.id == 1
        client.close()


def test_full_server_refuses_by_version(start):
    server = start("--slots", 2)
    a, b = RawClient(server.socket), RawClient(server.socket)
    a.handshake(2, 2)
    b.handshake(2, 2)
    c = RawClient(server.socket)
    assert c.message() == (1, None)
    assert c.message() is None, "then the end"
    server.await_line("event=refuse")
    b.close()
    d = RawClient(server.socket)
    d.handshake(2, 2)
    assert d.id == 1


def test_bound_slots(start, tmp_path):
    alpha, two = tmp_path / "alpha", tmp_path / "two"
    server = start("--slots", 4, "--slot", f"2={two}", "--slot", f"alpha={alpha}")
    common = RawClient(server.socket)
    common.handshake(4, 2)
    assert common.id == 1, "0 and 2 are bound"
    bound = RawClient(alpha)
    bound.handshake(4, 2)
    other = RawClient(two)
    other.handshake(4, 2)
    assert (bound.id, other.id) == (0, 2)
    assert "name=alpha" in server.await_line("event=connect slot=0")


def test_bound_slot_in_use_refuses_after_a_second(start, tmp_path):
    path = tmp_path / "alpha"
    server = start("--slot", f"alpha={path}")
    first = RawClient(path)
    first.handshake(8, 2)
    began = time.monotonic()
    second = RawClient(path)
    assert second.message() == (1, None)
    assert time.monotonic() - began > 0.9, "it waits for the first to go"
    assert second.message() is None
    assert "reason=slot-in-use" in server.await_line("event=refuse")
    assert first.is_quiet(0), "the first has noticed nothing"


def test_bound_slot_is_handed_over(start, tmp_path):
    path = tmp_path / "alpha"
    start("--slot", f"alpha={path}")
    for _ in range(10):
        first = RawClient(path)
        first.handshake(8, 2)
        began = time.monotonic()
        second = RawClient(path)
        is_waiting = second.is_quiet(0.1)
        first.socket.close()
        is_refused = second.socket.recv(1, socket.MSG_PEEK) == b"\1"
        if time.monotonic() - began < 0.9:
            break
        # The first one may have left too late: who waits is refused after a second.
    assert is_waiting and not is_refused
    second.handshake(8, 2)
    assert second.id == 0
    assert is_one_file(first.eventfds[0][1], second.eventfds[0][1])
