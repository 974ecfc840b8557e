# SPDX-License-Identifier: MIT
"""
test_waits.py - guests that sleep: nothing is lost, nobody is stuck, and waiting costs nothing.
"""

import re
import time

import pytest

from machine import MACHINES
from memory import incarnation, sent, timer_wakes
from qemu import SOAK, doorbell, notifications

pytestmark = pytest.mark.arches()

RATIO = 3  # a message's round trip against a bare doorbell's
CORE = 0.10  # of a processor that a waiting guest may use here; 0.05 where nobody else works
MANY = 100000

# name: the commands that sleep under UEFI (echo, ping), round trips, and QEMU's words in place of
# the usual -smp. Real machines cannot lose a doorbell. TCG with one processor for ever drops the
# fences, and the timer brings back what then goes wrong (DESIGN.md, "TCG").
PAIRS = {
    "bare": ((False, False), 50000, ""),
    "uefi": ((True, True), 20000, ""),
    "mixed": ((True, False), 20000, ""),
    "no fences": ((False, False), 50000, " -smp 1"),
    "no fences, uefi": ((True, True), 10000, " -smp 1"),
}


def median(text):
    """Microseconds."""
    return float(re.search(r" p50 (\d+\.\d\d) ", text)[1])


def pair(world, server, commands, uefi=(False, False), smp="", vectors=(2, 2)):
    """Two guests, of slots 0 and 1, each with its command."""
    return [
        world.guest(
            command.split()[0], command, *doorbell(server.bound[i], vectors[i]),
            machine=" ".join(MACHINES[world.arch].board) + smp, uefi=uefi[i],
        )
        for i, command in enumerate(commands)
    ]  # fmt: skip


def pingpong(world, server, count, seconds=60, wait="sleep", **keywords):
    """Round trips between two sleepers: ping's text, and what both say of notifications."""
    echo, ping = pair(
        world, server,
        [f"echo --count={count} --wait={wait} --timeout={seconds}",
         f"ping --peer=0 --count={count} --size=8 --wait={wait} --timeout={seconds}"],
        **keywords,
    )  # fmt: skip
    text = ping.done(seconds=seconds + 15)
    assert f": {count} round trips of 8 bytes, us:" in text
    assert f"echo: answered {count} messages\n" in echo.done()
    return text, [notifications(text, "ping"), notifications(echo.text, "echo")]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.arches("aarch64", "riscv64")) if name == "bare"
        else name
        for name in PAIRS
    ],
)  # fmt: skip
def test_pingpong(world, name):
    """Every message is answered, and doorbells bring the answers, not the timer."""
    uefi, count, smp = PAIRS[name]
    count = MANY if SOAK else count if world.arch == "x86_64" else count // 5
    began = time.monotonic()
    text, sides = pingpong(
        world, world.server(bind=2), count, 200 if SOAK else 90, uefi=uefi, smp=smp
    )
    print(f"{name}: {time.monotonic() - began:.1f} s\n{text}", sides)
    for side in sides:
        assert side["mode"] == "sleep" and side["vectors"] == 2
        # Some messages come before the other side sleeps: on a busy host, most.
        assert side["doorbell"] > 20 * side["missed"]
        # A message that comes just when the timer has ended a sleep counts as missed, too.
        assert side["missed"] <= (count / 100 if smp else 2 + count / 20000)


@pytest.mark.parametrize(
    "served, has",
    [(1, (1, 1)), (128, (128, 128)), (8, (2, 3)), (2, (8, 5)), (16, (1, 16))],
)
def test_vectors(world, served, has):
    """
    Any number of vectors: no request for one that the server, or the notifier's device, has not.
    """
    server = world.server("--client-descriptors", 2048, bind=2, vectors=served)
    text, sides = pingpong(world, server, 1000, vectors=has)
    print(f"{served} served, {has}: {text}", end="")
    for side, mine in zip(sides, reversed(has)):
        assert side["vectors"] == min(mine, MACHINES[world.arch].vectors)
        assert side["doorbell"] > 0 and side["missed"] <= 2


@pytest.mark.arches("aarch64", "riscv64")
def test_modes(world):
    """A poller is not notified; a sleeper is."""
    server = world.server(bind=2)
    for wait, least, most in [("poll", 0, 0), ("spin", 0, 2000), ("sleep", 1, 2000)]:
        text, sides = pingpong(world, server, 2000, wait=wait)
        print(text, end="")
        assert all(least <= side["sent"] <= most for side in sides)


def test_bare_doorbell(world):
    """A message's round trip between sleepers, against that of two doorbells alone."""
    server, found = world.server(bind=2), {}
    for which, options in (("ack", " --peer=1"), ("echo", "")):
        partner, bench = pair(
            world, server,
            [
                f"{which} --wait=sleep{options}",
                f"bench {which} --wait=sleep --count=5000 --timeout=30",
            ],
        )  # fmt: skip
        text = bench.done()
        print(text, end="")
        found[which] = median(text)
        partner.kill()
    ratio = found["echo"] / found["ack"]
    print(f"message / bare doorbell: {ratio:.2f}")
    assert ratio <= RATIO


def test_stream(world):
    """
    A receiver that is awake is not notified, and neither is a sender that waits awake for room.
    """
    count = 1000000 if SOAK else 200000
    spin = "--wait=spin --spin=10000 --timeout=200"
    sink, bench = pair(
        world, world.server(bind=2),
        [f"sink --count={count} {spin}", f"bench sink --count={count} --size=64 {spin}"],
    )  # fmt: skip
    text = bench.done(seconds=210)
    took = sink.done()
    print(text, took, sep="")
    assert f"sink: took {count} messages, {count * 64} bytes\n" in took
    assert notifications(
        text, "bench"
    )["sent"] + notifications(took, "sink")["sent"] <= count / 1000
    assert notifications(text, "bench")["suppressed"] >= count * 0.999


@pytest.mark.parametrize("uefi", [False, True], ids=["bare", "uefi"])
def test_waiting_costs_nothing(world, uefi):
    """The host's processor time of a guest that waits for a message; and it still wakes."""
    seconds = 10 if SOAK else 5
    server = world.server(bind=2)
    recv = world.guest("recv", "recv --wait=sleep", *doorbell(server.bound[0]), uefi=uefi)
    with server.memory() as memory:
        # Behind a boot comes a tail of it.
        world.until(lambda: timer_wakes(memory, 0) >= 50, "recv has slept for a second")
    before, began = recv.processor_seconds(), time.monotonic()
    time.sleep(seconds)
    used = (recv.processor_seconds() - before) / (time.monotonic() - began)
    print(f"{100 * used:.2f} % of a processor")
    assert used < (0.05 if SOAK else CORE)
    world.guest("send", "send 0 awake --timeout=20", *doorbell(server.bound[1])).done()
    assert recv.done() == "slot 1, port 1: awake\n"


def test_sleeping_receiver_killed(world):
    """Its peer notifies on; the next incarnation is notified, wakes, and both go on by doorbell."""
    server = world.server(bind=2)
    ping = world.guest(
        "ping", "ping --peer=0 --count=10000 --wait=sleep --timeout=90 --keep-going", *doorbell(
            server.bound[1]
        )
    )
    echo = "echo --wait=sleep --timeout=90"
    with server.memory() as memory:
        for number in range(1, 4):
            killed = world.guest("echo", echo, *doorbell(server.bound[0]))
            world.until(
                lambda: incarnation(
                    memory, 0
                ) == number and sent(memory, 0) >= 200, f"incarnation {number} answers"
            )
            killed.kill()
            ping.still_runs()
    world.guest("echo", echo, *doorbell(server.bound[0]))
    text = ping.done(seconds=60)
    print(text, end="")
    assert notifications(text, "ping")["missed"] <= 4


def test_sleeping_sender_killed(world):
    """The one that sleeps is not disturbed: the next incarnation of its peer notifies it, too."""
    server = world.server(bind=2)
    echo = world.guest("echo", "echo --wait=sleep", *doorbell(server.bound[0]))
    with server.memory() as memory:
        for number in range(1, 4):
            ping = world.guest(
                "ping", "ping --peer=0 --count=1000000 --wait=sleep", *doorbell(server.bound[1])
            )
            world.until(
                lambda: incarnation(
                    memory, 1
                ) == number and sent(memory, 1) >= 200, f"incarnation {number} sends"
            )
            ping.kill()
    ping = world.guest(
        "ping", "ping --peer=0 --count=1000 --wait=sleep --timeout=20", *doorbell(server.bound[1])
    )
    assert notifications(ping.done(), "ping")["missed"] <= 2
    echo.type("\x1b")
    assert notifications(echo.done(), "echo")["missed"] <= 4
