# SPDX-License-Identifier: MIT
"""test_flow.py - put and get: files through a small region. SPEC R10.1, R10.2, R10.6."""

import os
import random
import resource
import signal
import stat
import threading

import pytest

from peertool import NO_PEER, STOPPED, finish
from rawclient import LIMIT, until


@pytest.fixture
def small(start, at):
    """Peers of a region whose largest message has 4 KiB."""
    server = start("-l", "1M")
    peers = at("-S", server.socket)
    peers.server = server
    return peers


@pytest.mark.parametrize("size", [0, 1, 4096, 5000000, 64 << 20])
def test_a_file_arrives(small, tmp_path, size):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(random.Random(size).randbytes(size))
    get = small.start("get", "alpha", target, "--name", "beta")
    put = small.start("put", "beta", source, "--name", "alpha")
    sent, received = finish(put), finish(get)
    assert sent == (0, f"sent {size} bytes to slot 0 (beta)\n".encode(), [])
    assert received == (0, f"received {size} bytes from slot 1 (alpha)\n".encode(), [])
    assert target.read_bytes() == source.read_bytes()


def test_pipes(small):
    get = small.start("get", "alpha", "-", "--name", "beta")
    put = small.run("put", "beta", "-", "--name", "alpha", stdin=b"hello\0")
    assert put == (0, b"sent 6 bytes to slot 0 (beta)\n", [])
    assert finish(get) == (0, b"hello\0", [])


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_source_that_does_not_come(small, signum):
    """The heartbeat goes on while put waits for standard input, and a signal ends the wait."""
    read_end, write_end = os.pipe()
    small.start("get", "alpha", "-", "--name", "beta", "--timeout", "0")
    put = small.start("put", "beta", "-", "--name", "alpha", stdin=read_end)
    os.write(write_end, b"begin")
    until(lambda: small.count("beta", "received") > 1)
    small.await_row("alpha")  # the row shows 2 s of silence
    put.send_signal(signum)
    assert finish(put) == (STOPPED, b"", ["ivsh: stopped"])
    assert small.row("alpha")["presence"] == "absent"
    os.close(read_end)
    os.close(write_end)


@pytest.mark.parametrize("size", [1, 5000000])
def test_two_puts(small, tmp_path, size):
    """Neither receives: both fail at once, and none reports that its bytes have arrived."""
    source = tmp_path / "source"
    source.write_bytes(bytes(size))
    words = (source, "--timeout", "0")
    puts = [small.start("put", "alpha", *words, "--name", "beta")]
    puts.append(small.start("put", "beta", *words, "--name", "alpha"))
    ends = [finish(put) for put in puts]
    for status, output, errors in ends:
        assert (status, output) == (1, b"") and len(errors) == 1
    assert any("sends, too: does it run get?" in errors[0] for _, _, errors in ends)


@pytest.mark.parametrize("victim", ["get", "put"])
def test_the_other_dies(small, tmp_path, victim):
    """No early end: the peer that is left prints a line, and fails."""
    get = small.start("get", "alpha", "/dev/null", "--name", "beta")
    put = small.start("put", "beta", "/dev/zero", "--name", "alpha")
    while small.count(1, "sent") < 1000:
        assert get.poll() is None and put.poll() is None
    dies, lives = (get, put) if victim == "get" else (put, get)
    dies.send_signal(signal.SIGKILL)
    status, _, errors = finish(lives)
    assert status == 1 and len(errors) == 1
    assert "died meanwhile" in errors[0] or "the peer left or came back" in errors[0]


@pytest.mark.parametrize(
    "words, status, text",
    [
        (["put", "beta"], 2, "give PEER FILE"),
        (["put", "beta", "a", "b"], 2, "one word too many"),
        (["put", "beta", "/nowhere"], 1, "/nowhere: No such file or directory"),
        (["get", "beta", "/nowhere/at/all"], 1, "/nowhere/at/all: No such file or directory"),
        (["put", "nobody", os.devnull, "--timeout", "0.2"], NO_PEER, "timeout"),
    ],
)
def test_refused(small, words, status, text):
    found = small.run(*words)
    assert found[0] == status and len(found[2]) == 1 and text in found[2][0]


# --- The target: as a whole, or as it was -----------------------------------------------------


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "folder"
    made.mkdir()
    return made


@pytest.mark.parametrize("old", [None, b"old"])
def test_nobody_comes(small, folder, old):
    """The target is as it was when no peer shows up."""
    target = folder / "target"
    if old is not None:
        target.write_bytes(old)
    before = names(folder)
    assert small.run("get", "nobody", target, "--timeout", "0.2")[0] != 0
    assert names(folder) == before
    assert old is None or target.read_bytes() == old


CUTS = {
    "the other dies": lambda get, put: put.kill(),
    "SIGINT": lambda get, put: get.send_signal(signal.SIGINT),
    "SIGTERM": lambda get, put: get.send_signal(signal.SIGTERM),
    "SIGHUP": lambda get, put: get.send_signal(signal.SIGHUP),
    "SIGQUIT": lambda get, put: get.send_signal(signal.SIGQUIT),
    "SIGKILL": lambda get, put: get.kill(),
    "too large": lambda get, put: resource.prlimit(get.pid, resource.RLIMIT_FSIZE, (0, 0)),
}


@pytest.mark.parametrize("old", [None, b"old"])
@pytest.mark.parametrize("cut", CUTS)
def test_cut(small, folder, cut, old):
    """A file that does not come whole gets no name, and leaves nothing behind."""
    target = folder / "target"
    if old is not None:
        target.write_bytes(old)
    before = names(folder)
    get = small.start("get", "alpha", target, "--name", "beta")
    put = small.start("put", "beta", "/dev/zero", "--name", "alpha")
    while small.count(1, "sent") < 100:
        assert get.poll() is None and put.poll() is None
    CUTS[cut](get, put)
    assert get.wait(LIMIT) != 0
    small.kill(put)
    assert names(folder) == before
    assert old is None or target.read_bytes() == old


def transfer(small, target, content=b"new"):
    """Send (content) to (target): the status and the output of get."""
    get = small.start("get", "alpha", target, "--name", "beta")
    sent = small.run("put", "beta", "-", "--name", "alpha", stdin=content)
    assert sent == (0, f"sent {len(content)} bytes to slot 0 (beta)\n".encode(), [])
    return finish(get)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_mode_of_what_is_replaced(small, folder, mode):
    target = folder / "target"
    target.write_bytes(b"old")
    target.chmod(mode)
    assert transfer(small, target)[0] == 0
    assert target.read_bytes() == b"new" and names(folder) == ["target"]
    assert stat.S_IMODE(target.stat().st_mode) == mode


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_mode_of_a_new_file(small, folder, umask):
    target = folder / "target"
    old = os.umask(umask)
    try:
        assert transfer(small, target)[0] == 0
    finally:
        os.umask(old)
    assert target.read_bytes() == b"new" and names(folder) == ["target"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~umask


def test_a_link_stays(small, folder, tmp_path):
    """get replaces the file that the link leads to; it refuses a link that leads nowhere."""
    real, link = tmp_path / "real", folder / "link"
    real.write_bytes(b"old")
    link.symlink_to("../real")
    assert transfer(small, link)[0] == 0
    assert link.is_symlink() and real.read_bytes() == b"new" and names(folder) == ["link"]
    real.unlink()
    status, _, errors = small.run("get", "alpha", link, "--timeout", "0.2")
    assert status == 1 and errors == [f"ivsh: {link}: No such file or directory"]
    assert not real.exists()


def test_what_may_not_be_written(small, folder):
    """... is not replaced either."""
    target = folder / "target"
    target.mkdir()
    status, _, errors = small.run("get", "alpha", target, "--timeout", "0.2")
    assert status == 1 and errors == [f"ivsh: {target}: Is a directory"]
    status, _, errors = small.run("get", "alpha", f"{folder}/none/", "--timeout", "0.2")
    assert status == 1 and len(errors) == 1 and names(folder) == ["target"]


def test_a_pipe_is_written_as_it_comes(small, folder):
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    read = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()), daemon=True)
    reader.start()
    assert transfer(small, fifo)[0] == 0
    reader.join(LIMIT)
    assert read == [b"new"] and stat.S_ISFIFO(fifo.stat().st_mode) and names(folder) == ["fifo"]


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_by_another_name(small, folder, name):
    """A pipe, and a file that somebody else goes on writing: nothing but the bytes."""
    assert transfer(small, name) == (0, b"new", [])
    out = folder / "out"
    with open(out, "wb") as file:
        file.write(b"before ")
        file.flush()
        get = small.start("get", "alpha", name, "--name", "beta", stdout=file)
        small.run("put", "beta", "-", "--name", "alpha", stdin=b"new")
        assert get.wait(LIMIT) == 0
        file.seek(0, os.SEEK_END)
        file.write(b" after")
    assert out.read_bytes() == b"before new after" and names(folder) == ["out"]


def test_devices(small):
    assert transfer(small, "/dev/null")[0] == 0 and stat.S_ISCHR(os.stat("/dev/null").st_mode)
    get = small.start("get", "alpha", "/dev/full", "--name", "beta")
    assert small.run("put", "beta", "-", "--name", "alpha", stdin=b"new")[0] != 0
    status, _, errors = finish(get)
    assert status == 1 and errors == ["ivsh: /dev/full: No space left on device"]
