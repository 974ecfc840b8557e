# SPDX-License-Identifier: MIT
"""
test_library.py - a program over the shared host library (tests/host/looper.c), with another
process and with guests; and what becomes of it when the server is killed or replaced.
"""

import os
import re
import signal

import pytest

from memory import memory_file, sent, slot_word
from qemu import BUILD, SOAK, doorbell

MIB = 1 << 20
SIZE = (1024 if SOAK else 64) * MIB
UP, DOWN, RESTARTED = 1, 2, 3
DISCONNECTED, RESUMED, REPLACED = 256, 257, 258
SUMS = r"^stream in (\d+) ([0-9a-f]{16}) out (\d+) ([0-9a-f]{16}): done$"


def looper(world, place, name, *words):
    return world.program(name, BUILD / "host" / "looper", place, name, *words)


def serve(world, place):
    program = looper(world, place, "server", "serve")
    program.expect(r"^slot \d of \d$")
    return program


def streamed(program, size=SIZE):
    """The program has sent and received (size) bytes, and both sums are equal."""
    found = re.search(SUMS, program.done(), re.MULTILINE)
    assert found and found[1] == found[3] == str(size) and found[2] == found[4], program.text
    return found[2]


def calls(world, place, count=100_000_000):
    """A peer that makes calls until the test ends, and has made the first."""
    program = looper(world, place, "caller", "call", "server", count)
    program.expect("^answered 1000$")
    return program


def go_on(*callers):
    """Calls are answered from now on."""
    for caller in callers:
        for _ in range(2):
            caller.expect(r"^answered \d+$", after=len(caller.text))


@pytest.mark.parametrize("command", ["push", "pull"])
def test_stream_with_a_process(world, command):
    """One end is an event loop, the other waits in its calls; of push, both do both at once."""
    server = world.server()
    loop = serve(world, server.socket)
    total = streamed(looper(world, server.socket, "client", command, "server", SIZE))
    assert loop.expect(r"^stream .*: done$")[0].count(f"{SIZE} {total}") == 1


def test_stream_through_a_file(world):
    """Without doorbells both ends poll."""
    path, size = memory_file(world.folder), SIZE // 8
    serve(world, path)
    streamed(looper(world, path, "client", "push", "server", size), size)


@pytest.mark.parametrize(
    "uefi, command", [(False, "push"), (True, "pull")], ids=["bare", "uefi"]
)
def test_stream_with_a_guest(world, uefi, command):
    server = world.server()
    guest = world.guest("sums", "", *doorbell(server.socket), uefi=uefi, image="sums")
    total = streamed(looper(world, server.socket, "client", command, "server", SIZE))
    guest.expect(rf"^sums: {SIZE} {total}: done$")


def test_no_message_is_missed(world):
    """
    A loop that sleeps between any two messages is woken by a doorbell. A sender that is stopped
    between its store and its doorbell, just as the sleeper's timer ends the sleep, looks as if the
    doorbell were missed (host/library/ready.c, wakes_count()): on a busy machine that happens.
    """
    server = world.server()
    loop = serve(world, server.socket)
    looper(world, server.socket, "client", "call", "server", 20000).done()
    with server.memory() as memory:
        world.until(lambda: sent(memory, 0) == 20000, "the loop publishes its counters")
        woken, missed = (slot_word(memory, 0, at, "<Q") for at in (0x2B0, 0x2D0))
    assert woken > 20 and missed <= 2
    loop.still_runs()


def test_guest_calls_a_loop(world):
    """A guest rings a loop that sleeps on its descriptor, and is answered."""
    server = world.server()
    serve(world, server.socket)
    ping = world.guest("ping", "ping server --count=500 --timeout=20", *doorbell(server.socket))
    assert "500 round trips" in ping.done()


def test_peer_killed(world):
    """A stream's peer is killed: the loop gets an error for the stream, and an event."""
    server = world.server()
    loop = serve(world, server.socket)
    client = looper(world, server.socket, "client", "push", "server", 1 << 40)
    loop.expect(rf"^event {UP} slot 1$")
    loop.expect("^stream begins$")
    client.kill()
    loop.expect(r"^stream in \d+ .*: the peer left or came back as another$")
    loop.expect(rf"^event {DOWN} slot 1$")
    streamed(looper(world, server.socket, "again", "push", "server", MIB), MIB)


def test_server_killed(world):
    """The supervisor starts another server: no event says so, and nothing is lost."""
    server = world.server()
    loop = serve(world, server.socket)
    caller = calls(world, server.socket)
    for count in range(1, 4):
        os.kill(server.serving, signal.SIGKILL)
        world.until(lambda: server.text.count("event=takeover") == count, "another one serves")
        go_on(caller)
    assert re.findall(r"event (\d+)", loop.text) == [str(UP)]
    assert re.findall(r"event (\d+)", caller.text) in ([str(UP)], [])


@pytest.mark.parametrize("everything", [False, True], ids=["server", "supervisor-too"])
def test_server_killed_under_a_stream(world, everything):
    """
    SIGKILL while 256 MiB are under way: to the server, which the supervisor replaces, or to both.
    The stream goes on in the memory that the peers have, and both ways have equal sums.
    """
    server, size = world.server(), 4 * SIZE
    loop = serve(world, server.socket)
    with server.memory() as memory:
        client = looper(world, server.socket, "client", "push", "server", size)
        world.until(lambda: sent(memory, 1) > 100, "bytes are under way")
        if everything:
            server.kill()
        else:
            os.kill(server.serving, signal.SIGKILL)
            server.expect("event=takeover")
        before = sent(memory, 1)
        total = streamed(client, size)
        assert sent(memory, 1) > before
    loop.expect(rf"^stream in {size} {total} .*: done$")


def replaced(loop, caller, kind):
    """Both report the end of the server, and that the region was opened again."""
    for program in (loop, caller):
        program.expect(rf"^event {DISCONNECTED} slot \d\n(.*\n)*event {kind} slot \d$")
    go_on(caller)


def test_server_replaced(world):
    """Another server, and another memory: both peers go over to it."""
    server = world.server()
    loop, caller = serve(world, server.socket), calls(world, server.socket)
    server.kill()
    for program in (loop, caller):
        program.expect(rf"^event {DISCONNECTED} slot \d$")
    go_on(caller)  # in the old memory
    server.socket.unlink()
    world.server()
    replaced(loop, caller, REPLACED)


def test_server_replaced_over_its_memory(world):
    """Another server over the same file, with the same slots: another incarnation of each."""
    path = memory_file(world.folder)
    server = world.server("--file", path, "--memory-as-is", bind=2)
    loop, caller = serve(world, server.bound[0]), calls(world, server.bound[1])
    server.kill()
    server = world.server("--file", path, "--memory-as-is", bind=2)
    replaced(loop, caller, RESUMED)


def test_not_opened(world):
    """One line says why, and the handle is closed."""
    server = world.server(slots=2)
    for name in ("a", "b"):
        looper(world, server.socket, name, "serve").expect("^slot")
    other = memory_file(world.folder, content=b"something else.", name="other")
    for place, want in [
        (server.socket, r"open: .*: the server refuses, by .* as it does when no slot is free"),
        (world.folder / "none", r"open: no such device.*: No such file or directory"),
        (world.folder, r"open: .*: no split region in this folder: common: No such file"),
        (other, r"open: .*: the memory holds no region: it begins with [0-9a-f]{16}"),
    ]:
        text = looper(world, place, "client", "serve").done(3)
        assert re.match(want, text) and text.count("\n") == 1, text
    text = looper(world, memory_file(world.folder), "x" * 40, "serve").done(3)
    assert "the name is not printable or has more than 31 characters" in text
