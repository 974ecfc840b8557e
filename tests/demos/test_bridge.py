# SPDX-License-Identifier: MIT
"""test_bridge.py - guests on two hosts, with a bridge each and NATS between them."""

import os
import pathlib
import re
import signal

import pytest


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


def test_commands(world):
    """What the guests run instead; one of them fails."""
    script = world.script("bridge", "--no-build", "--command", "info", "--command", "frob")
    text = script.done(1)
    assert ": bridge core: 1 of 2 guests done and verified, " in text.splitlines()[-1]
    is_clean(world, text)
