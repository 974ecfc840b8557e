# SPDX-License-Identifier: MIT
"""test_log.py - logs and metrics of peers: ivsh log, ls, --prometheus, the server's status."""

import contextlib
import hashlib
import json
import os
import pathlib
import pty
import signal
import subprocess
import sys
import time

import pytest

from exposition import one, samples
from peertool import FAILED, NO_PEER
from rawclient import LIMIT
from servertool import BUILD

ROOT = pathlib.Path(__file__).resolve().parents[2]

os.environ["IVSH_CLIENT_LIBRARY"] = str(BUILD / "libivsh-client.so.1")
sys.path.insert(0, str(ROOT / "host/python"))

import ivsh  # noqa: E402


def tool(*words):
    """(exit status, stdout, stderr) of ivsh."""
    done = subprocess.run([BUILD / "ivsh", *map(str, words)], capture_output=True, timeout=LIMIT)
    return done.returncode, done.stdout, done.stderr.decode()


@pytest.fixture
def memory(tmp_path):
    path = tmp_path / "memory"
    made = ["mem", "create", path, "4M", "--slots", "4", "--log-size", "4K"]
    subprocess.run([BUILD / "ivsh", *made], check=True, stdout=subprocess.DEVNULL, timeout=LIMIT)
    return path


def test_log(memory):
    """SPEC R15.3: of a peer that is there, and of one that has left; no trace."""
    with ivsh.Peer(memory, "alpha", slot=0) as peer:
        peer.log("one\ntwo\n\x1b[31mthr")
        time.sleep(0.1)
        before = hashlib.sha256(memory.read_bytes()[12288:]).digest()
        for name in ("alpha", 0):
            assert tool("-f", memory, "log", name) == (0, b"one\ntwo\n\x1b[31mthr", "")
        assert before == hashlib.sha256(memory.read_bytes()[12288:]).digest()
    before = hashlib.sha256(memory.read_bytes()).digest()
    assert tool("-f", memory, "log", "alpha", "--bytes", 3)[:2] == (0, b"thr")
    status, out, _ = tool("-f", memory, "log", "alpha", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [(line["text"], line["whole"], line["position"]) for line in lines] == [
        *(("one", True, 0), ("two", True, 4), ("\x1b[31mthr", False, 8)),
    ]
    assert before == hashlib.sha256(memory.read_bytes()).digest()
    status, out, err = tool("-f", memory, "log", "nobody")
    assert (status, out) == (NO_PEER, b"") and "no slot has or had a peer nobody" in err
    status, out, err = tool("-f", memory, "log", 9)
    assert (status, out) == (NO_PEER, b"") and "no slot 9" in err
    status, out, err = tool("-f", memory, "log", 1)
    assert (status, out) == (0, b"") and "nothing was ever logged" in err


def test_incarnations(memory):
    """What an earlier peer of the slot has said stands before the border; the last bytes stay."""
    with ivsh.Peer(memory, "alpha", slot=0) as peer:
        peer.log("first\n")
    with ivsh.Peer(memory, "beta", slot=0) as peer:
        peer.log("second\n")
    status, out, err = tool("-f", memory, "log", 0)
    assert (status, out) == (0, b"first\nsecond\n")
    assert err == f"ivsh: {memory}: slot 0: from here on incarnation 2, beta\n"
    with ivsh.Peer(memory, slot=0) as peer:
        peer.log(bytes(range(256)) * 40)
    assert tool("-f", memory, "log", 0)[1] == (bytes(range(256)) * 40)[-4096:]


def test_terminal(memory):
    """A terminal gets nothing that steers it, unless --raw says so."""
    with ivsh.Peer(memory, "alpha", slot=0) as peer:
        peer.log("\x1b]0;title\x07\x1b[2Jtext\n")
    for words, want in (((), b"text\r\n"), (("--raw",), b"\x1b]0;title\x07\x1b[2Jtext\r\n")):
        ours, theirs = pty.openpty()
        subprocess.run(
            [BUILD / "ivsh", "-f", memory, "log", "0", *words], stdout=theirs, timeout=LIMIT
        )
        os.close(theirs)
        got = b""
        with contextlib.suppress(OSError):  # EIO: that was all
            while piece := os.read(ours, 1000):
                got += piece
        assert got == want
        os.close(ours)


def test_follow(memory):
    """--follow goes on with the next incarnation, and ends in order when it is stopped."""
    with ivsh.Peer(memory, "alpha", slot=0) as peer:
        peer.log("a")
        follower = subprocess.Popen(
            [BUILD / "ivsh", "-f", memory, "log", "0", "--follow"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert follower.stdout.read(1) == b"a"
        peer.log("b")
        assert follower.stdout.read(1) == b"b"
    with ivsh.Peer(memory, "beta", slot=0) as peer:
        peer.log("c")
        assert follower.stdout.read(1) == b"c"
    follower.send_signal(signal.SIGINT)
    out, err = follower.communicate(timeout=LIMIT)
    assert (follower.returncode, out) == (0, b"")
    assert "from here on incarnation 2, beta" in err.decode()


def test_no_logs(tmp_path):
    path = tmp_path / "memory"
    made = ["mem", "create", path, "4M", "--log-size", "0"]
    subprocess.run([BUILD / "ivsh", *made], check=True, stdout=subprocess.DEVNULL, timeout=LIMIT)
    status, out, err = tool("-f", path, "log", 0)
    assert (status, out) == (FAILED, b"") and "--log-size" in err and err.count("\n") == 1
    with ivsh.Peer(path, slot=0) as peer:
        with pytest.raises(ivsh.NotThere, match="no logs"):
            peer.log("x")
        with pytest.raises(ivsh.NotThere, match="no logs"):
            peer.read_log(0)


def test_metrics(start):
    """SPEC R5.15: in ls, and in what Prometheus gets; two kinds of one name; a dead peer."""
    server = start("-l", "8M", "-n", 1)
    with ivsh.Peer(server.socket, "alpha") as alpha, ivsh.Peer(server.socket, "beta") as beta:
        frames = alpha.metric("frames")
        frames.add(5)
        frames.add()
        alpha.metric("depth", "gauge").set(-3)
        beta.metric("frames", ivsh.MetricKind.GAUGE).add(-9)
        with pytest.raises(ivsh.Invalid):
            alpha.metric("frames")
        with pytest.raises(ivsh.Invalid):
            alpha.metric("Frames")
        with pytest.raises(ivsh.Invalid):
            frames.add(-1)
        assert {n: v.value for n, v in beta.metrics("alpha").items()} == {"frames": 6, "depth": -3}
        out = tool("-S", server.socket, "ls")[1].decode()
        assert "counter frames: 6\n" in out and "gauge depth: -3\n" in out
        done = subprocess.run(
            [BUILD / "ivsh-server", "status", "-S", server.socket, "--prometheus"],
            capture_output=True,
            timeout=LIMIT,
        )
        found = samples(done.stdout.decode())
        assert one(found, "ivsh_guest_frames_total", 'peer="0",name="alpha"') == 6
        assert one(found, "ivsh_guest_depth", 'peer="0",name="alpha"') == -3
        assert one(found, "ivsh_guest_frames", 'peer="1",name="beta"') == -9
        alpha.close()
        assert beta.metrics("alpha")["frames"].value == 6
    status, out, err = tool("-S", server.socket, "ls", "--prometheus")
    found = samples(out.decode())
    assert (status, err) == (0, "")
    assert one(found, "ivsh_peer_attached", 'peer="0"') == 0
    assert one(found, "ivsh_region_server_up") == 1
    assert not [name for name, _ in found if name.startswith("ivsh_guest")]


def test_readers(memory):
    """Python's readers: as the bytes come, what was overwritten, and the next incarnation."""
    with ivsh.Peer(memory, "alpha", slot=0) as alpha, ivsh.Peer(memory, slot=1) as beta:
        alpha.log("begun\n")
        log = beta.read_log("alpha")
        assert (log.read(), log.incarnation, log.read()) == (b"begun\n", 1, b"")
        alpha.log(b"x" * 10000)
        assert (log.read(), log.lost) == (b"x" * 4096, 10000 - 4096)
        alpha.log("end")
        assert b"".join(log.follow(0.2)) == b"end"
        log.close()
        with pytest.raises(ivsh.Invalid):
            log.read()
