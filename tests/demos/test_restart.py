# SPDX-License-Identifier: MIT
"""test_restart.py - a peer that is killed comes back as itself, and the others go on."""

import contextlib
import mmap
import re

import pytest

from memory import incarnation, memory_file, sent, slot_word
from pause import pause
from qemu import FAILED, TIMEOUT, doorbell, plain

pytestmark = pytest.mark.arches()

FOR_EVER = 1000000  # round trips: minutes
PING = f"ping --count={FOR_EVER} --timeout=120 --peer=0 --name=beta"
ROUNDS = 3


@pytest.fixture
def server(world):
    return world.server(bind=2)


@pytest.fixture
def memory(server):
    with server.memory() as memory:
        yield memory


def wait_for_traffic(world, memory, slot, number, more=200):
    """The peer of a slot is in its incarnation (number), and has sent (more) messages in it."""
    world.until(
        lambda: incarnation(
            memory, slot
        ) == number and sent(memory, slot) >= more, f"slot {slot} sends"
    )


def check_info(text, slot, peer):
    """A guest's own words: it is VM (slot), and sees its peer."""
    assert f"  VM ID (IVPosition): {slot}; MSI-X vectors: 2\n" in text
    assert re.search(rf"^\*   {slot}  ", text, re.MULTILINE)
    assert re.search(rf"^    {peer}$", text, re.MULTILINE)


def test_pinging_guest_killed(world, server, memory):
    """SIGKILL in the middle of a round trip, three times: the same ID, and the echo answers."""
    echo = world.guest("alpha", "echo --name=alpha", *doorbell(server.bound[0]))
    echo.expect(r"^echo: slot 0 of 8 answers$")
    number = 0
    for _ in range(ROUNDS):
        ping = world.guest("beta", PING, *doorbell(server.bound[1]))
        number += 1
        wait_for_traffic(world, memory, 1, number)
        ping.kill()
        again = world.guest("beta again", "info", *doorbell(server.bound[1]))
        check_info(again.done(), 1, r"0  attached  up  +1  .*  alpha")
        again = world.guest(
            "beta again", "ping --count=500 --timeout=20", *doorbell(server.bound[1])
        )
        number += 1
        assert "ping: slot 0 (alpha): 500 round trips of 64 bytes, us:" in again.done()
        echo.still_runs()
    assert incarnation(memory, 0) == 1 and incarnation(memory, 1) == number
    echo.type("\x1b")
    assert re.search(r"^echo: answered \d+ messages$", echo.done(), re.MULTILINE)


def test_echoing_guest_killed(world, server, memory):
    """The same with the side that answers: the ping goes on where it was."""
    count = 1000000 if world.arch == "x86_64" else 100000  # half a minute, undisturbed
    ping = world.guest(
        "beta", f"ping --count={count} --timeout=180 --peer=0 --keep-going",
        *doorbell(server.bound[1]),
    )  # fmt: skip
    for number in range(1, ROUNDS + 1):
        echo = world.guest("alpha", "echo --name=alpha", *doorbell(server.bound[0]))
        wait_for_traffic(world, memory, 0, number)
        echo.kill()
        ping.still_runs()
    assert not ping.text, "it waits"
    echo = world.guest("alpha again", "echo --name=alpha", *doorbell(server.bound[0]))
    assert f"ping: slot 0 (alpha): {count} round trips of 64 bytes, us:" in ping.done(seconds=150)
    echo.still_runs()
    assert incarnation(memory, 0) == ROUNDS + 1 and incarnation(memory, 1) == 1


def test_messages_survive_both(world, server, memory):
    """
    What was accepted is delivered, though sender and receiver are gone: to the next incarnation.
    """
    first = world.guest("alpha", "recv --count=0", *doorbell(server.bound[0]))
    world.until(lambda: slot_word(memory, 0, 8) > 100, "slot 0 waits, its heartbeat moves")
    pause(first.process.pid)  # it reads nothing any more
    for text in ("one", "two"):
        sender = world.guest("beta", f"send 0 {text} --timeout=20", *doorbell(server.bound[1]))
        assert sender.done().endswith("sent 3 bytes to slot 0\n")
    first.kill()
    again = world.guest("alpha", "recv --count=2 --timeout=20", *doorbell(server.bound[0]))
    assert again.done() == "slot 1, port 1, maybe seen: one\nslot 1, port 1, maybe seen: two\n"
    again = world.guest("alpha", "recv --timeout=1", *doorbell(server.bound[0]))
    assert again.done(
        TIMEOUT
    ) == "ivsh: timeout: 1 s without a message on port 1\n", "nothing twice"


def test_killed_guest_is_seen_gone(world, server):
    """At once, and by name: the server's page says what the device cannot."""
    waiting = world.guest("beta", "recv --count=0 --name=beta", *doorbell(server.bound[1]))
    server.expect(r"event=connect slot=1")
    seen = world.guest("alpha", "demo --timeout=20", *doorbell(server.bound[0]))
    seen.expect(r"^slot 1 \(beta\) is here$")
    waiting.kill()
    text = seen.done(FAILED)
    assert re.search(r"^ivsh: demo: from slot 1 \(beta\): message 0: it died before the end$",
                     text, re.MULTILINE)  # fmt: skip


def test_server_killed(world, server, memory):
    """Guests that talk do not need it any more."""
    count = 400000 if world.arch == "x86_64" else 40000
    stress = f"stress --count={count} --quiet --timeout=60"
    guests = [
        world.guest(name, f"{stress} --name={name}", *doorbell(server.bound[i]))
        for i, name in enumerate(["alpha", "beta"])
    ]
    wait_for_traffic(world, memory, 0, 1, 500)
    server.kill()
    for guest in guests:
        guest.still_runs()
    for guest in guests:
        assert f"{count}: every byte verified" in guest.done(seconds=60)


# --- ivshmem-plain: nobody says who is here, and whoever comes after a kill has to claim the slot
# ----

# The commands of slots 0 and 1, and the slots that are killed; the other ends by ESC. None: absent.
KILLED = {
    "echo": ("echo", "ping --count=100", [0]),
    "ping": (f"ping --count={FOR_EVER}", "echo", [0]),
    "both": ("echo", f"ping --count={FOR_EVER}", [0, 1]),
    "demo": ("demo", None, [0]),
    "stress": ("stress --count=4000000 --quiet", "stress --count=4000000 --quiet", [0, 1]),
    "sink": ("sink", f"bench sink --count={FOR_EVER}", [0, 1]),
    "recv": ("recv --count=0", "stress --count=4000000 --quiet", [0, 1]),
    "watch": ("watch", "echo", [0, 1]),
}


def kill_in(world, memory, case):
    """Both run what (case) says, and are killed, or stopped, in the midst of it."""
    with open(memory, "rb") as file:
        seen = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    guests = []
    for slot, command in enumerate(KILLED[case][:2]):
        if command:
            words = f"{command} --slot={slot} --timeout=60"
            guests.append(world.guest(f"first {slot}", words, *plain(memory)))
            world.until(lambda: slot_word(seen, slot, 0) == 1, f"slot {slot} attaches")
    world.until(lambda: slot_word(seen, len(guests) - 1, 8) > 300, "the last one is at work")
    for slot in KILLED[case][2]:
        guests[slot].kill()
    for guest in guests:
        if guest.is_alive():
            with contextlib.suppress(BrokenPipeError):  # it came to its own end just now
                guest.type("\x1b")
            guest.status()
    seen.close()


# The slot whose demo begins last; None: both at once.
STARTS = [(case, None) for case in KILLED]
STARTS += [(case, late) for case in ("echo", "stress") for late in (0, 1)]


@pytest.mark.parametrize(("case", "late"), STARTS)
def test_demo_after_a_kill(world, case, late):
    """Both at once, or one when the other has met the killed one: they begin together."""
    memory = memory_file(world.folder)
    kill_in(world, memory, case)
    guests = {}
    for slot in (1, 0) if late == 0 else (0, 1):
        words = f"demo --slot={slot} --timeout=25 --quiet"
        guests[slot] = world.guest(f"slot {slot}", words, *plain(memory))
        if late is not None and len(guests) == 1:
            guests[slot].expect(r"^demo: here is")
    for slot, guest in guests.items():
        text = guest.done()
        assert f"demo: slot {slot}: sent " in text and ": every byte verified\n" in text


def test_echo_killed_on_plain_memory(world):
    """A ping that is in its midst goes on with the echo that has claimed the slot."""
    memory = memory_file(world.folder)
    ping = world.guest(
        "ping", "ping --slot=1 --peer=0 --count=20000 --timeout=60 --keep-going", *plain(memory)
    )
    with open(memory, "rb") as file:
        seen = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    for number in (1, 2):
        echo = world.guest("echo", "echo --slot=0", *plain(memory))
        wait_for_traffic(world, seen, 0, number)
        if number == 1:
            echo.kill()
            ping.still_runs()
    assert "ping: slot 0: 20000 round trips of 64 bytes, us:" in ping.done(seconds=150)
    echo.still_runs()
    seen.close()


def test_demo_beside_the_dead(world):
    """
    A slot whose guest was killed seems attached for a while: no peer keeps it as a partner.
    """
    memory = memory_file(world.folder)
    for slot in (0, 2):
        echo = world.guest("killed", f"echo --slot={slot}", *plain(memory))
        echo.expect(rf"^echo: slot {slot} of 8 answers$")
        echo.kill()
    first = world.guest("slot 1", "demo --slot=1 --timeout=25 --quiet", *plain(memory))
    first.expect(r"^slot 0 is here$")
    second = world.guest("slot 0", "demo --slot=0 --timeout=25 --quiet", *plain(memory))
    for guest in (first, second):
        assert ": every byte verified\n" in guest.done()
