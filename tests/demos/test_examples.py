# SPDX-License-Identifier: MIT
"""test_examples.py - examples/ do what they say: two guests, or a guest and the host."""

import os
import re
import subprocess

import pytest

from memory import incarnation
from qemu import BUILD, DONE, FAILED, doorbell

pytestmark = pytest.mark.arches()


@pytest.fixture
def server(world):
    return world.server(bind=3)


def guest(world, server, slot, example):
    """Boot (example) as the peer of slot (slot)."""
    image = f"examples/{example}"
    return world.guest(f"{example} {slot}", "", *doorbell(server.bound[slot]), image=image)


def host(world, server, slot, example, **popen):
    """The same on the host."""
    program = BUILD / "host" / "examples" / example
    assert program.exists(), "run make build/test"
    env = {**os.environ, "IVSH_SOCKET": str(server.bound[slot])}
    return world.program(f"{example} {slot}", program, env=env, **popen)


@pytest.mark.parametrize("second", [guest, host])
def test_exchange(world, server, second):
    """Both lines arrive, whichever guest comes first and whichever has left."""
    zero, one = guest(world, server, 0, "exchange"), second(world, server, 1, "exchange")
    assert zero.done(DONE) == "peer 1 says hello\n"
    assert one.done(DONE) == "peer 0 says hello\n"


@pytest.mark.x86_64
def test_loop(world, server):
    """The event loop prints what a guest sends, and sends what is typed."""
    program = BUILD / "host" / "examples" / "loop"
    loop = world.program("loop", program, server.bound[1])
    zero = guest(world, server, 0, "exchange")
    loop.expect("^slot 0: hello$")
    loop.type("hello")
    assert zero.done(DONE) == "peer 1 says hello\n"
    loop.process.stdin.close()
    loop.done(DONE)


def test_request(world, server):
    """Two ask the same; each is answered."""
    asking = [guest(world, server, slot, "request") for slot in (1, 2)]
    serving = guest(world, server, 0, "request")
    for one in asking:
        assert one.done(DONE) == "peer 0 answers 9\n"
    serving.still_runs()


def test_sleep(world, server):
    """It sleeps, without using its processor, and wakes for each message."""
    sleeping = guest(world, server, 0, "sleep")
    sleeping.expect("^slot 0 sleeps$")
    before = sleeping.processor_seconds()
    for count in (1, 2):
        tool = BUILD / "host" / "ivsh"
        world.program("send", tool, "-S", server.bound[1], "send", "0", f"line {count}").done()
        sleeping.expect(f"^peer 1 woke us: line {count}$")
    assert sleeping.processor_seconds() - before < 1
    sleeping.still_runs()


def test_stream_of_a_file(world, server, tmp_path):
    """The host streams a file to a guest, which prints it: every line arrives, and the end."""
    lines = [
        f"line {number} of a file that is larger than the ring's buffer" for number in range(1500)
    ]
    path = tmp_path / "file"
    path.write_text("\n".join(lines) + "\n")
    printing = guest(world, server, 0, "stream")
    with open(path, "rb") as file:
        program = BUILD / "host" / "examples" / "stream"
        env = {**os.environ, "IVSH_SOCKET": str(server.bound[1])}
        writing = subprocess.run([program], stdin=file, env=env, timeout=60, check=False)
    assert writing.returncode == 0
    assert printing.done(DONE).splitlines() == lines


def test_stream_between_guests(world, server):
    """One guest prints what is typed to the other; Ctrl-D ends it."""
    printing, reading = (guest(world, server, slot, "stream") for slot in (0, 1))
    with server.memory() as memory:
        world.until(lambda: incarnation(memory, 1) == 1, "the reader attaches")
    reading.type("some words\n\x04\x04")
    assert reading.done(DONE) == ""
    assert printing.done(DONE) == "some words\n"


def test_events(world, server):
    """A peer comes, is killed, and comes again."""
    watching = guest(world, server, 0, "events")
    watching.expect("^slot 0 watches$")
    for _ in range(2):
        at = len(watching.text)
        other = guest(world, server, 1, "sleep")
        watching.expect("^peer 1 is here$", after=at)
        other.kill()
        watching.expect("^peer 1 is gone$", after=at)


def test_no_server(world):
    """On the host without a server: one line, and not a success."""
    program = BUILD / "host" / "examples" / "exchange"
    env = {**os.environ, "IVSH_SOCKET": str(world.folder / "none")}
    text = world.program("exchange", program, env=env).done(FAILED)
    assert text.startswith(f"{world.folder}/none: connect: ") and text.count("\n") == 1


def ping(world, server, name):
    """A process of the host and a bare guest: what each sends comes back unchanged."""
    tool = [BUILD / "host" / "ivsh", "-S", server.bound[2], "ping", name]
    assert ": 300 round trips of 64 bytes" in world.program("ping", *tool, "--count=300").done()
    command = f"ping {name} --count=500 --size=3000"
    pinging = world.guest("ping 1", command, *doorbell(server.bound[1]))
    assert ": 500 round trips of 3000 bytes" in pinging.done()


def send(world, server, text):
    """A text to slot 0."""
    tool = BUILD / "host" / "ivsh"
    world.program("send", tool, "-S", server.bound[2], "send", "0", text).done()


@pytest.mark.x86_64
def test_kernel(world, server):
    """The smallest kernel answers and prints, also one that is started after another was killed."""
    for _ in range(2):
        kernel = guest(world, server, 0, "kernel")
        ping(world, server, "kernel")
        send(world, server, "hello")
        kernel.expect("^the kernel is a peer\nhello$")
        kernel.kill()


@pytest.mark.x86_64
@pytest.mark.parametrize("example", ["kernel", "tasks", "echo"])
def test_answers_left(world, server, example):
    """A peer that takes no answers out, until there is no room for more, holds up no other one."""
    guest(world, server, 0, example)
    tool = BUILD / "host" / "ivsh"
    for _ in range(12):
        words = ["-S", server.bound[2], "--port=7", "send", "0", "x" * 12000]
        world.program("send", tool, *words).done()
    command = [tool, "-S", server.bound[1], "ping", example, "--count=20"]
    assert ": 20 round trips" in world.program("ping", *command).done()


@pytest.mark.x86_64
@pytest.mark.parametrize("example", ["kernel", "tasks", "echo"])
def test_too_large(world, example):
    """A message that is larger than the buffer is dropped, and the next one is answered."""
    server = world.server(bind=3, size="256M")
    guest(world, server, 0, example)
    tool = [BUILD / "host" / "ivsh", "-S", server.bound[2]]
    words = ["--timeout=1", "--count=1", "--size=70000"]
    text = world.program("large", *tool, *words, "ping", example).done(5)
    assert "without an answer" in text
    ping(world, server, example)


@pytest.mark.x86_64
def test_kernel_without_device(world):
    """It says why it ends, which none of the lines above are."""
    world.guest("kernel", "", image="examples/kernel").expect("^no such device, region or peer$")


@pytest.mark.x86_64
def test_tasks(world, server):
    """
    A doorbell wakes the messenger for each text, out of a worker that never gives the processor
    away and goes on counting.
    """
    tasks = guest(world, server, 0, "tasks")
    ping(world, server, "tasks")
    doorbells, work = 0, 0
    for text in ("one", "two", "three"):
        send(world, server, text)
        now = tasks.expect(rf"^{text}\ntasks: (\d+) doorbells; the worker has counted to (\d+)$")
        assert int(now[1]) > doorbells and int(now[2]) > work, tasks.text
        doorbells, work = int(now[1]), int(now[2])
    tasks.kill()
    guest(world, server, 0, "tasks")
    ping(world, server, "tasks")


@pytest.mark.x86_64
@pytest.mark.parametrize("where", [guest, host])
def test_cpp(world, server, where):
    """The program in C++ answers, prints, and leaves its slot at the end of its scope."""
    echo = where(world, server, 0, "echo")
    ping(world, server, "echo")
    for text in ("hello", "end"):
        send(world, server, text)
    assert echo.done(DONE) == "peer 2 says hello\npeer 2 says end\n"
    ls = world.program("ls", BUILD / "host" / "ivsh", "-S", server.bound[2], "ls").done()
    assert re.search("^ *0 +absent ", ls, re.MULTILINE), ls  # "gone": it ended without closing
