# SPDX-License-Identifier: MIT
"""
test_bridge_guests.py - guests of every kind behind a bridge, each with a guest of another host:
other machines, firmware and architectures, split regions, and links that go one way.
"""

import re

import pytest

from hosts import LATE, Hosts
from test_split_guest import MACHINES

VERIFIED = re.compile(r"received \d+ bytes in 64: every byte verified$", re.MULTILINE)


def exchange(hosts, *kinds):
    """demo: each way 64 messages of all sizes, every byte of which is checked."""
    guests = [
        hosts.guest(host, f"demo --peers=1 --timeout=90 --name={hosts.names[host]}", **kind)
        for host, kind in enumerate(kinds)
    ]
    for guest in guests:
        assert VERIFIED.search(guest.done(seconds=2 * LATE)), guest.text


@pytest.mark.parametrize("where", MACHINES)
def test_machines(world, where):
    """A guest of each kind, and one on q35 without firmware."""
    exchange(Hosts(world, "core"), MACHINES[where], MACHINES["q35"])


SPLIT = ["--split"]


@pytest.mark.parametrize(
    "mode, servers",
    [("core", (SPLIT, SPLIT)), ("jetstream", (SPLIT, SPLIT)), ("core", (SPLIT, []))],
    ids=["core", "jetstream", "one of both"],
)
def test_split(world, mode, servers):
    """
    In a split region the bridge is a peer with a part of its own, which its guest can only read;
    the other host's region may be whole.
    """
    hosts = Hosts(world, mode, servers=servers)
    exchange(hosts, {}, {})
    hosts.guest(0, "echo --name=alpha")
    hosts.bridges[1].expect(r"event=attach slot=0 peer=a/alpha .*incarnation=2")
    text = hosts.guest(1, "ping alpha --count=200 --timeout=60").done(seconds=LATE)
    assert re.search(r"^ping: slot 0 \(alpha\): 200 round trips of 64 bytes", text, re.M), text
    assert "left out" not in text


@pytest.mark.parametrize("mode", ["core", "jetstream"])
def test_one_way(world, mode):
    """
    SPEC R19.2.7: a guest that only sends reaches one that only receives. What the first one is sent
    ends with it, and holds nobody up: its sender, which has left, has no slot any more.
    """
    hosts = Hosts(world, mode)
    recv = hosts.guest(1, "recv --count=2 --name=beta --receive-only=all")
    for word in ("one", "two"):
        hosts.guest(0, f"send beta {word} --send-only=all --timeout=60").done(seconds=LATE)
    text = recv.done(seconds=LATE)
    for word in ("one", "two"):
        assert re.search(rf"^slot 0 \(alpha\), port 1: {word}$", text, re.M), text
    watch = hosts.guest(0, "watch --name=alpha --send-only=all")
    watch.expect(r"^watch: slot 0 of 8$")
    hosts.guest(1, "send alpha hello --name=beta --timeout=60").done(seconds=LATE)
    hosts.bridges[0].expect(r"event=lost from=b/beta to=0 count=1 reason=unread")
    world.until(lambda: not hosts.status(0)["attached"], "beta has left", LATE)
    assert hosts.status(0)["waiting"] == 0
