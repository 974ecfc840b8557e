# SPDX-License-Identifier: MIT
"""test_host.py - guests and the host's own peer, build/host/ivsh, on one region."""

import re

import pytest

from memory import incarnation, memory_file, sent, slot_word
from qemu import BUILD, doorbell, plain

pytestmark = pytest.mark.arches()


@pytest.fixture
def server(world):
    return world.server(bind=2)


def host(world, *words):
    """Run the host tool."""
    program = BUILD / "host" / "ivsh"
    assert program.exists(), "run make"
    return world.program("ivsh", program, *words)


def wait_attached(server, slot):
    with server.memory() as memory:
        server.world.until(lambda: slot_word(memory, slot, 0) == 1, f"slot {slot} attaches")


@pytest.mark.parametrize("size", [0, 8, 9, 1024, 32768])
def test_host_pings_guest(world, server, size):
    echo = world.guest("echo", "echo --name=echo", *doorbell(server.bound[0]))
    wait_attached(server, 0)
    text = host(world, "-S", server.socket, "ping", "echo", "--count=200", f"--size={size}").done()
    assert re.search(rf"200 round trips of {size} bytes", text), text
    echo.still_runs()


def test_guest_killed_under_ping(world, server):
    """The host's ping says at once that the guest died; when it is back, everything goes on."""
    for number in range(1, 4):
        echo = world.guest("echo", "echo", *doorbell(server.bound[0]))
        with server.memory() as memory:
            world.until(lambda: incarnation(memory, 0) == number, "the guest attaches")
            ping = host(
                world, "-S", server.bound[1], "ping", "0", "--count=1000000", "--timeout=20"
            )
            world.until(lambda: sent(memory, 0) >= 200, "the guest answers")
        echo.kill()
        assert ping.done(1, seconds=15).startswith("ivsh: slot 0: died meanwhile\nping: slot 0: ")
    world.guest("echo", "echo", *doorbell(server.bound[0])).expect("^echo: slot 0 of 8 answers$")
    ping = host(world, "-S", server.bound[1], "ping", "0", "--count=500", "--timeout=20")
    assert "500 round trips of 64 bytes" in ping.done()


def test_guest_pings_host(world, server):
    echo = host(world, "-S", server.bound[0], "echo", "--name=host", "--count=200")
    ping = world.guest(
        "ping", "ping host --count=200 --size=1024 --timeout=20", *doorbell(server.bound[1])
    )
    assert "ping: slot 0 (host): 200 round trips of 1024 bytes, us:" in ping.done()
    echo.done()


def test_guest_sends_to_host(world, server):
    recv = host(world, "-S", server.bound[1], "recv", "--count=2", "--name=host")
    for text in ("hello", "two words"):
        world.guest(
            "alpha", f"send host {text} --name=alpha --timeout=20", *doorbell(server.bound[0])
        ).done()
    found = recv.done()
    assert re.search(r"0 \(alpha\).*: hello\n.*0 \(alpha\).*: two words\n", found), found


def test_host_sends_to_guest(world, server):
    recv = world.guest("alpha", "recv --name=alpha --timeout=20", *doorbell(server.bound[0]))
    wait_attached(server, 0)
    host(world, "-S", server.bound[1], "send", "alpha", "hello", "guest", "--name=host").done()
    assert recv.done() == "slot 1 (host), port 1: hello guest\n"


def test_ls(world, server):
    """ls shows the peers that are there by name, and a peer that was killed as gone."""
    echo = world.guest("alpha", "echo --name=alpha", *doorbell(server.bound[0]))
    wait_attached(server, 0)
    text = host(world, "-S", server.socket, "ls").done()
    assert re.search(r"^region: version 2, \d+ bytes, 8 slots, ", text, re.MULTILINE)
    assert re.search(r"^server: epoch 0x[0-9a-f]{8}, running$", text, re.MULTILINE)
    assert re.search(r"^ +0 +attached +up +1 .* alpha$", text, re.MULTILINE), text
    echo.kill()
    server.expect("event=disconnect slot=0")
    text = host(world, "-S", server.socket, "ls").done()
    assert re.search(r"^ +0 +gone +down +1 .* alpha$", text, re.MULTILINE), text


def test_plain(world):
    """No server: the host shares the file."""
    memory = memory_file(world.folder)
    echo = world.guest("alpha", "echo --slot=0 --name=alpha", *plain(memory))
    world.until(lambda: incarnation(memory.read_bytes(), 0) == 1, "the guest attaches")
    text = host(world, "-f", memory, "--slot=1", "ping", "alpha", "--count=200").done()
    assert "200 round trips of 64 bytes" in text
    text = host(world, "-f", memory, "ls").done()
    assert re.search(r"^ +0 +attached +unknown +1 .* alpha$", text, re.MULTILINE), text
    echo.still_runs()


def raw_server(world):
    """One that writes nothing and notifies nobody, over a region."""
    memory = world.folder / "raw"
    host(world, "mem", "create", memory, "4M").done()
    return world.server("--raw", "--file", memory, bind=2)


@pytest.mark.parametrize("firmware", [False, True])
def test_host_rings_guest(world, firmware):
    """
    A guest that sleeps wakes for each doorbell, and answers it: no more, and no fewer. Nobody else
    rings, as the server is a raw one.
    """
    server = raw_server(world)
    host(world, "-S", server.bound[1], "echo", "--name=host").expect("^echo: slot 1")
    ack = world.guest(
        "ack", "ack --peer=host --count=5 --wait=sleep", *doorbell(server.bound[0]), uefi=firmware
    )
    ack.expect("^ack: answers the doorbells of slot 1", seconds=60)
    bell = host(world, "-S", server.socket, "bell", "0", "--count=4", "--interval=0.2")
    assert bell.done() == "bell: peer 0, vector 0: sent 4 doorbells\n"
    ack.still_runs()  # had it taken one for two, it would be over since the third
    host(world, "-S", server.socket, "bell", "0").done()
    assert ack.done().endswith("ack: answered 5 doorbells\n")


@pytest.mark.parametrize("firmware", [False, True])
def test_guest_rings_host(world, firmware):
    """The guest attaches to nothing; it rings by name, and knows which vectors the peer has."""
    server = raw_server(world)
    host(world, "-S", server.socket, "echo", "--name=echo").expect("^echo: slot 2")
    ack = host(world, "-S", server.bound[1], "ack", "--peer=echo", "--count=3", "--name=ack")
    ack.expect("^ack: answers the doorbells of slot 2")
    for words, status, text in (
        ("bell ack --vector=9", 1, r"ivsh: bell: --vector=9: peer 1 \(ack\) has vectors 0 to \d"),
        ("bell ack --count=3 --interval=0.2", 0, r"bell: peer 1 .*, vector 0: sent 3 doorbells"),
    ):
        bell = world.guest("bell", words, *doorbell(server.bound[0]), uefi=firmware)
        assert re.search(f"^{text}$", bell.done(status, seconds=60), re.MULTILINE), bell.text
    assert ack.done().endswith("ack: answered 3 doorbells\n")
    with open(world.folder / "raw", "rb") as memory:
        assert incarnation(memory.read(), 0) == 0, "nobody attached to slot 0"


def test_guest_rings_nobody(world, server):
    bell = world.guest("bell", "bell 6", *doorbell(server.bound[0]))
    assert "ivsh: bell: peer 6: not connected: ivsh ls shows who is there\n" in bell.done(4)
    bell = world.guest("bell", "bell 0", *doorbell(server.bound[0]))
    assert "ivsh: bell: peer 0: that is our own ID: no other peer has it\n" in bell.done(4)
    bell = world.guest("bell", "bell 1", *plain(memory_file(world.folder)))
    assert "no doorbells here: they need a server, and ivshmem-doorbell\n" in bell.done(1)


def test_guest_prints_a_histogram(world, server):
    """The rows are those of the host: on a console of 80 columns, and every time is in one."""
    host(world, "-S", server.bound[0], "echo", "--name=host").expect("^echo: slot 0")
    bench = world.guest(
        "bench", "bench echo --count=300 --histogram --timeout=20", *doorbell(server.bound[1])
    )
    text = bench.done(seconds=60)
    rows = re.findall(r"^ *\d+\.\d\d[ +]\|[#.]* +(\d+) +\d+\.\d%$", text, re.MULTILINE)
    assert rows and sum(map(int, rows)) == 300, text
    assert max(len(line) for line in text.splitlines() if "|" in line) <= 80
    assert re.search(r"^count 300, us: min \S+ p50 \S+ p90 .* p99\.9 \S+ max \S+$", text, re.M)
