# SPDX-License-Identifier: MIT
"""
test_status.py - exit statuses: one number for one thing, the same in guests and in the host tool.
"""

import re
import signal

import pytest

from memory import incarnation, memory_file
from qemu import (
    BUILD,
    DONE,
    FAILED,
    NO_DEVICE,
    NO_FILES,
    NO_PEER,
    ROOT,
    STOPPED,
    TIMEOUT,
    USAGE,
    doorbell,
    plain,
)

pytestmark = pytest.mark.arches()

# A row: the status, the command, and what there is: a memory's content, or None for no memory.
CASES = {
    "done": (DONE, "info --slot=1", "formatted"),
    "failed": (FAILED, "recv --slot=1", b"precious"),
    "no such command": (USAGE, "frob --slot=1", "formatted"),
    "no such option": (USAGE, "recv --slot=1 --frob", "formatted"),
    "no device": (NO_DEVICE, "recv --slot=1", None),
    "no device to look at": (NO_DEVICE, "ls", None),
    "no peer": (NO_PEER, "send 5 x --slot=1 --timeout=1", "formatted"),
    "no peer of that name": (NO_PEER, "send nobody x --slot=1 --timeout=1", "formatted"),
    "no slot of that number": (NO_PEER, "send 8 x --slot=1 --timeout=1", "formatted"),
    "timeout": (TIMEOUT, "recv --slot=1 --timeout=0.5", "formatted"),
    "another command's option": (USAGE, "echo --slot=1 --peer=1", "formatted"),
}


def start(world, where, command, memory):
    """The command in a world, over the file (memory), which may be missing."""
    if where == "host":
        return world.program("ivsh", BUILD / "host" / "ivsh", "-f", memory, *command.split())
    device = plain(memory) if memory.exists() else []
    return world.guest("guest", command, *device, uefi=where == "uefi")


def prepared(world, content):
    if content is None:
        return world.folder / "memory"
    memory = memory_file(world.folder, content=b"" if content == "formatted" else content)
    if content == "formatted":
        echo = world.guest("formatter", "echo --slot=0", *plain(memory))
        echo.expect("answers")
        echo.kill()
    return memory


@pytest.mark.parametrize("where", ["bare", "host"])
@pytest.mark.parametrize("what", CASES)
def test_status(world, where, what):
    want, command, content = CASES[what]
    program = start(world, where, command, prepared(world, content))
    assert program.own_status() == want, program.text


@pytest.mark.parametrize("what", ["no device", "no peer", "timeout", "another command's option"])
def test_uefi(world, what):
    want, command, content = CASES[what]
    program = start(world, "uefi", command, prepared(world, content))
    assert program.own_status() == want, program.text


@pytest.mark.parametrize("where", ["bare", "host"])
@pytest.mark.parametrize(
    "command", ["recv --slot=1", "echo --slot=1 --count=5", "ping nobody --slot=1"]
)
def test_stopped(world, where, command):
    """By ESC, and by a signal."""
    memory = prepared(world, "formatted")
    if where == "host":
        command += " --timeout=0"
    program = start(world, where, command, memory)
    world.until(lambda: incarnation(memory.read_bytes(), 1) == 1, "it attaches")
    program.process.send_signal(signal.SIGINT) if where == "host" else program.type("\x1b")
    assert program.own_status() == STOPPED, program.text


def test_no_server(world):
    """For the host tool a server that is not there is no device."""
    socket = world.folder / "none"
    program = world.program("ivsh", BUILD / "host" / "ivsh", "-S", socket, "ls")
    assert program.status() == NO_DEVICE, program.text


def test_partners_that_do_not_come(world):
    """demo: no peer came, or one that does not go on."""
    server = world.server(bind=2)
    guest = world.guest("demo", "demo --timeout=1", *doorbell(server.bound[0]))
    assert guest.own_status() == NO_PEER, guest.text
    recv = world.guest("recv", "recv --port=9 --count=0", *doorbell(server.bound[1]))
    server.expect("event=connect slot=1")
    guest = world.guest("demo", "demo --timeout=3", *doorbell(server.bound[0]))
    assert guest.own_status() == TIMEOUT, guest.text
    recv.still_runs()


def test_manual_has_the_numbers():
    """The header, the manual and this file say the same."""
    header = (ROOT / "firmware/app/status.h").read_text()
    numbers = dict(re.findall(r"^\tSTATUS_(\w+) = (\d+),", header, re.MULTILINE))
    assert numbers == {
        "DONE": "0", "FAILED": "1", "USAGE": "2", "NO_DEVICE": "3", "NO_PEER": "4", "TIMEOUT": "5",
        "STOPPED": "6", "NO_FILES": "7", "NO_ROOM": "8", "ONE_CPU": "9", "PIPE": "141",
    }  # fmt: skip
    assert in_manual("ivsh.1") == list(numbers.values())
    # Each is answered somewhere, and nothing else is: a command answers no bare number.
    used = set()
    for room in ("firmware/app", "host/peer", "host/forward", "host/observe", "host/capture"):
        for file in (ROOT / room).glob("*.c"):
            used |= set(re.findall(r"\bSTATUS_([A-Z_]+)\b", file.read_text()))
    assert set(numbers) <= used


def test_manual_of_the_server_has_the_numbers():
    source = (ROOT / "host/control/release.c").read_text()
    numbers = re.findall(r"^\tSTATUS_\w+ = (\d+),?$", source, re.MULTILINE)
    assert in_manual("ivsh-server.8") == ["0", *numbers] == list("012345")
    # Who else answers more than "failed" and "usage" does not.
    for file in (ROOT / "host/control").glob("*.c"):
        if file.name != "release.c":
            assert not re.search(r"print_error\([3-9]", file.read_text()), file


def in_manual(page):
    """The numbers that its section about them begins paragraphs with."""
    manual = (ROOT / "host/man" / page).read_text()
    section = manual.split("\n.SH EXIT STATUS")[1].split("\n.SH ")[0]
    return re.findall(r"^\.TP\n\.B (\d+)$", section, re.MULTILINE)
