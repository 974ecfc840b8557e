# SPDX-License-Identifier: MIT
"""test_commands.py - each guest command, and the machines and devices that it runs with."""

import json
import os
import re
import subprocess

import pytest

from memory import incarnation, memory_file
from qemu import BUILD, FAILED, USAGE, X86_64, doorbell, notifications, plain
from test_refuse import header

pytestmark = pytest.mark.arches()

INFO = r"""ivsh on bare-metal ARCH
device 0: 00:01.0, revision 1, ivshmem-doorbell
  BAR0: registers at 0x[0-9a-f]+, 256 bytes, 32-bit
  BAR1: MSI-X at 0x[0-9a-f]+, 4096 bytes, 32-bit
  BAR2: shared memory at 0x[0-9a-f]+, 4194304 bytes, 64-bit, prefetchable, (?:uncached|write-back)
  VM ID \(IVPosition\): 0; MSI-X vectors: 3
region: version 2, \d+ bytes, 8 slots, rings of 256 descriptors, 32768 \+ 32768 bytes, logs[
 ]of 4096, format 0x[0-9a-f]{16}
server: epoch 0x[0-9a-f]{8}, running
 slot  presence  connection  incarnation  vectors        sent    received    full  errors  name
\*   0  absent    up                    0        0           0           0       0       0  
    1  attached  up                    1        3           0           0       0       0  beta
       service text: port 1
and 6 slots that nobody has used
\* is our own slot: connected, not attached; the rest is its last peer's
"""

SIZES = [0, 1, 8, 9, 64, 1024, 32768]

# Machines, and where the device is on them. {} is the device's own place.
MACHINES = {
    "q35": ("-M q35", ""),
    "q35, bridges": (
        "-M q35 -device pcie-root-port,id=root,slot=1 -device pcie-pci-bridge,id=bridge,bus=root",
        ",bus=bridge,addr=3",
    ),
    "q35 qboot": ("-M q35 -bios qboot.rom", ""),
    "q35 qboot, bridges": (
        "-M q35 -bios qboot.rom -device pcie-root-port,id=root,slot=1"
        " -device pcie-pci-bridge,id=bridge,bus=root",
        ",bus=bridge,addr=3",
    ),
    "pc": ("-M pc", ""),
    "pc, bridge": ("-M pc -device pci-bridge,id=bridge,chassis_nr=1", ",bus=bridge,addr=2"),
    "pc qboot, bridge": (
        "-M pc -bios qboot.rom -device pci-bridge,id=bridge,chassis_nr=1",
        ",bus=bridge,addr=2",
    ),
    "q35, root 64": (
        "-M q35 -device pxb-pcie,id=pxb,bus_nr=64 -device pcie-root-port,id=root,bus=pxb,slot=3"
        " -device pcie-pci-bridge,id=bridge,bus=root",
        ",bus=bridge,addr=3",
    ),
    "q35 qboot, root 64": (
        "-M q35 -bios qboot.rom -device pxb-pcie,id=pxb,bus_nr=64"
        " -device pcie-root-port,id=root,bus=pxb,slot=3 -device pcie-pci-bridge,id=bridge,bus=root",
        ",bus=bridge,addr=3",
    ),
    "pc, root 3": ("-M pc -device pxb,id=pxb,bus_nr=3", ",bus=pxb,addr=2"),
    "pc qboot, root 3": ("-M pc -bios qboot.rom -device pxb,id=pxb,bus_nr=3", ",bus=pxb,addr=2"),
    "pc, no ACPI": ("-M pc,acpi=off", ""),
    "microvm": ("-M microvm,pcie=on,acpi=on", ""),
}


def test_info(world, arch):
    server = world.server(bind=2, vectors=3)
    other = world.guest("beta", "recv --count=0 --name=beta", *doorbell(server.bound[1], 3))
    with server.memory() as memory:
        world.until(lambda: incarnation(memory, 1) == 1, "beta attaches")
    text = world.guest("alpha", "info", *doorbell(server.bound[0], 3)).done()
    assert re.fullmatch(INFO.replace("ARCH", arch), text), text
    other.kill()
    text = world.guest("alpha", "", *doorbell(server.bound[0], 3)).done()
    assert re.search(
        r"^    1  gone      down   +1  .*  beta$", text, re.MULTILINE
    ), "no command means info"
    assert world.guest(
        "alpha", "ls", *doorbell(server.bound[0], 3)
    ).done() == text, "and so does ls"


def test_watch(world):
    """A machine that is killed and boots again is gone until it attaches: SPEC R5.9, R5.10."""
    server = world.server(bind=2)
    watch = world.guest("watch", "watch --count=3", *doorbell(server.bound[0]))
    watch.expect(r"^watch: slot 0 of 8$")
    beta = world.guest("beta", "recv --count=0 --name=beta", *doorbell(server.bound[1]))
    watch.expect(r"^slot 1 \(beta\): is here$")
    beta.kill()
    watch.expect(r"^slot 1 \(beta\): died$")
    beta = world.guest("beta", "recv --count=0 --name=beta", *doorbell(server.bound[1]))
    assert re.fullmatch(
        r"watch: slot 0 of 8\n"
        r"slot 1 \(beta\): is here\nslot 1 \(beta\): died\nslot 1 \(beta\): is here\n",
        watch.done(),
    )
    beta.kill()


def test_send_recv(world):
    """By number and by name, one at a time and many, and each to its port."""
    server = world.server(bind=3)
    recv = world.guest("gamma", "recv --count=3 --name=gamma", *doorbell(server.bound[2]))
    for command, sender in [("send 2 hello", 0), ("send gamma two words", 1)]:
        done = world.guest("sender", f"{command} --timeout=20", *doorbell(server.bound[sender]))
        assert done.done().endswith(f"bytes to slot 2 (gamma)\n")
    world.guest("sender", "send 2 unheard --port=9", *doorbell(server.bound[0])).done()
    recv.expect(r"^ivsh: recv: slot 0, port 9: 7 bytes dropped$")
    world.guest("sender", "send 2:text \"third  one\" --name=al", *doorbell(server.bound[0])).done()
    assert re.fullmatch(
        r"slot 0, port 1: hello\n"
        r"slot 1, port 1: two words\n"
        r"ivsh: recv: slot 0, port 9: 7 bytes dropped\n"
        r"slot 0 \(al\), port 1: third  one\n",
        recv.done(),
    )


def test_echo_ping(world):
    """
    Every way that a payload can go: none, inline, the small area, the large area, the largest.
    """
    server = world.server(bind=2)
    echo = world.guest("echo", "echo --name=echo", *doorbell(server.bound[0]))
    for size in SIZES:
        ping = f"ping --count=300 --size={size} --peer=echo --timeout=20"
        text = world.guest("ping", ping, *doorbell(server.bound[1])).done()
        assert re.fullmatch(
            rf"ping: slot 0 \(echo\): 300 round trips of {size} bytes, us:"
            r" min \d+\.\d\d p50 \d+\.\d\d p99 \d+\.\d\d max \d+\.\d\d\n"
            r"ping: wait spin, .*\n",
            text,
        ), text
        print(text, end="")
    large = world.guest("ping", "ping --size=32769 --timeout=20", *doorbell(server.bound[1]))
    assert large.done(
        FAILED
    ) == "ivsh: ping: --size=32769: a message of this region has at most 32768\n"
    echo.type("\x1b")
    assert f"\necho: answered {300 * len(SIZES)} messages\n" in echo.done()
    assert notifications(echo.text, "echo")["mode"] == "spin"


def test_echo_counted(world):
    memory = memory_file(world.folder)
    echo = world.guest("echo", "echo --count=5 --slot=0", *plain(memory))
    ping = world.guest("ping", "ping --count=5 --slot=1 --timeout=20", *plain(memory))
    assert "5 round trips" in ping.done()
    text = echo.done()
    assert text.startswith(
        "echo: slot 0 of 8 answers\necho: answered 5 messages\necho: wait spin, 0 "
    )
    assert notifications(text, "echo")["sent"] == 0, "a plain device has no doorbell"


def test_two_devices(world):
    """Two links in one guest, each with its own memory; the second carries the talk."""
    a, b = (memory_file(world.folder, name=name) for name in "ab")
    devices = [*plain(a, "a"), *plain(b, "b")]
    server = world.server(bind=1)
    third = doorbell(server.bound[0])
    text = world.guest("one", "info", *devices, *third).done()
    kinds = re.findall(r"^device (\d): \S+ revision 1, ivshmem-(\w+)$", text, re.MULTILINE)
    assert kinds == [("0", "plain"), ("1", "plain"), ("2", "doorbell")]
    guests = [
        world.guest(f"slot {i}", f"demo --device=1 --slot={i} --timeout=20", *devices)
        for i in range(2)
    ]
    for guest in guests:
        assert "64: every byte verified" in guest.done()
    assert a.read_bytes()[:8] == bytes(8) and b.read_bytes()[:8] == b"IVSHRGN\0"


@pytest.mark.x86_64
@pytest.mark.parametrize("kind", ["plain", "doorbell"])
@pytest.mark.parametrize("machine", MACHINES)
def test_machine(world, machine, kind):
    """Wherever firmware put the device, or nobody did: two guests talk."""
    line, where = MACHINES[machine]
    server = world.server(bind=2) if kind == "doorbell" else None
    memory = memory_file(world.folder)
    guests = []
    for i in range(2):
        command = "demo --timeout=20 --quiet" + ("" if server else f" --slot={i}")
        device = (
            doorbell(server.bound[i], where=where) if server else plain(memory, where=where)
        )
        guests.append(world.guest(f"guest {i}", command, *device, machine=line))
    for guest in guests:
        assert ": every byte verified\n" in guest.done()


@pytest.mark.x86_64
@pytest.mark.parametrize("family", ["pc-i440fx", "pc-q35"])
def test_oldest_machine(world, family):
    """Of 4.0, or the oldest that this QEMU has left; those before it do not start a PVH kernel."""
    listed = subprocess.run(
        [X86_64.program, "-M", "help"], capture_output=True, text=True, check=True
    ).stdout
    versions = re.findall(rf"^{family}-(\d+)\.(\d+) ", listed, re.MULTILINE)
    oldest = min(version for version in (tuple(map(int, v)) for v in versions) if version >= (4, 0))
    machine = f"-M {family}-{oldest[0]}.{oldest[1]}"
    memory = memory_file(world.folder)
    text = world.guest("guest", "info", *plain(memory), machine=machine).done()
    assert "\nregion: nobody has formatted the memory: " in text


@pytest.mark.parametrize("size", [2 << 30, 64 << 30], ids=["2G", "64G"])
def test_large_memory(world, size):
    """A BAR2 above 4 GiB, in a file that is nearly all holes."""
    memory = memory_file(world.folder, size)
    guests = [
        world.guest(f"guest {i}", f"demo --slot={i} --timeout=25 --quiet", *plain(memory))
        for i in range(2)
    ]
    for guest in guests:
        assert ": every byte verified\n" in guest.done()
    text = world.guest("info", "info --slot=2", *plain(memory)).done()
    bar = re.search(rf"BAR2: shared memory at 0x([0-9a-f]+), {size} bytes, 64-bit", text)
    assert int(bar[1], 16) >= 4 << 30
    assert os.stat(memory).st_blocks * 512 < 1 << 30
    memory.unlink()


@pytest.mark.parametrize("uefi", [False, True], ids=["bare", "uefi"])
def test_large_messages(world, uefi):
    """
    The largest messages that a server's region has, here 2 MiB, and each guest wants two more.
    """
    server = world.server(bind=2, slots=2, size="8M")
    guests = [
        world.guest(
            f"guest {i}", "demo --count=8 --timeout=55", *doorbell(server.bound[i]), uefi=uefi
        )
        for i in range(2)
    ]
    for guest in guests:
        assert re.search(r"message 8 of 8, \d{7} bytes: good", guest.done(seconds=60)), guest.text


def test_larger_messages_than_memory(world):
    """A command does not allocate as much as a region could hold."""
    head = header(slots=2, small=4096, large=1 << 27)
    memory = memory_file(world.folder, 1 << 30, head)
    echo = world.guest("echo", "echo --slot=0", *plain(memory))
    ping = world.guest("ping", "ping --slot=1 --count=5 --timeout=25", *plain(memory))
    assert "5 round trips of 64 bytes" in ping.done()
    echo.kill()
    memory = memory_file(world.folder, 1 << 30, head, name="fresh")
    guests = [
        world.guest(f"slot {i}", f"demo --slot={i} --count=2 --timeout=25", *plain(memory))
        for i in range(2)
    ]
    for guest in guests:
        assert ": every byte verified\n" in guest.done()


@pytest.mark.parametrize("word", ["-?", "-h", "--help"])
def test_help_by_option(world, word):
    assert world.guest("help", word).done() == world.guest("help", "help").done()
    assert world.guest("help", f"send {word}").done().startswith(
        "Usage: ivsh [OPTION]... [COMMAND]\n"
    )


@pytest.mark.parametrize("word", ["-v", "--version"])
def test_version(world, word):
    """The guest's and the host tool's are one."""
    host = world.program("ivsh", BUILD / "host" / "ivsh", word).done()
    assert re.fullmatch(r"ivsh \d+\.\d+\.\d+, region version \d+\n", host)
    assert world.guest("version", word).done() == host


def test_tool_help():
    outputs = {
        subprocess.run([BUILD / "host" / "ivsh", word], capture_output=True, check=True).stdout
        for word in ("-?", "-h", "--help")
    }
    assert len(outputs) == 1 and outputs.pop().startswith(b"Usage: ivsh ")


def test_values_in_words_of_their_own(world):
    """As the host tool takes them; and behind -- all are words."""
    memory = memory_file(world.folder)
    recv = world.guest("recv", "recv --slot 0 --name host --timeout 20", *plain(memory))
    send = "--slot 1 --timeout 20 -w poll send host -- --count 5"
    assert world.guest("send", send, *plain(memory)).done().startswith(
        "sent 9 bytes to slot 0 (host)"
    )
    assert recv.done() == "slot 1, port 1: --count 5\n"
    echo = world.guest("echo", "echo --slot 0 --name host --count 3", *plain(memory))
    ping = world.guest("ping", "ping --peer host --count 3 --slot 1 --timeout 20", *plain(memory))
    assert "3 round trips" in ping.done()
    echo.done()


def test_quiet_info(world):
    """One line for each device."""
    memory = memory_file(world.folder)
    text = world.guest("info", "--quiet info --slot=1", *plain(memory)).done()
    assert text == "device 0: 00:01.0, revision 1, ivshmem-plain\n"


def test_help(world, arch):
    text = world.guest("help", "help").done()
    assert re.match(rf"Usage: ivsh .*\n.* on bare-metal {arch}\. .*\n\n  info ", text)
    assert "\n  stress " in text
    text = world.guest("send", "send 1").done(USAGE)
    assert text == "ivsh: send: give PEER TEXT...\n"


@pytest.mark.parametrize("uefi", [False, True], ids=["bare", "uefi"])
def test_json(world, uefi):
    """The console has objects, one a line, whose figures are those of both ends."""
    server = world.server(bind=2)
    alpha = world.guest(
        "alpha",
        "demo --count=8 --timeout=55 --name=alpha --json",
        *doorbell(server.bound[0]),
        uefi=uefi,
    )
    beta = world.guest(
        "beta",
        "demo --count=8 --timeout=55 --name=beta --json",
        *doorbell(server.bound[1]),
        uefi=uefi,
    )
    made = []
    for guest in (alpha, beta):
        lines = [line.strip() for line in guest.done().splitlines()]
        made.append([json.loads(line) for line in lines if line.startswith('{"type":')])
    ends = [[one for one in each if one["type"] == "verified"][0] for each in made]
    assert ends[0]["sent_messages"] == ends[1]["received_messages"] == 8
    assert ends[0]["sent_bytes"] == ends[1]["received_bytes"] > 0
    assert ends[1]["sent_bytes"] == ends[0]["received_bytes"] > 0
    assert {one.get("peer_name") for one in made[0]} == {None, "beta"}
    info = world.guest("info", "info --json", *doorbell(server.bound[0]), uefi=uefi)
    shown = [json.loads(line) for line in info.done().splitlines() if line.startswith('{"type":')]
    device, region, running = shown[:3]
    assert (device["model"], device["ivposition"]) == ("ivshmem-doorbell", 0)
    assert [bar["bar"] for bar in device["bars"]] == [0, 1, 2]
    assert device["bars"][2]["size_bytes"] >= region["size_bytes"] and region["slots"] == 8
    assert running["state"] == "running"
    assert {one["name"] for one in shown[3:]} == {"alpha", "beta"}
