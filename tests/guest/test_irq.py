# SPDX-License-Identifier: MIT
"""test_irq.py - MSI-X on every machine that has it: irq_test.elf with a real server."""

import pathlib
import subprocess

import pytest

BUILD = pathlib.Path(__file__).resolve().parents[2] / "build"
LIMIT = 60  # seconds

QEMU = (
    "qemu-system-x86_64 -accel tcg -smp 1,maxcpus=2 -m 64M -nodefaults -display none"
    " -serial stdio -monitor none -no-reboot -device isa-debug-exit,iobase=0xf4"
).split()


@pytest.fixture
def serve(tmp_path):
    """serve(vectors): start a server; its socket. It ends with the test."""
    servers = []

    def start(vectors):
        socket = tmp_path / "socket"
        words = ["-F", "-S", socket, "-l", "1M", "-n", vectors, "--slots", "2"]
        server = subprocess.Popen(
            [BUILD / "host" / "ivsh-server", *map(str, words)],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        servers.append(server)
        for line in server.stderr:
            if b"event=ready" in line:
                return socket
        raise AssertionError(f"the server ended with status {server.wait()}")

    yield start
    for server in servers:
        server.terminate()
        assert server.wait(LIMIT) == 0
        server.stderr.close()


# The vectors that the server serves, and those that the device is given.
@pytest.mark.parametrize(
    "machine, served, given",
    [
        ("q35", 1, 1),
        ("q35", 2, 2),
        ("q35", 4, 4),
        ("q35", 128, 128),
        ("q35", 2, 4),
        ("q35", 4, 2),
        ("q35", 1, 2048),
        ("pc", 1, 1),
        ("pc", 2, 2),
        ("pc", 4, 4),
        ("pc", 128, 128),
        ("pc -bios qboot.rom", 2, 2),
        ("microvm,pcie=on,acpi=on", 2, 2),
        ("microvm,pcie=on,acpi=on", 2, 128),
    ],
)
def test_doorbells(serve, machine, served, given):
    words = ["-M", *machine.split(), "-chardev", f"socket,id=c,path={serve(served)}"]
    words += ["-device", f"ivshmem-doorbell,chardev=c,vectors={given}"]
    words += ["-kernel", str(BUILD / "x86_64" / "irq_test.elf"), "-append", str(served)]
    done = subprocess.run(
        [*QEMU, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=LIMIT,
    )
    text = done.stdout.decode(errors="replace")
    print(text)
    assert "FAIL" not in text and " 0 failed, 0 skipped" in text
    assert done.returncode == 0
