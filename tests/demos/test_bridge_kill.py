# SPDX-License-Identifier: MIT
"""
test_bridge_kill.py - guests on two hosts send each other numbers, while guests, servers, bridges
and the bus are killed at any time. JetStream: what was accepted arrives, in order, and nothing
comes twice without its mark. Core: what does not arrive is reported, where it is missing. In soak
each guest sends 100,000 in mode JetStream.
"""

import os
import random
import signal
import time

import pytest

from hosts import LATE, Hosts
from qemu import SOAK

ROUNDS = int(os.environ.get("KILL_ROUNDS", 30 if SOAK else 3))
LEAST = 100 if SOAK else 5  # numbers of a guest between two kills, each way
TARGET = {"core": 0, "jetstream": 100000 if SOAK else 0}  # numbers of a guest in all rounds
HOLD = 2 if SOAK else 5  # ms that a guest keeps every fifth message, before it is released
VICTIMS = ["guest 0", "guest 1", "server 0", "server 1", "bridge 0", "bridge 1", "bus"]


class Guest:
    """All incarnations of the guest of a host: what it sent, and what came, in order."""

    def __init__(self, hosts, host, pace=1, hold=HOLD):
        """pace: ms from a number to the next; hold: that it keeps every fifth message that came."""
        self.hosts, self.host, self.pace, self.hold = hosts, host, pace, hold
        self.accepted = []  # (incarnation, number)
        self.came = []  # (incarnation, number, marked); None: a loss was reported
        self.start()

    @property
    def reported(self):
        """How often a loss was reported to it."""
        return self.came.count(None)

    def start(self, command="stream"):
        hold = self.hold if command == "stream" else 0
        self.counted, self.sent, self.got, self.lost = 0, 0, 0, 0  # bytes, lines of each kind
        self.guest = self.hosts.guest(self.host, f"{command} 2 {self.pace} {hold}", image="numbers")

    def kill(self):
        self.hosts.end(self.guest)
        self.read()

    def read(self):
        """Add a whole console; a last line that was cut says nothing."""
        text = self.guest.text
        for line in text[: text.rfind("\n") + 1].splitlines():
            words = line.split()
            assert words and words[0] != "FAIL:", line
            if words[0] == "S":
                self.accepted.append(tuple(map(int, words[2:])))
            elif words[0] == "R":
                self.came.append(tuple(map(int, words[2:])))
            elif words[0] == "L":
                self.came.append(None)

    def last(self):
        """The one that came last, but for those that came again."""
        return max(item[:2] for item in self.came if item)

    def await_traffic(self, total=0):
        """It has sent some, and received some, since now; and has sent (total) in all."""
        before = self.lines()
        self.hosts.world.until(
            lambda: min(now - then for now, then in zip(self.lines(), before)) >= LEAST,
            "numbers",
            LATE,
        )
        missing = total - len(self.accepted)
        # As long as it goes on, it may take its time.
        while (sent := self.lines()[0]) < missing:
            more = min(sent + LEAST, missing)
            self.hosts.world.until(lambda more=more: self.lines()[0] >= more, "numbers", LATE)

    def lines(self):
        """
        How many lines of this incarnation say that a number was sent, and that one came; and in
        (lost), that a loss was reported.
        """
        more = self.guest.output[self.counted :]
        more = more[: more.rfind(b"\n") + 1]
        self.counted += len(more)
        lines = more.splitlines()
        self.sent += sum(line.startswith(b"S ") for line in lines)
        self.got += sum(line.startswith(b"R ") for line in lines)
        self.lost += sum(line.startswith(b"L ") for line in lines)
        return self.sent, self.got


def check(sender, receiver):
    """
    What went one way: how many were accepted, are missing, and came again. Of those that are
    missing in one place at least one report stands in that place.
    """
    seen, last, again, missing = set(), (0, 0), 0, 0
    rest = iter(sender.accepted)
    reported = False
    for item in receiver.came:
        if item is None:
            reported = True
            continue
        number, marked = item[:2], item[2]
        if number in seen:
            assert marked, f"{number} came again, without a mark"
            again += 1
            continue
        assert number > last, f"{number} came after {last}"
        seen.add(number)
        last = number
        gap = 0
        for other in rest:
            if other >= number:
                # One that was accepted, whose line the kill has cut, is in no list.
                if other > number:
                    rest = iter([other, *rest])
                break
            gap += 1
        missing += gap
        assert not gap or reported, f"{gap} are missing before {number}, silently"
        reported = False
    left = len(list(rest))
    missing += left
    assert not left or reported, f"the last {left} are missing, silently"
    return len(sender.accepted), missing, again


def drained(guests, mode):
    """Whether the last one that was accepted has come; in mode core, or was reported as lost."""
    return all(
        receiver.last() >= sender.accepted[-1] or (mode == "core" and receiver.came[-1] is None)
        for sender, receiver in (guests, guests[::-1])
    )


def kill(hosts, guests, victims):
    """Kill these; what is then missing is started again."""
    for what in victims:
        kind, _, host = what.partition(" ")
        if kind == "guest":
            guests[int(host)].kill()
        elif kind == "server":
            os.kill(hosts.servers[int(host)].serving, signal.SIGKILL)
            hosts.takeovers[int(host)] += 1
        elif kind == "bridge":
            hosts.end(hosts.bridges[int(host)])
        else:
            hosts.end(hosts.bus)
    for what in victims:
        kind, _, host = what.partition(" ")
        if kind == "guest":
            guests[int(host)].start()
        elif kind == "server":
            server, count = hosts.servers[int(host)], hosts.takeovers[int(host)]
            hosts.world.until(
                lambda: server.text.count("event=takeover") >= count, "another server takes over"
            )
        elif kind == "bus":
            hosts.start_bus()
    for what in victims:
        if what.startswith("bridge"):
            hosts.start_bridge(int(what[-1]))


@pytest.mark.parametrize("mode", ["core", "jetstream"])
def test_kill(world, mode):
    """SPEC R19.1, R19.2."""
    dice = random.Random(int(os.environ.get("KILL_SEED", 7)))
    hosts = Hosts(world, mode)
    hosts.takeovers = [0, 0]
    guests = [Guest(hosts, host) for host in range(2)]
    killed = []
    for turn in range(ROUNDS):
        for guest in guests:
            guest.await_traffic(TARGET[mode] * (turn + 1) // (ROUNDS + 1))
        killed += dice.sample(VICTIMS, 2)
        kill(hosts, guests, killed[-2:])
    for guest in guests:
        guest.await_traffic(TARGET[mode])
    for guest in guests:
        guest.kill()
    end = time.monotonic() + LATE
    while not drained(guests, mode) and time.monotonic() < end:
        # They send nothing; what waits on the way arrives, or is reported. A drain ends when
        # nothing has come for a while, which a bridge may need, too.
        for guest in guests:
            guest.start("drain")
        for guest in guests:
            assert guest.guest.done(seconds=LATE).endswith("over\n")
            guest.read()
            world.programs.remove(guest.guest)
    print(f"{mode}: {ROUNDS} rounds, killed: "
          + ", ".join(f"{killed.count(what)} times {what}" for what in VICTIMS))  # fmt: skip
    for sender, receiver in (guests, guests[::-1]):
        accepted, missing, again = check(sender, receiver)
        print(f"{mode}: from guest {sender.host}: {accepted} accepted, {missing} missing, "
              f"{receiver.reported} losses reported, {again} came again, marked")  # fmt: skip
        assert accepted >= max(TARGET[mode], LEAST * ROUNDS)
        assert mode == "core" or missing == 0
