# SPDX-License-Identifier: MIT
"""
test_cross.py - processes of different processors, by QEMU's user emulation, in one memory: of
another one a server, a peer, or both peers, and the rest this machine's.
"""

import random

import pytest

from emulator import programs
from peertool import Peers, finish
from rawclient import SOAK
from servertool import BUILD

NATIVE = "x86_64"
WHERE = [
    # server, one peer, the other
    (NATIVE, NATIVE, "aarch64"),
    (NATIVE, "riscv64", "aarch64"),
    ("aarch64", NATIVE, "aarch64"),
    ("aarch64", NATIVE, NATIVE),
    ("riscv64", "riscv64", NATIVE),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The programs of each processor."""
    made = {arch: programs(arch, tmp_path_factory.mktemp(arch)) for arch in ("aarch64", "riscv64")}
    return {NATIVE: BUILD, **made}


@pytest.fixture(params=WHERE, ids="-".join)
def world(request, folders, start):
    """Two sets of peers on one server."""
    server, *peers = request.param
    made = start(program=folders[server] / "ivsh-server")
    sets = [Peers(str(folders[arch] / "ivsh"), "-S", made.socket) for arch in peers]
    for one in sets:
        one.server = made
    yield sets
    for one in sets:
        for process in one.running:
            one.kill(process)
            for pipe in (process.stdout, process.stderr):
                pipe.close()


@pytest.mark.parametrize("wait", ["spin", "sleep"])
def test_messages(world, wait):
    """Both send messages of random sizes, and check each that arrives."""
    count = 100000 if SOAK else 500
    words = ("stress", "--count", count, "--wait", wait, "--timeout", 60)
    running = [peers.start(*words, "--name", name) for peers, name in zip(world, ("alpha", "beta"))]
    for process in running:
        status, output, errors = finish(process)
        assert (status, errors) == (0, []), (output, errors)
        assert f"{count} messages".encode() in output


def test_file(world, tmp_path):
    """A file arrives as it was, in each direction."""
    data = random.Random(1).randbytes(64 << 20 if SOAK else 2 << 20)
    (tmp_path / "in").write_bytes(data)
    for turn, (here, there) in enumerate((world, world[::-1])):
        out = tmp_path / f"out{turn}"
        get = here.start("get", "alpha", out, "--name", "beta")
        put = there.start("put", "beta", tmp_path / "in", "--name", "alpha")
        for process, verb in ((put, "sent"), (get, "received")):
            status, output, errors = finish(process)
            assert (status, errors) == (0, []), output
            assert output.startswith(f"{verb} {len(data)} bytes".encode())
        assert out.read_bytes() == data
