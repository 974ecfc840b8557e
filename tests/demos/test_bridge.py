# SPDX-License-Identifier: MIT
"""test_bridge.py - guests on two hosts, with a bridge each and NATS between them."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from hosts import LATE, Hosts
from memory import slot_word
from qemu import ROOT, SOAK
from qmp import Qmp, qmp_words
from test_bridge_kill import Guest, check

MIB = 1 << 20
STREAM = 64 * MIB
CUT = 10 if SOAK else 3  # seconds
BUFFER = 1 << 20
BEATS = 30  # heartbeats of a guest, which looks for room all the time
ENOUGH = 5000 if SOAK else 500  # numbers, each way
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
NO_RIGHTS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]


@pytest.fixture(params=["core", "jetstream"])
def mode(request):
    return request.param


def is_clean(world, text):
    """Nothing of a run of run-qemu.sh is left, nor what keeps its networks."""
    assert list(world.folder.iterdir()) == [] and world.left() == []
    for pid in set(re.findall(r"nsenter -t (\d+) -n", text)):
        assert not pathlib.Path(f"/proc/{pid}").exists(), pid


def loopback(folder):
    """Of a user who can have no network of his own."""
    (folder / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (folder / "unshare").chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


DEMOS = {"core": False, "jetstream": False, "core on the loopback": True}


@pytest.mark.arches()
@pytest.mark.parametrize("demo", DEMOS)
def test_demo(world, tmp_path_factory, demo):
    """A message arrives; the link is cut, both hosts see it, and the round trips go on."""
    mode, _, place = demo.partition(" ")
    env = loopback(tmp_path_factory.mktemp("path")) if place else None
    script = world.script("bridge", mode, "--no-build", "--timeout", "80", env=env)
    text = script.done(seconds=100)
    lines = text.splitlines()
    assert re.fullmatch(
        rf"run-qemu.sh: bridge {mode}: 2 of 2 guests done and verified, [0-9.]+ s", lines[-1]
    )
    assert "[1] slot 0 (alpha), port 1: a message from host a" in lines
    before, cut = text.split(" for 3 s", 1)
    assert "reason=silent" not in before
    if os.geteuid() == 0 and not place:
        assert "host b's link to the bus is cut" in before and "nsenter" in before
    else:
        assert "all is on the loopback" in before and "nsenter" not in text
    assert re.search(r"^\[0\] ping: slot 1 \(beta\): 10000 round trips of 64 bytes", cut, re.M)
    # Each message of the 10000, and the first one; more only of what was reported as lost.
    lost = re.search(r"^\[0\] ping: (\d+) lost on the way", cut, re.M)
    sent = int(re.search(r"^\[bridge a\] pair .* sent=(\d+)", cut, re.M)[1])
    assert sent == 10001 + (int(lost[1]) if lost else 0)
    assert mode == "core" or not lost
    is_clean(world, text)


@pytest.fixture
def stranger():
    """
    The words that run a command as a user without any right, and a folder of that user. Where that
    user cannot read this checkout, it is root without any right.
    """
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ivsh-stranger."))
    words = [] if os.geteuid() else NOBODY
    reads = [*words, "test", "-r", ROOT / "run-qemu.sh"]
    if subprocess.run(reads, check=False).returncode:
        words = NO_RIGHTS
    elif words:
        os.chown(folder, 65534, 65534)
    yield words, folder
    shutil.rmtree(folder)


def test_without_rights(world, stranger, mode):
    """Who can have no network of his own: all is on the loopback, and nothing is left of it."""
    words, folder = stranger
    env = {**os.environ, "HOME": str(folder), "TMPDIR": str(folder)}
    script = [ROOT / "run-qemu.sh", "bridge", mode, "--no-build", "--timeout", "80"]
    text = world.program("run-qemu.sh", *words, *script, env=env).done(seconds=100)
    assert text.startswith("run-qemu.sh: no network namespaces here (they take root, ip, veth): ")
    assert f"bridge {mode}: 2 of 2 guests done and verified, " in text.splitlines()[-1]
    assert "nsenter" not in text
    assert list(folder.iterdir()) == []
    for command in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            assert str(folder).encode() not in command.read_bytes()


@pytest.mark.parametrize("sig, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("place", ["here", "loopback"])
def test_stopped_in_the_middle(world, tmp_path_factory, place, sig, status):
    """While the link is cut: the bus, which may stand still, and the networks go, too."""
    env = loopback(tmp_path_factory.mktemp("path")) if place == "loopback" else None
    script = world.script("bridge", "--no-build", env=env)
    script.expect(" for 3 s")
    script.process.send_signal(sig)
    assert script.status() == status
    is_clean(world, script.text)


@pytest.mark.parametrize("place", ["here", "loopback"])
def test_killed(world, tmp_path_factory, place):
    """No trap takes SIGKILL: another process ends and removes what such a run leaves behind."""
    env = loopback(tmp_path_factory.mktemp("path")) if place == "loopback" else None
    script = world.script("bridge", "--no-build", env=env)
    script.expect(" for 3 s")
    script.process.send_signal(signal.SIGKILL)
    assert script.status() == -signal.SIGKILL
    script.expect("^run-qemu.sh: it was killed; its guests and servers are ended, its files rem")
    networks = [f"/proc/{pid}" for pid in re.findall(r"nsenter -t (\d+) -n", script.text)]
    assert bool(networks) == (os.geteuid() == 0 and place == "here")
    world.until(lambda: not any(map(os.path.exists, networks)), "the networks' end", LATE)
    is_clean(world, script.text)


def test_space(world):
    """A folder whose name the bridge's configuration cannot have: one line, and nothing begun."""
    folder = world.folder / "a b"
    folder.mkdir()
    script = world.script("bridge", "--no-build", env={"TMPDIR": str(folder)})
    assert script.done(2) == (
        f"run-qemu.sh: TMPDIR {folder}: the bridge's configuration takes no path with a space\n"
    )
    assert list(folder.iterdir()) == []


def test_commands(world):
    """What the guests run instead; one of them fails."""
    script = world.script("bridge", "--no-build", "--command", "info", "--command", "frob")
    text = script.done(1)
    assert ": bridge core: 1 of 2 guests done and verified, " in text.splitlines()[-1]
    is_clean(world, text)


def test_round_trips(world, mode):
    """A guest that echoes, and one on the other host that counts."""
    hosts = Hosts(world, mode)
    hosts.guest(0, "echo").expect(r"^echo: slot 0 of 8 answers$")
    text = hosts.guest(1, "ping alpha --count=300 --timeout=60").done(seconds=LATE)
    assert re.search(r"^ping: slot 0 \(alpha\): 300 round trips of 64 bytes", text, re.MULTILINE)


def test_exchange(world, mode):
    """demo: each way 64 messages of all sizes, every byte of which is checked."""
    hosts = Hosts(world, mode)
    guests = [
        hosts.guest(host, f"demo --peers=1 --timeout=60 --name={hosts.names[host]}")
        for host in range(2)
    ]
    for guest in guests:
        assert "every byte verified" in guest.done(seconds=LATE)


def test_stream(world, mode):
    """A stream from a guest to one of another host, whose checksums are equal."""
    hosts = Hosts(world, mode)
    begin = time.monotonic()
    source = hosts.guest(0, "alpha", image="sums")
    target = hosts.guest(1, f"beta pull alpha {STREAM}", image="sums")
    line = rf"^sums: {STREAM} (\w+): done$"
    total = target.expect(line, seconds=2 * LATE)[1]
    assert source.expect(line)[1] == total
    took = time.monotonic() - begin
    print(f"{mode}: {STREAM // MIB} MiB in {took:.1f} s, {STREAM / MIB / took:.1f} MiB/s")


def test_request(world, mode):
    """A service is found by its name on the other host, asked, and answers."""
    hosts = Hosts(world, mode)
    serving = hosts.guest(0, "", image="examples/request")
    assert hosts.guest(1, "", image="examples/request").done(seconds=LATE) == "peer 0 answers 9\n"
    serving.still_runs()


def test_restarted(world, mode):
    """SPEC R19.3: a guest that dies, and one that starts again, is seen from the other host."""
    hosts = Hosts(world, mode)
    watch = hosts.guest(1, "watch")
    watch.expect("^watch: slot 1 of 8$")
    for turn in range(2):
        begin = len(watch.text)
        echo = hosts.guest(0, "echo --name=alpha")
        watch.expect(r"^slot 0 \(alpha\): (is here|came back|was started again).*$", begin, LATE)
        begin = len(watch.text)
        hosts.end(echo)
        watch.expect(r"^slot 0 \(alpha\): (left|died|is gone).*$", begin, LATE)


def test_reset(world, mode):
    """
    SPEC R19.3.3: a machine that is reset never leaves: it is there again in another incarnation,
    which shows on the other host, and what is sent to it arrives.
    """
    hosts = Hosts(world, mode)
    path = world.folder / "qmp"
    machine = f"-M q35 -action reboot=reset {' '.join(qmp_words(path))}"
    echo = hosts.guest(0, "echo --name=alpha", machine=machine)
    watch = hosts.guest(1, "watch")
    is_here = r"^slot 0 \(alpha\): (is here|came back|was started again)$"
    watch.expect(is_here, 0, LATE)
    # Its line comes behind that: a bridge is quick.
    echo.expect("^echo: slot 0 of 8 answers$")
    with Qmp(path) as qmp:
        for turn in range(3):
            begin = len(watch.text)
            qmp.command("system_reset")
            echo.expect(rf"(^echo: slot 0 of 8 answers\s+){{{turn + 2}}}")
            watch.expect(is_here, begin, LATE)
    hosts.bridges[1].expect("event=detach slot=0 peer=a/alpha reason=restarted")
    hosts.end(watch)
    echo.still_runs()
    text = hosts.guest(1, "ping alpha --count=100 --timeout=60").done(seconds=LATE)
    assert re.search(r"^ping: slot 0 \(alpha\): 100 round trips of 64 bytes", text, re.MULTILINE)


def is_quiet(world, guest):
    """Wait until it has sent nothing for a second, and ran; how many it has sent."""
    memory = guest.hosts.servers[guest.host].memory()
    seen = None, 0, 0

    def waits():
        nonlocal seen
        now, beats = guest.lines()[0], slot_word(memory, guest.host, 8)
        if now != seen[0]:
            seen = now, time.monotonic(), beats
        return time.monotonic() > seen[1] + 1 and beats - seen[2] > BEATS

    with memory:
        world.until(waits, "a sender that waits", LATE)
    return seen[0]


def await_number(world, sender, receiver, count):
    """Wait until the (count)th number of (sender), or one behind it, has come."""
    first = int(re.search(rb"^S \d+ \d+ (\d+)", sender.guest.output, re.M)[1])

    def came():
        receiver.lines()
        at = receiver.guest.output.rfind(b"\nR ")
        line = receiver.guest.output[at + 1 :].split(b"\n", 1)
        if len(line) == 1:  # it is not whole
            return False
        return int(line[0].split()[3]) >= first + count - 1

    world.until(came, f"number {count}", LATE)


def test_cut(world, mode):
    """
    SPEC R19.1.6, R19.1.7: two guests send all that they can. While the link is cut they are made to
    wait, and the bridges stay as small as they were. Then everything goes on: what was on its way
    is lost in mode core, and reported; of what is accepted from then on, nothing.
    """
    hosts = Hosts(world, mode, more=f"buffer = {BUFFER}\n")
    guests = [Guest(hosts, host, pace=0, hold=0) for host in range(2)]
    for guest in guests:
        guest.await_traffic()
    small = [hosts.kilobytes(host) for host in range(2)]
    full = [hosts.full(host) for host in range(2)]
    hosts.link(False)
    end = time.monotonic() + CUT
    # Then no bridge takes any more, and the guests fill what is left of their rings.
    world.until(lambda: not any(hosts.status(i)["attached"] for i in range(2)), "silence", LATE)
    sent = [is_quiet(world, guest) for guest in guests]
    while time.monotonic() < end:
        time.sleep(0.1)
    assert [guest.lines()[0] for guest in guests] == sent
    large = [hosts.kilobytes(host) for host in range(2)]
    for host in range(2):
        assert hosts.full(host) > full[host]
        assert hosts.status(host)["waiting_bytes"] <= BUFFER
    hosts.link(True)
    begin = time.monotonic()
    # All that came before the cut, and the reports of what did not, stand before these.
    for guest, other, until in ((*guests, sent[0]), (*guests[::-1], sent[1])):
        await_number(world, guest, other, until + 1)
    took = time.monotonic() - begin
    lost = [guest.lost for guest in guests]
    for guest, other in (guests, guests[::-1]):
        await_number(world, guest, other, guest.lines()[0] + ENOUGH)
    assert [guest.lost for guest in guests] == lost
    assert mode == "core" or lost == [0, 0]
    for host in range(2):
        assert hosts.status(host)["waiting_bytes"] <= BUFFER
        large.append(hosts.kilobytes(host))
    assert max(large) < max(small) + 8192, (small, large)
    print(f"{mode}: cut for {CUT} s: {sent} sent before, a new one after {took:.1f} s, {lost}"
          f" losses reported, VmRSS {small} kB before, {large} kB then")  # fmt: skip
    for guest in guests:
        guest.kill()
    for sender, receiver in (guests, guests[::-1]):
        last = receiver.last()
        sender.accepted = [number for number in sender.accepted if number <= last]
        check(sender, receiver)
