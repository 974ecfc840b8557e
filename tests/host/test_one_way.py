# SPDX-License-Identifier: MIT
"""test_one_way.py - one-way links of processes: what goes, and what is refused at once. SPEC 18.

Each case runs in one memory and in a split region.
"""

import time

import pytest

from peertool import DONE, FAILED, USAGE
from rawclient import LIMIT, within

# What each command that cannot work says; it says so at once, and waits for nothing.
ONE_WAY = "the channel is one-way, and this needs the other direction"


@pytest.fixture(params=["one", "split"])
def peers(request, start, at):
    server = start(*(["--split"] if request.param == "split" else []), "--slots", 4)
    peers = at("-S", server.socket)
    peers.server = server
    return peers


def refused(peers, *words):
    status, output, errors = within(3, lambda: peers.run(*words))
    assert (status, output) == (FAILED, b"")
    return errors


def test_sender_that_never_reads(peers):
    receiver = peers.start("recv", "--name", "beta", "--count", "0")
    for text in ("one", "two"):
        status, _, errors = peers.run("send", "--send-only", "all", "beta", text)
        assert (status, errors) == (DONE, [])
    # The next one goes both ways: what the last one said is over.
    assert peers.run("send", "beta", "three")[0] == DONE
    receiver.terminate()
    status = receiver.wait(LIMIT)
    assert status == DONE
    assert receiver.stdout.read() == b"".join(
        b"slot 1, port 1: %s\n" % text for text in (b"one", b"two", b"three")
    )


def test_answer_to_one_that_never_reads(peers):
    watcher = peers.start("watch", "--send-only=1", "--name", "mute")
    watcher.stdout.readline()
    assert refused(peers, "send", "mute", "hello") == [f"ivsh: channel to slot 0 (mute): {ONE_WAY}"]
    assert refused(peers, "ping", "mute") == [f"ivsh: channel to slot 0 (mute): {ONE_WAY}"]
    # Another slot's channel to it is as ever.
    idle = peers.start("watch")
    idle.stdout.readline()
    assert peers.run("send", "mute", "hello")[0] == DONE


@pytest.mark.parametrize(
    "words",
    [["ping", "e"], ["put", "e", "/dev/null"], ["bench", "--peer", "e"]],
    ids=lambda words: words[0],
)
def test_what_needs_an_answer(peers, words):
    """... is refused by either side's option."""
    line = f"ivsh: channel to slot 0 (e): {ONE_WAY}"
    echo = peers.echo("--name", "e")
    for option in ("--send-only", "--receive-only"):
        assert refused(peers, *words, option, "all") == [line]
    assert peers.run("ping", "e", "--count", 3)[0] == DONE
    peers.kill(echo)
    receiver = peers.start("recv", "--receive-only", "all", "--name", "e", "--count", 0)
    while not peers.row("e"):
        time.sleep(0.01)
    slot = next(slot for slot, row in peers.ls()[1].items() if row["name"] == "e")
    assert refused(peers, *words) == [f"ivsh: channel to slot {slot} (e): {ONE_WAY}"]
    assert receiver.poll() is None


def test_nobody_can_send(peers):
    """A command that waits for messages which nobody can send."""
    for command in ("recv", "echo"):
        errors = refused(peers, command, "--send-only", "all")
        assert errors[0].endswith(ONE_WAY)


@pytest.mark.parametrize(
    "options,line",
    [
        (
            ["--send-only=9"],
            "--send-only, --receive-only: not another's slot: there are 0 to 3, and we are in 0",
        ),
        (
            ["--receive-only", "0"],
            "--send-only, --receive-only: not another's slot: there are 0 to 3, and we are in 0",
        ),
        (["--send-only=1-"], "--send-only=1-: not slots: give numbers, as in 0,2-3, or all"),
        (["--send-only=2-1"], "--send-only=2-1: not slots: give numbers, as in 0,2-3, or all"),
        (["--send-only=256"], "--send-only=256: not slots: give numbers, as in 0,2-3, or all"),
        (["--send-only="], "--send-only=: not slots: give numbers, as in 0,2-3, or all"),
        (
            ["--send-only=all", "--receive-only=0,3"],
            "--receive-only: slot 0: --send-only and --receive-only: give one of them",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_bad_slots(peers, options, line):
    assert peers.run("watch", *options) == (USAGE, b"", [f"ivsh: {line}"])
