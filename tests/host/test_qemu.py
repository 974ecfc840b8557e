# SPDX-License-Identifier: MIT
"""test_qemu.py - QEMU's stock ivshmem-doorbell as the client."""

import json
import os
import re
import shlex
import socket
import subprocess
import time

import pytest

from rawclient import LIMIT, RawClient, until

MACHINE = "qemu-system-x86_64 -S -M q35 -accel tcg -nodefaults -display none -m 32M".split()


class Qemu:
    """A QEMU that has the device; it runs no guest."""

    def __init__(self, folder, path, vectors=2, name="qmp"):
        self.control = folder / name
        self.process = subprocess.Popen(
            [*MACHINE]
            + ["-qmp", f"unix:{self.control},server=on,wait=off"]
            + ["-chardev", f"socket,path={path},id=c"]
            + ["-device", f"ivshmem-doorbell,chardev=c,vectors={vectors},id=ivsh"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def devices(self):
        """IDs of the PCI devices, asked over QMP: so it has realized, and its main loop answers."""
        control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        control.settimeout(LIMIT)
        until(lambda: control.connect_ex(str(self.control)) == 0)
        with control, control.makefile("rw") as file:
            json.loads(file.readline())
            answers = []
            for command in ("qmp_capabilities", "query-pci"):
                file.write(json.dumps({"execute": command}) + "\n")
                file.flush()
                answers.append(json.loads(file.readline()))
        return [device["qdev_id"] for bus in answers[1]["return"] for device in bus["devices"]]

    def end(self):
        self.process.kill()
        return self.process.communicate(timeout=LIMIT)[1]


@pytest.fixture
def qemu(tmp_path):
    machines = []

    def run(*arguments, **keywords):
        machines.append(Qemu(tmp_path, *arguments, **keywords))
        return machines[-1]

    yield run
    for machine in machines:
        machine.end()


def test_realizes_and_keeps_its_slot(start, qemu, tmp_path):
    """Killed and started again, three times: the same ID, and nothing changes for another QEMU."""
    path = tmp_path / "alpha"
    server = start("--slots", 4, "--slot", f"1={path}")
    other = qemu(server.socket, name="other")
    assert "ivsh" in other.devices()
    client = RawClient(server.socket)
    client.handshake(4, 2)
    assert client.id == 2, "0 is the other QEMU, 1 is bound"
    for turn in range(1, 4):
        machine = qemu(path, name=f"qmp{turn}")
        assert "ivsh" in machine.devices()
        assert f"pid={machine.process.pid} " in server.await_line("event=connect slot=1", turn)
        machine.process.kill()
        server.await_line("event=disconnect slot=1", turn)
        assert machine.end() == "", "no complaint"
    assert "ivsh" in other.devices()
    assert other.end() == ""
    server.await_line("event=disconnect slot=0")


def test_started_before_the_old_one_is_gone(start, qemu, tmp_path):
    path = tmp_path / "alpha"
    server = start("--slot", f"alpha={path}")
    for turn in range(10):
        first = qemu(path, name=f"first{turn}")
        assert "ivsh" in first.devices()
        second = qemu(path, name=f"second{turn}")
        time.sleep(0.2)  # it may be there by now, and waits, or comes after the kill: both must do
        first.process.kill()
        come = f"event=connect slot=0 pid={second.process.pid} "
        until(lambda: server.count(come) or second.process.poll() is not None)
        if server.count(come):
            break
        # The kill came too late: who waits is refused after a second.
        server.await_line("reason=slot-in-use", turn + 1)
    assert "ivsh" in second.devices()


def test_refused_qemu_ends_with_a_clear_error(start, qemu):
    """It neither spins nor hangs."""
    server = start("--slots", 2)
    for slot in (0, 1):
        RawClient(server.socket).handshake(2, 2)
    machine = qemu(server.socket)
    assert machine.process.wait(LIMIT) == 1
    assert "server sent version 1, expecting 0" in machine.process.stderr.read()


def test_qemu_at_the_control_socket_ends_with_a_clear_error(start, qemu):
    """With the wrong one of the two paths QEMU neither spins nor hangs, and status works."""
    server = start()
    machine = qemu(server.socket + ".control")
    while machine.process.poll() is None:
        assert server.status("region")
        time.sleep(0.1)
    assert machine.process.wait(LIMIT) == 1
    assert "server sent version 1, expecting 0" in machine.process.stderr.read()
    server.await_line("what=silent-at-control")


def test_hint_and_arguments_for_a_path_with_commas(start, qemu, build, tmp_path):
    """QEMU takes the output of the log and of qemu-args as it is."""
    path = tmp_path / "a,b,,c" / "s"
    path.parent.mkdir()
    server = start("--slot", f"x={path.parent}/bound,too", folder=path.parent)
    hint = re.search('event=hint qemu="(.*)"', server.await_line("event=hint")).group(1)
    for words, slot in ((hint, 1), (arguments(build, server, "x"), 0)):
        machine = subprocess.Popen(
            [*MACHINE, "-S", *shlex.split(words)], stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            server.await_line(f"event=connect slot={slot} ")
        finally:
            machine.kill()
            assert machine.communicate(timeout=LIMIT)[1] == ""


def arguments(build, server, *words):
    command = [build / "ivsh-server", "qemu-args", "-S", server.socket, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_slots_times_vectors(start, qemu):
    """More messages than a socket holds: QEMU gets all of them."""
    server = start("--slots", 16, "-n", 32, "-l", "64M")
    machine = qemu(server.socket, vectors=32)
    assert "ivsh" in machine.devices()
    until(lambda: len(os.listdir(f"/proc/{machine.process.pid}/fd")) >= 16 * 32)
    assert machine.end() == ""
