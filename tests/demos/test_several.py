# SPDX-License-Identifier: MIT
"""test_several.py - machines with several ivshmem devices: which one a command works with, and that
it leaves the others alone."""

import re

import pytest

from memory import incarnation, memory_file, timer_wakes
from qemu import BUILD, FAILED, NO_DEVICE, NO_PEER, USAGE, doorbell, plain

pytestmark = pytest.mark.arches()

MAGIC = b"IVSHRGN\0"
LIST = r"name one by --device=0 \(00:01\.0, .*\) or 1 \(00:02\.0, .*\)"


def two(world, first=b"", second=b""):
    """Two files, and QEMU's words for a device of each, in this order."""
    files = [memory_file(world.folder, content=c, name=n) for n, c in (("a", first), ("b", second))]
    return files, [*plain(files[0], "a"), *plain(files[1], "b")]


def formatted(world, name="b"):
    """A file with a region of ours, as another guest has left it."""
    memory = memory_file(world.folder, name=name)
    world.guest("formatter", "send 1 x --slot=0 --timeout=1", *plain(memory)).done(NO_PEER)
    assert memory.read_bytes()[:8] == MAGIC
    return memory


def said(guest):
    """The one line that it says on standard error."""
    lines = [line for line in guest.text.splitlines() if line.startswith("ivsh: ")]
    assert len(lines) == 1, guest.text
    return lines[0]


@pytest.mark.parametrize(
    "content, uefi",
    [(b"", False), (b"precious", False), (b"", True)],
    ids=["empty", "foreign", "uefi"],
)
def test_ours_is_second(world, content, uefi):
    """Device 0 is another program's, which may not have written yet; device 1 has a region."""
    other, ours = memory_file(world.folder, content=content, name="a"), formatted(world)
    before = other.read_bytes()
    words = [*plain(other, "a"), *plain(ours, "b")]
    guests = [
        world.guest(
            f"slot {i}", f"demo --slot={i} --timeout=55", *words, uefi=uefi
        ) for i in range(2)
    ]
    for guest in guests:
        assert ": every byte verified" in guest.done(seconds=60)
    assert other.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"precious"], ids=["empty", "foreign"])
def test_doorbell_is_second(world, content):
    server = world.server(bind=2)
    other = memory_file(world.folder, content=content, name="a")
    before = other.read_bytes()
    guests = [
        world.guest(f"VM {i}", "demo --timeout=20", *plain(other, "a"), *doorbell(server.bound[i]))
        for i in range(2)
    ]
    for guest in guests:
        assert ": every byte verified" in guest.done()
    assert other.read_bytes() == before


@pytest.mark.parametrize("command", ["demo --timeout=5", "info"])
@pytest.mark.parametrize("first, second", [(b"", b""), (b"precious", b""), (b"", b"precious")])
def test_none_is_ours(world, command, first, second):
    """Nothing is formatted that the command line does not name, and nothing is to be cleared."""
    files, words = two(world, first, second)
    before = [file.read_bytes() for file in files]
    guest = world.guest("guest", f"{command} --slot=0", *words)
    if command == "info":
        assert guest.done().count("\ndevice ") == 2, "info shows what there is to choose from"
    else:
        guest.done(NO_DEVICE)
        assert re.fullmatch(
            rf"ivsh: 2 ivshmem devices, and none .*: {LIST}", said(guest)
        ), guest.text
        assert "clear" not in guest.text
    assert [file.read_bytes() for file in files] == before


def test_named_is_formatted(world):
    files, words = two(world)
    world.guest("guest", "send 1 x --slot=0 --device=1 --timeout=1", *words).done(NO_PEER)
    assert [file.read_bytes()[:8] for file in files] == [bytes(8), MAGIC]


def test_named_is_foreign(world):
    """It was named by mistake, perhaps: the others are said, and clearing it is not advised."""
    files, words = two(world, b"precious")
    guest = world.guest("guest", "demo --slot=0 --device=0 --timeout=1", *words)
    guest.done(FAILED)
    line = said(guest)
    assert re.fullmatch(rf"ivsh: device 00:01\.0: the memory starts with .*: {LIST}", line)
    assert "clear" not in line
    assert files[0].read_bytes()[:9] == b"precious\0"


def test_raw_doorbell_is_not_formatted(world):
    """Of several, a doorbell alone does not make a device ours: its memory may be another's."""
    server = world.server("--raw", bind=1)
    other = memory_file(world.folder, name="a")
    guest = world.guest("guest", "demo --timeout=5", *plain(other, "a"), *doorbell(server.bound[0]))
    guest.done(FAILED)
    assert re.fullmatch(
        rf"ivsh: device 00:02\.0: the memory is not formatted, .*: {LIST}", said(guest)
    )
    with server.memory() as memory:
        assert memory[:4096] == bytes(4096)
    assert other.read_bytes() == bytes(4 << 20)


def test_bus_address(world):
    """A device is named by its place as well as by its number."""
    files, words = two(world)
    for i, place in enumerate(["00:02.0", "0000:00:02.0"]):
        guest = world.guest("guest", f"send 1 x --slot=0 --device={place} --timeout=1", *words)
        guest.done(NO_PEER)
        assert incarnation(files[1].read_bytes(), 0) == 1 + i
    assert files[0].read_bytes()[:8] == bytes(8)
    text = world.guest("guest", "info --slot=1 --device=00:02.0", *words).done()
    shown = (
        r"^device 1: 00:02\.0, .*\n(?:  .*\n)+region: version 2, .*\n"
        r"server: none\n(?:.*\n)+ +0  absent "
    )
    assert re.search(shown, text, re.MULTILINE), text


@pytest.mark.parametrize("command", ["info", "recv"])
@pytest.mark.parametrize("device", ["2", "00:03.0", "0001:00:02.0"])
def test_no_such_device(world, device, command):
    _, words = two(world)
    guest = world.guest("guest", f"{command} --slot=1 --device={device}", *words)
    guest.done(NO_DEVICE)
    assert re.fullmatch(rf"ivsh: --device={device}: there is none there: {LIST}", said(guest))


@pytest.mark.parametrize(
    "device", [
        "", "00:02", "00:20.0", "00:02.8", "0:2.0", "000:00:02.0", "00:02.0 x", "00:02.0.0", "-1"
    ]
)
def test_no_device_at_all(world, device):
    """A word that is neither a number nor an address is a wrong command line."""
    guest = world.guest("guest", f'recv "--device={device}"')
    guest.done(USAGE)
    assert re.fullmatch(
        rf"ivsh: --device={device}: not a number .* nor a bus address .*", said(guest)
    )


# --- One wait over several ----------------------------------------------------------------------

LATE_MS = 5  # a peer that polls a region now and then is 50 ms late on average


def first_ping(world, server):
    """
    Milliseconds of a round trip to a sleeping peer: the median of five, each the first of an
    incarnation.
    """
    words = [
        BUILD / "host" / "ivsh", "-S", server.socket, "ping", "hub", "--count=1", "--wait=sleep"
    ]
    took = []
    for _ in range(5):
        text = world.program("ping", *words).done()
        took.append(float(re.search(r" max ([\d.]+)$", text, re.MULTILINE)[1]) / 1000)
    return sorted(took)[2]


@pytest.mark.parametrize("kind", ["host", "bare", "uefi"])
def test_sleeps_on_both(world, kind):
    """A program with a region for each link sleeps on all of them, and answers in any at once."""
    servers = [world.server(name=name) for name in ("left", "right")]
    if kind == "host":
        words = [word for server in servers for word in ("-S", server.socket)]
        hub = world.program(
            "hub", BUILD / "host" / "ivsh", *words, "echo", "--name=hub", "--wait=sleep"
        )
    else:
        words = [word for i, s in enumerate(servers) for word in doorbell(s.socket, key=f"ivsh{i}")]
        command = "echo --device=0 --device=1 --name=hub --wait=sleep"
        hub = world.guest("hub", command, *words, uefi=kind == "uefi")
    for i, server in enumerate(servers):
        with server.memory() as memory:
            world.until(lambda: timer_wakes(memory, 0) >= 10, f"the hub sleeps in region {i}")
    for _ in range(3):  # a busy host is late, too, but not all the time
        late = [first_ping(world, server) for server in servers]
        print(f"{kind}: {late} ms")
        if max(late) < LATE_MS:
            break
    assert max(late) < LATE_MS, late
    hub.still_runs()


def test_several_for_echo_alone(world):
    _, words = two(world)
    twice = "--device=0 --device=00:01.0"
    for command, line in [
        (f"recv --slot=1 {twice}", "ivsh: recv: --device: only once; echo takes several"),
        (f"echo --slot=0 {twice}", r"ivsh: --device=00:01\.0: named twice"),
        ("echo --slot=0" + " --device=0" * 9, "ivsh: --device: at most 8 times"),
    ]:
        guest = world.guest("guest", command, *words)
        guest.done(USAGE)
        assert re.fullmatch(line, said(guest)), guest.text
    for command in (["recv"], ["ping", "hub"]):
        tool = world.program("tool", BUILD / "host" / "ivsh", "-S", "a", "-S", "b", *command)
        assert tool.done(2) == f"ivsh: {command[0]}: --socket: only once; echo takes several\n"
