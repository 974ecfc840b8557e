# SPDX-License-Identifier: MIT
"""test_bridge.py - guests on two hosts, with a bridge each and NATS between them."""

import os
import pathlib
import re
import signal

import time

import pytest

from hosts import LATE, Hosts
from qemu import SOAK

MIB = 1 << 20
STREAM = 64 * MIB
CUT = 10 if SOAK else 3  # seconds
BUFFER = 1 << 20


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
    assert re.search(r"^\[0\] ping: slot 1 \(beta\): 3000 round trips of 64 bytes", cut, re.M)
    # Each message of the 3000, and the first one; more only of what was reported as lost.
    lost = re.search(r"^\[0\] ping: (\d+) lost on the way", cut, re.M)
    sent = int(re.search(r"^\[bridge a\] pair .* sent=(\d+)", cut, re.M)[1])
    assert sent == 3001 + (int(lost[1]) if lost else 0)
    assert mode == "core" or not lost
    is_clean(world, text)


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


def test_cut(world, mode):
    """
    SPEC R19.1.6: while the link is cut both guests are made to wait, the bridges stay as small as
    they were, and then everything goes on.
    """
    hosts = Hosts(world, mode, more=f"buffer = {BUFFER}\n")
    guests = [hosts.guest(host, "stream 2 1", image="numbers") for host in range(2)]

    def traffic():
        for guest in guests:
            after = max(guest.text.rfind("\n"), 0)
            guest.expect(r"^S \d+ \d+ \d+$", after, LATE)
            guest.expect(r"^R \d+ \d+ \d+ \d+$", after, LATE)

    traffic()
    small = [hosts.kilobytes(host) for host in range(2)]
    hosts.link(False)
    full, end = [hosts.full(host) for host in range(2)], time.monotonic() + CUT
    for host in range(2):
        world.until(lambda host=host: hosts.full(host) > full[host] + 5, "no room", LATE)
    while time.monotonic() < end:
        time.sleep(0.1)
    large = [hosts.kilobytes(host) for host in range(2)]
    for host in range(2):
        assert hosts.status(host)["waiting_bytes"] <= BUFFER
        assert large[host] < small[host] + 16384, (small, large)
    hosts.link(True)
    traffic()
    print(f"{mode}: VmRSS {small} kB before, {large} kB while the link is cut")
    if mode == "jetstream":
        assert [hosts.status(host)["lost"] for host in range(2)] == [0, 0]
