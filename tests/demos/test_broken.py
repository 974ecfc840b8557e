# SPDX-License-Identifier: MIT
"""test_broken.py - a channel breaks while nothing comes on it: a peer that waits for many reports
it, and goes on when its peer sends."""

import re
import struct

import pytest

from memory import memory_file
from qemu import BUILD, plain

pytestmark = pytest.mark.arches()

LINE = r"^ivsh: channel to slot 1: .*$"


def ring_word(content, sender, receiver, offset):
    """Where in the memory a word of a ring stands. SPEC 2, 6."""
    slots, descs, small, large = struct.unpack_from("<IIII", content, 24)

    def page(size):
        return (size + 4095) & ~4095

    stride = page(page(256 + descs * 16 + small) + large)
    index = sender * (slots - 1) + receiver - (receiver > sender)
    return page(8192 + slots * 2048) + index * stride + offset


def damage(path, *word):
    """Write over one of the words of a ring, as somebody who maps the memory can."""
    with open(path, "r+b") as file:
        at = ring_word(file.read(40), *word)
        file.seek(at)
        (value,) = struct.unpack("<I", file.read(4))
        file.seek(at)
        file.write(struct.pack("<I", value ^ 0x5A5A))


OWN = {"receiver": (1, 0, 192), "sender": (0, 1, 4)}  # its read index; its epoch


def start(world, where, command, memory):
    if where == "host":
        return world.program(
            "ivsh", BUILD / "host" / "ivsh", "-f", memory, "--slot=0", *command.split()
        )
    return world.guest("guest", command + " --slot=0", *plain(memory), uefi=where == "uefi")


def talk(world, memory, command):
    """A peer in slot 1 does its part, to its end."""
    return world.guest("peer", f"{command} --slot=1 --timeout=20", *plain(memory)).done()


def has_begun(world, memory):
    """
    The one in slot 0 has formatted the memory and opened all channels: each ring has its
    generation.
    """

    def has_opened():
        content = memory.read_bytes()
        if content[:4] == bytes(4):
            return False
        return all(content[ring_word(content, 0, i, 0)] == 1 for i in range(1, 8))

    world.until(has_opened, "it opens its channels")


# Who waits, what a peer does then, and what the waiting one prints of it.
WAITING = {
    "echo": ("echo --count=100", "ping 0 --count=100", "echo: answered 100 messages"),
    "recv": ("recv", "send 0 hello", "slot 1, port 1.*: hello"),
    "sink": ("sink --count=1000", "bench sink --count=1000", "sink: took 1000 messages"),
}


CASES = [
    ("bare", "echo", "receiver", "spin"),
    ("bare", "echo", "sender", "poll"),
    ("bare", "recv", "receiver", "sleep"),
    ("bare", "sink", "sender", "spin"),
    ("host", "echo", "receiver", "poll"),
    ("host", "recv", "sender", "sleep"),
    ("uefi", "echo", "receiver", "sleep"),
]


@pytest.mark.parametrize("where, what, word, wait", CASES)
def test_waits_for_many(world, where, what, word, wait):
    memory = memory_file(world.folder)
    command, peer, said = WAITING[what]
    waiting = start(world, where, f"{command} --wait={wait}", memory)
    has_begun(world, memory)
    for _ in range(2):  # and once more, behind the first reset
        seen = len(waiting.text)
        damage(memory, *OWN[word])
        waiting.expect(LINE, after=seen, seconds=10)
    talk(world, memory, peer)
    assert re.search(said, waiting.done(), re.MULTILINE), waiting.text


@pytest.mark.parametrize("word", OWN)
def test_before_the_partner_comes(world, word):
    memory = memory_file(world.folder)
    first = start(world, "bare", "demo --timeout=20", memory)
    has_begun(world, memory)
    damage(memory, *OWN[word])
    first.expect(LINE, seconds=10)
    assert ": every byte verified\n" in talk(world, memory, "demo")
    assert ": every byte verified\n" in first.done()


def test_among_partners(world):
    """A partner's messages are lost: both ends say so, and neither waits for them."""
    memory = memory_file(world.folder)
    first = start(world, "bare", "stress --count=4000000 --quiet", memory)
    other = world.guest("other", "stress --count=4000000 --quiet --slot=1", *plain(memory))
    first.expect("^slot 1 says")
    other.expect("^slot 0 says")
    damage(memory, *OWN["sender"])  # the other word moves all the time, and is right again
    first.expect(r"^ivsh: ")
    assert first.status() != 0 and other.status() != 0


def test_watch(world):
    memory = memory_file(world.folder)
    watch = start(world, "bare", "watch", memory)
    has_begun(world, memory)
    damage(memory, *OWN["sender"])
    watch.expect(LINE, seconds=10)


def test_while_a_peer_is_awaited(world):
    """Its channel broke before it came."""
    memory = memory_file(world.folder)
    ping = start(world, "bare", "ping 1 --count=100 --timeout=20", memory)
    has_begun(world, memory)
    damage(memory, *OWN["receiver"])
    ping.expect(LINE, seconds=10)
    echo = world.guest("echo", "echo --slot=1 --count=100", *plain(memory))
    assert "100 round trips" in ping.done()
    echo.done()
