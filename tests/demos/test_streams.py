# SPDX-License-Identifier: MIT
"""
test_streams.py - 64 MiB there and back by one stream, from a program in C over the host library,
from one in Python, and from the host tool; with a bare-metal guest, a UEFI guest, and another
process. The checksums at both ends are equal.
"""

import hashlib
import os
import re
import subprocess
import sys
import time

import pytest

from qemu import BUILD, ROOT, doorbell

MIB = 1 << 20
SIZE = 64 * MIB
LIMIT = 120
IVSH = BUILD / "host" / "ivsh"
MASK = (1 << 64) - 1

# What a test engineer writes: two threads, one of which writes what the other reads back.
PYTHON = """
import hashlib, sys, threading
import ivsh

data = open(sys.argv[2], "rb").read()
with ivsh.Peer(sys.argv[1], "python") as peer:
    server = peer.find("server", timeout=30)
    peer.send(server, 20, bytes(8), timeout=5)
    with peer.stream(server, 30, size=1 << 18, timeout=60) as stream:
        writer = threading.Thread(target=lambda: (stream.write(data), stream.finish()))
        writer.start()
        print(hashlib.sha256(stream.read()).hexdigest())
        writer.join()
"""


def sum_of(data, times):
    """The checksum of tests/host/sums.h over (times) times (data)."""
    low = high = total = 0
    for byte in data:
        low += byte
        total += low
    for i in range(times):
        high += i * low * len(data) + total
    return high & MASK


@pytest.fixture(scope="module")
def data():
    """64 MiB, a mebibyte again and again: their SHA-256, and their sum as the other end has it."""
    piece = os.urandom(MIB)
    whole = piece * (SIZE // MIB)
    return whole, hashlib.sha256(whole).hexdigest(), f"{sum_of(piece, SIZE // MIB):016x}"


def far(world, server, kind, image, command, words, ready):
    """The other end: a guest's program (image), or with the same words a process."""
    if kind == "process":
        made = world.program("far", *words)
    else:
        uefi = kind == "uefi"
        made = world.guest("far", command, *doorbell(server.socket), uefi=uefi, image=image)
    if ready:
        made.expect(ready)
    return made


def sums(world, server, kind):
    """It sends back what comes, once, and prints its checksum."""
    words = [BUILD / "host" / "looper", server.socket, "server", "serve"]
    return far(world, server, kind, "sums", "", words, None)


def check_sums(other, kind, total):
    """The other end took as many bytes, of the same checksum."""
    if kind == "process":
        other.expect(rf"^stream in {SIZE} {total} out \d+ \w+: done$")
    else:
        other.expect(rf"^sums: {SIZE} {total}: done$")


def from_c(world, server, kind, _data):
    other = sums(world, server, kind)
    words = [server.socket, "client", "push", "server", SIZE]
    client = world.program("client", BUILD / "host" / "looper", *words)
    found = re.search(
        r"^stream in (\d+) (\w+) out (\d+) (\w+): done$", client.done(seconds=LIMIT), re.MULTILINE
    )
    assert found and found[1] == found[3] == str(SIZE) and found[2] == found[4], client.text
    check_sums(other, kind, found[2])


def from_python(world, server, kind, data):
    other = sums(world, server, kind)
    (world.folder / "data").write_bytes(data[0])
    words = [sys.executable, "-c", PYTHON, server.socket, world.folder / "data"]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "host" / "python")}
    env["IVSH_CLIENT_LIBRARY"] = str(BUILD / "host" / "libivsh-client.so.1")
    client = world.program("python", *words, env=env)
    assert client.done(seconds=LIMIT) == data[1] + "\n"
    check_sums(other, kind, data[2])


def from_the_tool(world, server, kind, data):
    """cat, to the service that sends everything back."""
    words = [IVSH, "-S", server.socket, "--name", "far", "streams"]
    ready = r"^streams: slot \d of \d serves"
    far(world, server, kind, "ivsh", "--name=far streams", words, ready)
    (world.folder / "data").write_bytes(data[0])
    with open(world.folder / "data", "rb") as source:
        out = subprocess.run(
            [IVSH, "-S", server.socket, "cat", "far:stream-echo"],
            stdin=source, capture_output=True, timeout=LIMIT, check=True,
        ).stdout  # fmt: skip
    assert len(out) == SIZE and hashlib.sha256(out).hexdigest() == data[1]


CLIENTS = {"c": from_c, "python": from_python, "tool": from_the_tool}


@pytest.mark.parametrize("kind", ["bare", "uefi", "process"])
@pytest.mark.parametrize("client", CLIENTS)
def test_64_mib_there_and_back(world, data, client, kind):
    server = world.server()
    begin = time.monotonic()
    CLIENTS[client](world, server, kind, data)
    took = time.monotonic() - begin
    print(f"\n{client:6}  {kind:7}  {took:6.2f} s  {2 * SIZE / took / MIB:7.1f} MiB/s", end="")
