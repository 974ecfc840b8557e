# SPDX-License-Identifier: MIT
"""
test_linux.py - a guest with Debian's Linux kernel talks to a bare-metal guest and to the host, by
VFIO with MSI-X interrupts, and by sysfs; either side is killed and comes back.
"""

import hashlib
import json
import re
import subprocess

import pytest

import split
from linux import BOOT, Linux
from machine import BUILD, ROOT
from memory import incarnation, sent
from qmp import Qmp, qmp_words
from qemu import DONE, FAILED, NO_DEVICE, NO_PEER, SOAK, doorbell, notifications, plain

PINGS = 20000 if SOAK else 500
ANSWERS = 20000 if SOAK else 300  # to the host
LONG = 200000 if SOAK else 10000  # round trips of a ping that meets two deaths
BARE, LINUX, HOST = range(3)  # slots
ADDRESS = "0000:00:05.0"  # of the device


def ivsh(linux, words, status=DONE):
    return linux.run(f"ivsh --pci {ADDRESS} {words}", status)


def is_notified(linux, text, command):
    """Whether the command's own words are those of the road: it slept, and was woken."""
    waited = notifications(text, command)
    if linux.road == "vfio":
        return waited["vectors"] == 1 and waited["doorbell"] > 0 and waited["missed"] < 5
    return waited["vectors"] == 0 and waited["doorbell"] == 0


def host(world, server, *words):
    return world.program("host", BUILD / "host" / "ivsh", "-S", server.bound[HOST], *words)


def bare(world, server, command):
    return world.guest("bare", command, *doorbell(server.bound[BARE]))


def kill(world, server, guest):
    """Kill a bare-metal guest; and the server has seen it, so that nobody takes it for alive."""
    words = [BUILD / "host" / "ivsh-server", "status", "-S", server.socket, "--json"]

    def is_free():
        slots = json.loads(subprocess.check_output(words))["slots"]
        return all(slot["state"] == "free" for slot in slots if slot["id"] == BARE)

    guest.kill()
    world.until(is_free, "the server sees that the bare guest is gone")


def device(server, key="ivsh", slot=5):
    return doorbell(server.bound[LINUX], key=key, where=f",addr={slot}")


def check_info(linux, slot):
    text = ivsh(linux, "info")
    assert re.search(rf"^device 0: {ADDRESS}, ivshmem-doorbell$", text, re.MULTILINE), text
    assert f"  VM ID (IVPosition): {slot}\n" in text
    assert re.search(rf"^\*   {slot}  absent", text, re.MULTILINE), text


def check_answers(world, server, linux):
    """The Linux guest answers a guest and the host, and sleeps in between."""
    linux.start(
        f"ivsh --pci {ADDRESS} echo --name lin --wait sleep --count {PINGS + ANSWERS}"
    )
    text = bare(world, server, f"ping lin --count={PINGS} --timeout=30").done(seconds=BOOT)
    assert f"ping: slot {LINUX} (lin): {PINGS} round trips of 64 bytes" in text
    text = host(world, server, "ping", "lin", "--count", ANSWERS, "--wait", "sleep").done()
    assert f"ping: slot {LINUX} (lin): {ANSWERS} round trips of 64 bytes" in text
    text = linux.ended()
    assert f"echo: answered {PINGS + ANSWERS} messages\n" in text
    assert is_notified(linux, text, "echo"), text
    assert (linux.road == "sysfs") == (f"ivsh: device {ADDRESS}: polling: VFIO: no IOMMU" in text)


def check_bell(world, server, linux):
    """It rings the host by hand: without a slot, and by sysfs, as it takes no interrupts."""
    alpha = bare(world, server, "echo --name=alpha")
    ack = host(world, server, "ack", "--peer=alpha", "--name=host", "--count=60")
    ack.expect("^ack: answers the doorbells of slot 0")
    text = ivsh(linux, "bell host --count 70 --interval 0.01")
    assert f"bell: peer {HOST} (host), vector 0: sent 70 doorbells\n" in text
    # Those that came while the host looked elsewhere were one to it.
    for _ in range(BOOT):
        if ack.is_alive():
            ivsh(linux, "bell host --count 10 --interval 0.01", None)
    assert ack.done().endswith("ack: answered 60 doorbells\n")
    text = ivsh(linux, "bell 6", NO_PEER)
    assert "ivsh: bell: peer 6: not connected: ivsh ls shows who is there" in text
    kill(world, server, alpha)


def check_asks(world, server, linux):
    """The Linux guest pings a bare guest, and compares what comes back; it prints a text."""
    answering = bare(world, server, f"echo --name=alpha --count={PINGS}")
    text = ivsh(linux, f"ping alpha --count {PINGS} --size 3000 --wait sleep --timeout 30")
    assert f"ping: slot {BARE} (alpha): {PINGS} round trips of 3000 bytes" in text
    assert is_notified(linux, text, "ping"), text
    answering.done()
    sending = host(world, server, "send", "lin:text", "a text", "for Linux", "--timeout", "30")
    text = ivsh(linux, "recv --name lin")
    assert f"slot {HOST}, port 1: a text for Linux\n" in text
    sending.done()


def check_deaths(world, server, linux, devices):
    """The program, the whole Linux guest, and the bare one are killed; the others go on."""
    answer = f"ivsh --pci {ADDRESS} echo --name lin --wait sleep"
    with server.memory() as memory:

        def until_sent(number):
            world.until(
                lambda: incarnation(memory, LINUX) == number and sent(memory, LINUX) >= 100,
                f"incarnation {number} of the Linux guest sends",
            )

        number = incarnation(memory, LINUX)
        ping = bare(world, server, f"ping lin --count={LONG} --keep-going --timeout={BOOT}")
        linux.start(f"{answer} &")
        until_sent(number + 1)
        linux.start("kill -9 $!; wait")
        linux.ended(None)
        linux.start(f"{answer} &")
        until_sent(number + 2)
        linux.qemu.kill()
        ping.still_runs()
        linux = Linux(world, linux.road, *devices)
        linux.start(f"{answer} &")
        text = ping.done(seconds=2 * BOOT)
        assert f"ping: slot {LINUX} (lin): {LONG} round trips" in text
        assert incarnation(memory, LINUX) == number + 3
        number = incarnation(memory, BARE)
        ping = bare(world, server, "ping lin --count=1000000")
        world.until(
            lambda: incarnation(memory, BARE) == number + 1 and sent(memory, BARE) >= 100,
            "the bare guest sends",
        )
        ping.kill()
        text = bare(world, server, "ping lin --count=100").done()
        assert "100 round trips" in text and incarnation(memory, BARE) == number + 2
    return linux


def check_one_process(linux):
    """VFIO: one process has the device; sysfs: several have. A bound device can be polled, too."""
    is_vfio = linux.road == "vfio"
    text = ivsh(linux, "info --quiet", FAILED if is_vfio else DONE)
    assert ("another process has it by VFIO" in text) == is_vfio
    linux.run("kill $!; wait")
    check_info(linux, LINUX)
    links = f"ls -l /sys/bus/pci/devices/{ADDRESS}/ | grep 'driver ->'"
    link = linux.run(links, int(not is_vfio))
    assert link.endswith("/vfio-pci\n" if is_vfio else ""), link
    text = ivsh(linux, "ping nobody --wait poll --timeout 0.2", 4)
    assert text == "ivsh: timeout: 0.2 s without peer nobody: ivsh ls shows who is there\n"


def check_two(world, linux, *servers):
    """One process sleeps on two devices: a doorbell of either wakes it."""
    linux.start(f"ivsh --pci {ADDRESS} --pci 00:06.0 echo --name lin --wait sleep --count 10")
    for _ in range(5):
        for server in servers:
            host(world, server, "ping", "lin", "--count", 1).done()
    text = linux.ended()
    assert "echo: answered 10 messages\n" in text
    for line in re.findall(r"^echo: wait.*", text, re.MULTILINE):
        assert is_notified(linux, line, "echo"), text


def test_vfio(world):
    """... and two devices of two servers wake one echo."""
    server, other = world.server(bind=3), world.server(name="other", bind=3)
    devices = [*device(server), *device(other, key="other", slot=6)]
    linux = Linux(world, "vfio", *devices)
    check_info(linux, LINUX)
    text = linux.run("ivsh --pci auto ping", NO_DEVICE)
    assert text == "ivsh: --pci=auto: there are several: 0000:00:05.0, 0000:00:06.0: name one\n"
    check_answers(world, server, linux)
    check_bell(world, server, linux)
    check_asks(world, server, linux)
    check_two(world, linux, server, other)
    linux = check_deaths(world, server, linux, devices)
    check_one_process(linux)


def test_sysfs(world, tmp_path):
    """... and an ivshmem-plain."""
    server = world.server(bind=3)
    file = tmp_path / "memory"
    file.write_bytes(bytes(4 << 20))
    devices = [*device(server), *plain(file, where=",addr=6")]
    linux = Linux(world, "sysfs", *devices)
    check_info(linux, LINUX)
    check_answers(world, server, linux)
    check_bell(world, server, linux)
    check_asks(world, server, linux)
    linux = check_deaths(world, server, linux, devices)
    check_one_process(linux)
    linux.start("ivsh --pci 00:06.0 --slot 0 echo --name lin --count 100")
    tool = BUILD / "host" / "ivsh"
    text = world.program(
        "host", tool, "-f", file, "--slot", 1, "ping", "lin", "--count", 100, "--timeout", 30
    ).done()
    assert "100 round trips" in text
    assert "polling" not in linux.ended(), "nothing else is expected of an ivshmem-plain"


def mapped(linux, place, command):
    """The permissions of what an observer has mapped of the device, while it looks."""
    linux.start(
        f"ivsh --pci {place} {command} >/dev/null 2>&1 & "
        "until grep -q resource2 /proc/$!/maps; do :; done; grep resource /proc/$!/maps; wait"
    )
    lines = [line.split() for line in linux.ended().splitlines() if "resource" in line]
    return sorted({(line[1], line[-1].rpartition("/")[2]) for line in lines})


def test_observer(world, tmp_path):
    """
    info, dump and capture map a device for reading alone; permission to read its memory is enough,
    and what then cannot be known is said; not one byte is another afterwards.
    """
    server, file = world.server(bind=3), tmp_path / "memory"
    tool = BUILD / "host" / "ivsh"
    subprocess.run([tool, "mem", "create", file, "4M", "--slots", "4"], check=True)
    for slot in (0, 1):
        words = [tool, "-f", file, "--slot", slot, "stress", "--count", 100000000, "--quiet"]
        world.program(f"stress{slot}", *words)
    world.until(lambda: min(sent(file.read_bytes(), s) for s in (0, 1)) > 200, "both send")
    for program in world.programs[-2:]:
        program.kill()
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    linux = Linux(world, "sysfs", *device(server), *plain(file, where=",addr=6"))
    registers, memory = ("r--s", "resource0"), ("r--s", "resource2")
    for command in ("info", "dump all --payload --count 0", "capture --time 2 --output /null"):
        assert mapped(linux, "00:05.0", command) == [registers, memory], command
        assert mapped(linux, "00:06.0", command) == [memory], command
    linux.run("mkdir /etc; echo u:x:1000:1000::/:/bin/sh > /etc/passwd")
    for slot, name in ((5, "ivshmem-doorbell"), (6, "ivshmem-plain")):
        look = f"su u -c 'ivsh --pci 00:0{slot}.0 info'"
        text = linux.run(look, FAILED)
        assert "resource2: Permission denied: try as root" in text, text
        linux.run(f"chmod 444 /sys/bus/pci/devices/0000:00:0{slot}.0/resource2")
        text = linux.run(look)
        assert f", {name}\n" in text and "\nregion: version 2, " in text, text
        hidden = "  VM ID (IVPosition): cannot be known: resource0: Permission denied\n"
        assert (hidden in text) == (slot == 5), text
    assert text.count(" silent ") == 2, text
    assert "broken" not in linux.run("su u -c 'ivsh --pci 00:06.0 dump'").replace("broken=0", "")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before


def test_device_that_leaves(world, tmp_path):
    """
    device_del waits for the process that has the device by VFIO: it lets the device go, and takes
    the one that comes.
    """
    server = world.server(bind=3)
    port = ["-device", "pcie-root-port,id=port0,chassis=1,pref64-reserve=8M"]
    device = doorbell(server.bound[LINUX], where=",id=dev0,bus=port0")
    linux = Linux(world, "vfio", *port, *device, *qmp_words(tmp_path / "qmp"))
    linux.start("ivsh --pci auto echo --name lin --wait sleep --count 20")
    host(world, server, "ping", "lin", "--count", 10).done()
    with Qmp(tmp_path / "qmp") as qmp:
        qmp.command("device_del", id="dev0")
        linux.expect(r"^ivsh: device \S+: the device is leaving: detached from slot 1$")
        qmp.event("DEVICE_DELETED", device="dev0")
        qmp.command("chardev-remove", id="ivsh")
        address = {"type": "unix", "data": {"path": str(server.bound[LINUX])}}
        backend = {"type": "socket", "data": {"addr": address, "server": False}}
        qmp.command("chardev-add", id="again", backend=backend)
        qmp.command(
            "device_add", driver="ivshmem-doorbell", id="dev1", bus="port0", chardev="again",
            vectors=2,
        )  # fmt: skip
        linux.expect(r"^ivsh: device \S+: the device is back: slot 1 of 8$")
    host(world, server, "ping", "lin", "--count", 10).done()
    assert "echo: answered 20 messages\n" in linux.ended()


@pytest.mark.parametrize("road", ["vfio", "sysfs"])
def test_split(world, road):
    """
    A split region: the doorbell's device by the road, the parts by sysfs, at the addresses of their
    slots or elsewhere. Without its own part, or without one that it can write, the command says so.
    """
    server = world.server("--split", slots=3, bind=3)
    made = split.Served(server, 3)
    placed = road == "vfio"
    order = None if placed else [2, 1, "common", 0]
    linux = Linux(world, road, *split.words(made, LINUX, order, placed))
    text = linux.run("ivsh --pci auto info")
    place = "0000:00:01.0" if placed else "0000:00:03.0"
    assert re.search(rf"^device 0: {place}, ivshmem-doorbell$", text, re.MULTILINE), text
    parts = re.findall(r"^  part of slot (\d): (\S+), (\d+) bytes, for reading(.*)$", text, re.M)
    where = ["00:10.0", "00:10.1", "00:10.2"] if placed else ["00:04.0", "00:02.0", "00:01.0"]
    known = ""  # an observer tries no store, and so does not know
    assert sorted(parts) == [
        (str(slot), where[slot], str(made.part(slot).stat().st_size), known) for slot in range(3)
    ], text
    assert "cannot be written" not in text and "\nregion: version 2, " in text
    echo = world.guest("bare", "echo --name=alpha", *split.words(made, BARE, placed=True))
    echo.expect("answers")
    for look, shows in (
        ("dump", r"^slot slot=0 part=0 .* state=attached "),
        ("top --count 1 --plain", r"^ *0 +.*\balpha\b"),
        ("log alpha", r"^echo: slot 0 of 3 answers$"),
        ("capture --time 1 --output /null", r": 0 messages captured, 0 missed$"),
    ):
        text = linux.run(f"ivsh --pci auto {look}")
        assert re.search(shows, text, re.MULTILINE), f"{look}: {text}"
        assert "cannot be written" not in text
    text = linux.run("ivsh --pci auto ping alpha --count 200 --wait sleep --timeout 30")
    assert f"ping: slot {BARE} (alpha): 200 round trips" in text and "left out" not in text
    assert is_notified(linux, text, "ping"), text
    kill(world, server, echo)
    linux.start("ivsh --pci auto demo --timeout 60 --quiet")
    text = world.guest(
        "bare", "demo --timeout=60", *split.words(made, BARE)
    ).done(seconds=BOOT)  # fmt: skip
    assert ": every byte verified\n" in text and ": every byte verified\n" in linux.ended()


def test_split_without_a_server(world):
    """The slot is that of the part that can be written. What is no part of it is named."""
    made = split.Region(world.folder / "region", 3)
    made.format_part(2, format_id=0xBAD)
    linux = Linux(world, "sysfs", *split.words(made, LINUX, [2, 0, "common", 1]))
    text = linux.run("ivsh --pci auto info")
    assert "ivsh: device 00:01.0: left out: a part of another formatting: " in text, text
    linux.start("ivsh --pci auto demo --timeout 60 --quiet")
    text = world.guest(
        "bare", "demo --timeout=60", *split.words(made, BARE)
    ).done(seconds=BOOT)  # fmt: skip
    assert ": every byte verified\n" in text
    text = linux.ended()
    assert text.startswith("ivsh: device 00:01.0: left out: "), text
    assert f"demo: slot {LINUX}: sent" in text and ": every byte verified\n" in text
    text = linux.run("ivsh --pci auto demo --slot 0 --timeout 5", FAILED)
    said = f"ivsh: --slot=0: the part that this guest can write is that of slot {LINUX}: "
    assert said in text, text
    text = linux.run("ivsh --pci 00:02.0 demo --timeout 5 --slot 0", FAILED)
    assert "the memory is the part of one slot of a split region" in text, text


def test_clean_keeps_what_was_downloaded():
    words = ["make", "-n", "-C", ROOT, "clean"]
    removed = subprocess.check_output(words, text=True).split()
    assert "build/host" in removed and "build/linux/initramfs" in removed
    assert not {"build/linux", "build/linux/debian"} & set(removed)


def test_demo(world):
    """The users' command."""
    text = world.script("linux", "--no-build", "--timeout", BOOT).done(seconds=2 * BOOT)
    assert "here is slot 1 (beta) on Linux" in text
    assert "run-qemu.sh: linux: 2 of 2 guests done and verified" in text


def test_failing_demo(world):
    """What it takes for success is not there when the program in the Linux guest fails."""
    script = world.script(
        "linux", "--no-build", "--command", "recv --timeout=1", "--command", "frob"
    )
    text = script.done(1, seconds=2 * BOOT)
    assert "run-qemu.sh: guest 1: failed (QEMU's status 0, without the guest's own verdict" in text
    assert "linux: 0 of 2 guests done" in text
