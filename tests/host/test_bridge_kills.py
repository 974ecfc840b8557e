# SPDX-License-Identifier: MIT
"""test_bridge_kills.py - bridges, servers and the bus are killed: what arrives, and each loss."""

import signal

import pytest
from bridgetool import PORT, Receiver, Sender, await_event, drained, ivsh
from rawclient import SOAK, until
from servertool import LIMIT


LOST = "event=lost from=a/apeer to=0 count=%d "


def test_core_loss(world):
    """SPEC R19.2.3: what is sent while the other bridge is dead is lost, and reported."""
    w = world("core")
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        for _ in range(2):
            a.find("bpeer", LIMIT)
            drained(b)
            sent = w.a.bridge.pair("sent")
            a.send(5, PORT, b"before", LIMIT)
            assert b.receive(LIMIT).data == b"before"
            assert ivsh.EventKind.LOST not in drained(b)
            w.b.bridge.stop(signal.SIGKILL)
            for _ in range(10):
                a.send(5, PORT, b"lost", LIMIT)
            # The bridge of a takes them for 3 s, in which nobody has subscribed, and then no more.
            until(lambda: w.a.bridge.pair("sent") == sent + 11 or not w.a.bridge.pair("heard"))
            lost = w.a.bridge.pair("sent") - sent - 1
            assert lost > 0
            losses = w.b.bridge.count(LOST % lost)
            w.b.bridge.start()
            # It shows without another message.
            await_event(b, ivsh.EventKind.LOST)
            assert w.b.bridge.pair("lost") == lost
            w.b.bridge.await_line(LOST % lost, losses + 1)
            a.find("bpeer", LIMIT)
            a.send(5, PORT, b"after", LIMIT)
            for _ in range(10 - lost):
                assert b.receive(LIMIT).data == b"lost"
            assert b.receive(LIMIT).data == b"after"
            assert ivsh.EventKind.LOST not in drained(b)


@pytest.mark.parametrize("mode", ["core", "jetstream"])
def test_kills(world, mode):
    """
    SPEC R19.1, R19.2: bridges, servers and the bus are killed while numbers flow, both ways.
    JetStream: each arrives, once, in order. Core: each gap is reported.
    """
    rounds, count = (30, 100000) if SOAK else (5, 3000)
    w = world(mode)
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        drained(a)
        drained(b)
        senders, receivers = [], []
        for peer in (a, b):
            receivers.append(Receiver(peer))
            senders.append(Sender(peer, count))
        try:
            for turn in range(rounds):
                done = [r.next() for r in receivers]
                until(
                    lambda: all(r.next() > d + 20 for r, d in zip(receivers, done))
                    or all(s.sent == count for s in senders),
                    60,
                )
                kill(w, turn % 5)
            if mode == "jetstream":
                until(lambda: all(r.next() == count for r in receivers), 600 if SOAK else 60)
            else:
                # What was sent last has come, or is known as lost.
                until(lambda: all(s.sent == count for s in senders), 600 if SOAK else 60)
                until(lambda: all(r.next() == count or r.has_lost() for r in receivers), 60)
        finally:
            for thread in senders + receivers:
                thread.end()
        for r in receivers:
            print(mode, f"missing={r.missing} gaps={r.gaps} reports={r.lost}")
            assert (r.repeated, r.silent) == (0, 0)
            assert mode == "core" or (r.missing, r.lost) == (0, 0)
            # Also where the last ones are missing.
            assert r.next() == count or r.has_lost()


def kill(w, what):
    """Kill one of the five, and start it again."""
    if what < 2:
        w.sides[what].server.kill_serving()
        return
    one = (w.a.bridge, w.b.bridge, w.nats)[what - 2]
    one.stop(signal.SIGKILL)
    one.start()
