# SPDX-License-Identifier: MIT
"""test_refuse.py - bad input: one line that says what is wrong and what to do, an exit status, and
nothing changed or left behind."""

import re
import struct
import time

import pytest

from memory import incarnation, memory_file
from qemu import (
    FAILED,
    NO_DEVICE,
    NO_FILES,
    NO_PEER,
    TIMEOUT,
    TRAP,
    USAGE,
    doorbell,
    plain,
)

pytestmark = pytest.mark.arches()

MAGIC = b"IVSHRGN\0"
DEVICE = r"ivsh: device 00:01\.0: "
NONE = r"ivsh: no ivshmem device \(1af4:1110\) on the PCI bus: add -device ivshmem-.*"
DAMAGED = r"ivsh: device 00:01\.0: the region's header is damaged: clear the memory and start again"
MEMORY = 4 << 20


def region_size(slots, descs, small, large):
    """SPEC 2."""

    def page(size):
        return (size + 4095) & ~4095

    stride = page(page(256 + descs * 16 + small) + large)
    return page(8192 + slots * 2048) + slots * (slots - 1) * stride


def header(
    version=2, features=0, slots=8, descs=64, small=8192, large=32768, size=None, magic=MAGIC
):
    """A region's header; without arguments a good one. SPEC 3."""
    if size is None:
        size = region_size(slots, descs, small, large)
    return magic + struct.pack("<IIQIIIIQ", version, features, size, slots, descs, small, large, 1)


def test_good_header(world):
    """The rows below differ from this one in what they say, and in nothing else."""
    memory = memory_file(world.folder, MEMORY, header())
    world.guest("guest", "send 1 x --slot=0 --timeout=1", *plain(memory)).done(NO_PEER)
    assert "\nregion: version 2, " in world.guest("guest", "info --slot=1", *plain(memory)).done()


# The first bytes of the memory, and the line about them.
HEADERS = {
    "random bytes": (
        bytes.fromhex("0123456789abcdef") * 512,
        r"ivsh: device 00:01\.0: the memory starts with 0xefcdab8967452301, which is not ours: .*",
    ),
    "another magic": (
        header(magic=b"IVSHRGM\0"),
        r"ivsh: device 00:01\.0: the memory starts with 0x004d475248535649, which is not ours: .*",
    ),
    "version 1": (
        header(version=1),
        DEVICE
        + "the region has version 1, features 0x0; this program knows version 2, features 0x3:"
        " use the older release, .*",
    ),
    "version 7": (
        header(version=7),
        DEVICE
        + "the region has version 7, features 0x0; this program knows version 2, features 0x3:"
        " use the newer release .*",
    ),
    "a feature": (
        header(features=4), r"ivsh: device 00:01\.0: the region has version 2, features 0x4; .*"
    ),
    "all ones": (
        MAGIC + b"\xff" * 4088, r"ivsh: device 00:01\.0: the region has version 4294967295, .*"
    ),
    "only a magic": (MAGIC, r"ivsh: device 00:01\.0: the region has version 0, features 0x0; .*"),
    "another size": (header(size=region_size(8, 64, 8192, 32768) + 1), DAMAGED),
    "1 slot": (header(slots=1), DAMAGED),
    "257 slots": (header(slots=257), DAMAGED),
    "0 slots": (header(slots=0), DAMAGED),
    "too many slots": (header(slots=0xFFFFFFFF, size=1 << 20), DAMAGED),
    "63 descriptors": (header(descs=63), DAMAGED),
    "odd small size": (header(small=8191), DAMAGED),
    "small above large": (header(small=65536), DAMAGED),
    "huge large": (header(large=1 << 28), DAMAGED),
    "beyond the BAR": (
        header(large=1 << 20),
        DEVICE
        + f"the memory has {MEMORY} bytes, {region_size(8, 64, 8192, 1 << 20)} are needed: .*",
    ),
}


@pytest.mark.parametrize("what", HEADERS)
def test_header(world, what):
    content, line = HEADERS[what]
    memory = memory_file(world.folder, MEMORY, content)
    guest = world.guest("guest", "recv --slot=0", *plain(memory))
    assert re.fullmatch(line + "\n", guest.done(FAILED)), guest.text
    assert memory.read_bytes() == content + bytes(MEMORY - len(content)), "not touched"


# (device, command, status, line). A device is a memory's size, or a server's options.
COMMANDS = {
    "no device: info": (None, "info", NO_DEVICE, NONE),
    "no device: demo": (None, "demo", NO_DEVICE, NONE),
    "plain: 4096 bytes": (
        4096, "recv --slot=0", FAILED,
        DEVICE + r"the memory has 4096 bytes, \d{5,} are needed: give a larger one, .*",
    ),
    "raw: 4096 bytes": (
        ["--raw", "-l", "4096"], "recv", FAILED,
        r"ivsh: device 00:01\.0: the memory has 4096 bytes, \d{5,} are needed: .*",
    ),
    "256 slots in 4M": (
        MEMORY, "recv --slot=0 --slots=256", FAILED,
        DEVICE + r"the memory has 4194304 bytes, \d{8,} are needed: .* or fewer --slots",
    ),
    "plain: no slot": (
        MEMORY, "recv", USAGE,
        r"ivsh: device 00:01\.0: nobody gives slots here: add --slot=N, another N for each peer",
    ),
    "doorbell: another slot": (
        [], "recv --slot=1", FAILED,
        "ivsh: --slot=1: the server gave slot 0: leave --slot out",
    ),
    "long name": (
        [], "recv --name=" + "x" * 32, USAGE,
        "ivsh: --name: a name has at most 31 characters, all printable ASCII",
    ),
    "peer too high": (
        [], "ping --peer=8", NO_PEER,
        "ivsh: peer 8: not another's slot: there are 0 to 7, and we are in 0",
    ),
    "peer is oneself": ([], "send 0 x", NO_PEER, "ivsh: peer 0: not another's slot: .*"),
    "ping --count=0": (
        [], "ping --count=0", USAGE, "ivsh: ping: --count=0: 1 to 1000000",
    ),
    "long text": (
        ["--slots", "2"], "send 1 " + "x" * 1024 + " --timeout=1", NO_PEER,
        "ivsh: timeout: 1 s without peer 1: ivsh ls shows who is there",
    ),
    "command": (None, "frob", USAGE, "ivsh: frob: no such command; try 'help'"),
    "option": (None, "info --frob", USAGE, "ivsh: --frob: no such option; try 'help'"),
    "option's start": (None, "--coun=1", USAGE, "ivsh: --coun=1: no such option; .*"),
    "info: a word too many": (
        4 << 20, "info extra", USAGE, "ivsh: info: extra: one word too many",
    ),
    "ping: a word too many": (
        None, "ping 1 2", USAGE, "ivsh: ping: 2: one word too many",
    ),
    **{
        f"{command}: a word too many": (
            None, f"{command} 1", USAGE, f"ivsh: {command}: 1: one word too many",
        )
        for command in ("watch", "demo", "stress", "echo", "sink", "ack", "recv")
    },
    "bench: a word too many": (
        None, "bench echo 1", USAGE, "ivsh: bench: 1: one word too many",
    ),
    "more peers than slots": (
        4 << 20, "demo --peers=8 --slot=0", FAILED,
        "ivsh: demo: --peers=8: this region has 8 slots: at most 7",
    ),
    "62 words": (None, "w " * 62, USAGE, "ivsh: w: no such command; try 'help'"),
    "no file": (
        None, "put 1 x", NO_FILES, "ivsh: put: bare-metal .* has no files",
    ),
    "no input": (
        None, "send 1 -", NO_FILES, "ivsh: send: -: bare-metal .* has no files",
    ),
    "another command's option": (
        None, "echo --peer=1", USAGE, "ivsh: echo: --peer means nothing here",
    ),
    "the host's option": (
        None, "recv --socket=x", USAGE, "ivsh: --socket=x: no such option; try 'help'",
    ),
    "short option": (None, "recv -x", USAGE, "ivsh: -x: no such option; try 'help'"),
    "64 words": (None, "w " * 64, USAGE, "ivsh: command line: more than 63 words"),
    "open quote": (None, 'send 1 "x', USAGE, "ivsh: command line: a quote is not closed"),
    "4096 bytes": (
        None, "send " + "x" * 4091, USAGE, "ivsh: command line: more than 4095 bytes",
    ),
}  # fmt: skip

VALUES = {
    "--count=": r"ivsh: --count=: not a number from 0 to 4294967295",
    "--count": r"ivsh: --count: needs a value: --count=N",
    "--count=-1": r"ivsh: --count=-1: not a number .*",
    "--count=4294967296": r"ivsh: --count=4294967296: not a number .*",
    "--count=0x": r"ivsh: --count=0x: not a number .*",
    "--count=1e3": r"ivsh: --count=1e3: not a number .*",
    "--size=99999999999999999999999": r"ivsh: --size=9+: not a number from 0 to 134217728",
    "--discard-backlog=1": r"ivsh: --discard-backlog: takes no value",
    "--slots=1": r"ivsh: --slots=1: not a number from 2 to 256",
    "--device=256": r"ivsh: --device=256: not a number from 0 to 255, nor a bus address .*",
    "--peers=0": r"ivsh: --peers=0: not a number from 1 to 255",
    "--port=65536": r"ivsh: --port=65536: not a number from 0 to 65535",
    "--timeout=86401": r"ivsh: --timeout=86401: not a number of seconds from 0 to 86400",
    "--slot=256": r"ivsh: --slot=256: not a number from 0 to 255",
    "--wait=nap": r"ivsh: --wait=nap: not poll, spin or sleep",
}
COMMANDS.update(
    {value: (None, f"demo {value}", USAGE, line) for value, line in VALUES.items()}
)


def check_one_line(guest, status, line):
    """QEMU itself may warn of its command line; the guest says one line."""
    said = [text for text in guest.done(status).splitlines() if text.startswith("ivsh: ")]
    assert len(said) == 1 and re.fullmatch(line, said[0]), guest.text


@pytest.mark.parametrize("what", COMMANDS)
def test_command(world, what):
    device, command, status, line = COMMANDS[what]
    words = []
    if isinstance(device, int):
        words = plain(memory_file(world.folder, device))
    elif device is not None:
        words = doorbell(world.server(*device, bind=1).bound[0])
    check_one_line(world.guest("guest", command, *words), status, line)


@pytest.mark.parametrize("slot", (0, 1))
def test_too_small_for_any_region(world, slot):
    """There is nobody to wait for: at once, with the size, in the least time that a boot takes."""
    memory = memory_file(world.folder, 4096)
    for _ in range(3):  # a busy machine boots one late, but not each time
        began = time.monotonic()
        guest = world.guest("guest", f"recv --slot={slot}", *plain(memory))
        check_one_line(
            guest, FAILED,
            r"ivsh: device 00:01\.0: the memory has 4096 bytes, \d{5,} are needed: .*",
        )  # fmt: skip
        small = time.monotonic() - began
        began = time.monotonic()
        world.guest("no", "recv").done(NO_DEVICE)
        none = time.monotonic() - began
        if small < none + 4:
            break
    assert small < none + 4, "it did not wait 5 s for a formatter"


@pytest.mark.parametrize("content", (b"", header()), ids=("zero", "formatted"))
def test_memory_cannot_be_written(world, content):
    """QEMU drops what a guest stores there."""
    memory = memory_file(world.folder, MEMORY, content)
    words = plain(memory)
    words[1] += ",readonly=on"
    guest = world.guest("guest", "recv --slot=0", *words)
    check_one_line(
        guest, FAILED,
        r"ivsh: device 00:01\.0: the memory cannot be written: leave out readonly=on",
    )  # fmt: skip
    assert memory.read_bytes() == content + bytes(MEMORY - len(content)), "not touched"


def test_slot_too_high(world):
    memory = memory_file(world.folder, MEMORY, header())
    guest = world.guest("guest", "recv --slot=8", *plain(memory))
    check_one_line(
        guest, FAILED, r"ivsh: device 00:01\.0: --slot=8: the region has slots 0 to 7"
    )


def test_slot_taken(world):
    """By a living peer: refused. By one that was killed: free again after the heartbeat limit."""
    memory = memory_file(world.folder, MEMORY, header())
    first = world.guest("first", "recv --slot=3", *plain(memory))
    world.until(lambda: incarnation(memory.read_bytes(), 3) == 1, "the first attaches")
    second = world.guest("second", "recv --slot=3", *plain(memory))
    check_one_line(
        second, FAILED,
        r"ivsh: device 00:01\.0: slot 3 is taken by a living peer: choose another --slot",
    )  # fmt: skip
    first.still_runs()
    first.kill()
    third = world.guest("third", "recv --slot=3 --timeout=1", *plain(memory))
    check_one_line(third, TIMEOUT, "ivsh: timeout: 1 s without a message on port 1")
    assert incarnation(memory.read_bytes(), 3) == 2


def test_socket_taken(world):
    """A bound slot has one guest: QEMU itself says why it does not start."""
    server = world.server(bind=1)
    first = world.guest("first", "recv", *doorbell(server.bound[0]))
    server.expect("event=connect slot=0")
    second = world.guest("second", "recv", *doorbell(server.bound[0]))
    assert second.status() == 1 and "server sent version" in second.text
    first.still_runs()


def test_info_of_a_foreign_memory(world):
    """info shows what there is; that is no failure, and nothing is touched."""
    memory = memory_file(world.folder, MEMORY, b"precious")
    text = world.guest("guest", "info --slot=0", *plain(memory)).done()
    assert "\nregion: the memory starts with 0x73756f6963657270, which is not ours: " in text
    assert memory.read_bytes() == b"precious" + bytes(MEMORY - 8)


@pytest.mark.x86_64  # tests/guest/test_bare_*.py have the others' traps
@pytest.mark.parametrize("what, report", [("ud", "6: invalid opcode"), ("null", "14: page fault")])
def test_trap(world, what, report):
    """A guest that goes wrong says where, and ends."""
    text = world.guest("guest", f"trap {what}", image="bare_test").done(TRAP)
    assert f"trap {report}\n" in text and re.search(
        r"^  rip [0-9a-f]{16}  rsp ", text, re.MULTILINE
    )
