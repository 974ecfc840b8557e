# SPDX-License-Identifier: MIT
"""test_split_qemu_args.py - ivsh-server qemu-args of a split region, and QEMU by that line."""

import json
import os
import pathlib
import shlex
import shutil
import socket
import subprocess

import pytest
from rawclient import LIMIT, until
from splittool import ALICE, BOB, as_root

MACHINE = "qemu-system-x86_64 -S -M q35 -accel tcg -nodefaults -display none -m 32M".split()


def query_pci(path):
    """The ivshmem devices of a QEMU, over QMP: (device, function) of each."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
        control.settimeout(LIMIT)
        until(lambda: control.connect_ex(str(path)) == 0)
        with control.makefile("rw") as file:
            file.readline()
            for command in ("qmp_capabilities", "query-pci"):
                file.write(json.dumps({"execute": command}) + "\n")
                file.flush()
                answer = json.loads(file.readline())
    devices = [device for bus in answer["return"] for device in bus["devices"]]
    return [
        (device["slot"], device["function"])
        for device in devices
        if (device["id"]["vendor"], device["id"]["device"]) == (0x1AF4, 0x1110)
    ]


@pytest.mark.parametrize("is_plain", [False, True])
def test_qemu_args(start, build, tmp_path, is_plain):
    """QEMU takes the line: a device for each part, at its place, and its own alone is writable."""
    folder = tmp_path / "d,'x"
    server = start("--split", "--slots", 10, "--size", "8M", "--slot", f"beta={tmp_path}/b",
                   "--slot", f"9={tmp_path}/c", "--file", folder)  # fmt: skip
    assert "command=\"ivsh-server qemu-args -S " in server.await_line("event=hint")

    def args(*more):
        return subprocess.run(
            [build / "ivsh-server", "qemu-args", "-S", server.socket, *more],
            capture_output=True, text=True, timeout=LIMIT,
        )  # fmt: skip

    done = args("9", *(["--plain"] if is_plain else []))
    assert (done.returncode, done.stderr) == (0, "")
    words = shlex.split(done.stdout)
    backends = [word for word in words if word.startswith("memory-backend-file")]
    parts = [word for word in backends if "part" in word]
    assert len(parts) == 10 and len(backends) == 10 + is_plain
    assert ["readonly=on" in word for word in parts] == [True] * 9 + [False]
    qmp = tmp_path / "qmp"
    machine = subprocess.Popen([*MACHINE, *words, "-qmp", f"unix:{qmp},server=on,wait=off"])
    try:
        found = query_pci(qmp)
        maps = pathlib.Path(f"/proc/{machine.pid}/maps").read_text()
    finally:
        machine.kill()
        machine.wait()
    assert [place for place in found if place[0] >= 16] == [(16 + n // 8, n % 8) for n in range(10)]
    assert len(found) == 11
    modes = {n: set() for n in range(10)}
    for line in maps.splitlines():
        for n in range(10):
            if line.endswith(f"/part-{n}"):
                modes[n].add(line.split()[1])
    assert modes == {n: {"rw-s" if n == 9 else "r--s"} for n in range(10)}
    if not is_plain:
        server.await_line("event=connect slot=9")
    assert server.count("event=connect slot=9") == (not is_plain)

    for words, what in (
        ((), "give SLOT"),
        (("3",), "without a socket of its own the machine may get another slot"),
        (("9", "--libvirt"), "libvirt's shmem element opens no memory for reading alone"),
        (("77",), "no such slot"),
    ):
        done = args(*words)
        assert done.returncode == 1 and done.stdout == "" and what in done.stderr
        assert done.stderr.count("\n") == 1


def test_qemu_args_send_only(start, build, tmp_path):
    """Of the slots that the machine sends to it maps what is before the rings. R18.4."""
    bound = [f"--slot={name}={tmp_path}/{name}" for name in ("alpha", "beta")]
    server = start("--split", "--slots", 10, "--size", "8M", *bound)

    def args(*words):
        return subprocess.run(
            [build / "ivsh-server", "qemu-args", "-S", server.socket, *words],
            capture_output=True, text=True, timeout=LIMIT,
        )  # fmt: skip

    alpha = int(server.await_line("name=alpha").split(" slot=")[1].split()[0])
    beta = int(server.await_line("name=beta").split(" slot=")[1].split()[0])
    whole = os.stat(f"{server.socket}.split/part-0").st_size
    done = args("--send-only", "alpha", "beta", "5")
    assert (done.returncode, done.stderr) == (0, "")
    words = shlex.split(done.stdout)
    sizes = {}
    for word in words:
        if word.startswith("memory-backend-file"):
            options = dict(option.split("=", 1) for option in word.split(",")[1:])
            sizes[int(options["mem-path"].rsplit("-", 1)[1])] = int(options["size"])
    # 9 lines of 256 bytes behind 10240, in the part of an odd slot.
    assert sizes == {n: 16384 if n in (beta, 5) else whole for n in range(10)}
    qmp = tmp_path / "qmp"
    machine = subprocess.Popen([*MACHINE, *words, "-qmp", f"unix:{qmp},server=on,wait=off"])
    try:
        query_pci(qmp)
        maps = pathlib.Path(f"/proc/{machine.pid}/maps").read_text()
    finally:
        machine.kill()
        machine.wait()
    for n in range(10):
        spans = [line.split()[0] for line in maps.splitlines() if line.endswith(f"/part-{n}")]
        bytes_mapped = sum(int(b, 16) - int(a, 16) for a, b in (span.split("-") for span in spans))
        assert bytes_mapped == sizes[n]

    for words, status, what in (
        (("--send-only", "alpha"), 2, "give its SLOT, and then theirs"),
        (("--send-only", "alpha", "alpha"), 1, "the machine's own slot"),
        (("--send-only", "alpha", str(alpha)), 1, "the machine's own slot"),
        (("--send-only", "alpha", "gamma"), 1, "gamma: no such slot"),
        (("alpha", "beta"), 2, "one word too many"),
    ):
        done = args(*words)
        assert (done.returncode, done.stdout) == (status, "") and what in done.stderr
        assert done.stderr.count("\n") == 1


def test_qemu_args_send_only_of_one_memory(start, build, tmp_path):
    server = start("--slot", f"alpha={tmp_path}/a", "--slot", f"beta={tmp_path}/b")
    done = subprocess.run(
        [build / "ivsh-server", "qemu-args", "-S", server.socket, "--send-only", "alpha", "beta"],
        capture_output=True, text=True, timeout=LIMIT,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "the region is one memory" in done.stderr and done.stderr.count("\n") == 1


@as_root
def test_qemu_of_a_user(start, build, public):
    """QEMU that runs as the slot's user starts by the line, and cannot have more by another one."""
    server = start("--split", "--slots", 3, "--socket-mode", "0666", folder=public, *[
        word for name, user in (("a", ALICE), ("b", BOB))
        for word in ("--slot", f"{name}={public}/{name},user={user}")
    ])  # fmt: skip
    line = subprocess.run(
        [build / "ivsh-server", "qemu-args", "-S", server.socket, "a"],
        capture_output=True, text=True, timeout=LIMIT, check=True,
    ).stdout  # fmt: skip
    work = public / "work"
    work.mkdir()
    os.chown(work, ALICE, ALICE)
    prefix = ["setpriv", f"--reuid={ALICE}", f"--regid={ALICE}", "--clear-groups"]

    def run(words, name):
        qmp = work / name
        return qmp, subprocess.Popen(
            [*prefix, *MACHINE, *words, "-qmp", f"unix:{qmp},server=on,wait=off"],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    qmp, machine = run(shlex.split(line), "qmp")
    try:
        assert len(query_pci(qmp)) == 4
        assert f"uid={ALICE}" in server.await_line("event=connect slot=0")
    finally:
        machine.kill()
        machine.communicate(timeout=LIMIT)
    for slot in (1, 2):
        words = shlex.split(line)
        (at,) = [i for i, word in enumerate(words) if f"part-{slot}," in word]
        words[at] = words[at].replace("readonly=on,", "")
        _, machine = run(words, f"qmp{slot}")
        said = machine.communicate(timeout=LIMIT)[1]
        assert machine.returncode == 1 and "Permission denied" in said, said
    shutil.rmtree(work)


def test_qemu_args_of_many(start, build, tmp_path):
    """More parts than a PCI bus has functions."""
    arguments = ("--slots", 129, "--size", "512M", "-n", 1)
    server = start("--split", *arguments, "--slot", f"0={tmp_path}/a")
    done = subprocess.run(
        [build / "ivsh-server", "qemu-args", "-S", server.socket, "0"],
        capture_output=True, text=True, timeout=LIMIT,
    )  # fmt: skip
    assert done.returncode == 1 and "128 slots at most" in done.stderr
