# SPDX-License-Identifier: MIT
"""
test_irq.py - doorbell interrupts on every machine that has them: irq_test.elf with a real server.
Machines that have none poll, and say why and what to do.
"""

import os
import re
import shutil
import socket
import subprocess
import time

import pytest

from machine import AARCH64, BUILD, RISCV64, TCG, X86_64
from qmp import Qmp, qmp_words

LIMIT = 60  # seconds
TIMEOUT = 5  # firmware/app/status.h
LEASH = [shutil.which("setpriv"), "--pdeathsig", "TERM"]

GICV2 = "-M virt,gic-version=2 -cpu cortex-a72"
GICV3 = "-M virt,gic-version=3 -cpu cortex-a72"
SPIS = 64  # of QEMU's GICv2m: more vectors have no interrupt

# A second device, and what is above it, which sends its messages in its own name or not.
SECOND = "-chardev socket,id=second,path=SOCKET -device ivshmem-doorbell,chardev=second,bus="
PORT = f"-device pcie-root-port,id=root,chassis=1 {SECOND}root"
EXPRESS = f"-device pcie-pci-bridge,id=bridge {SECOND}bridge,addr=3"
BRIDGE = f"-device pci-bridge,id=bridge,chassis_nr=2 {SECOND}bridge,addr=3"
DEEP = (
    "-device pcie-root-port,id=root,chassis=1 -device pcie-pci-bridge,id=bridge,bus=root"
    f" -device pci-bridge,id=deep,chassis_nr=2,bus=bridge,addr=2 {SECOND}deep,addr=3"
)


@pytest.fixture
def serve(tmp_path):
    """serve(vectors): start a server; its socket. It ends with the test."""
    servers = []

    def start(vectors):
        socket = tmp_path / "socket"
        words = ["-F", "-S", socket, "-l", "1M", "-n", vectors, "--slots", "2"]
        server = subprocess.Popen(
            [*LEASH, BUILD / "host" / "ivsh-server", *map(str, words)],
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


def command(machine, board, image, line, reboot=False):
    """QEMU's words for an image and its command line, without a device."""
    words = [*machine.words(reboot), *TCG, *board.split(), "-m", "64"]
    return [*words, "-kernel", str(machine.image(image)), "-append", line]


def device(socket, given, more=""):
    words = ["-chardev", f"socket,id=c,path={socket}"]
    words += ["-device", f"ivshmem-doorbell,chardev=c,vectors={given}"]
    return words + more.replace("SOCKET", str(socket)).split()


def output(words):
    done = subprocess.run(
        [*LEASH, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=LIMIT,
    )
    text = done.stdout.decode(errors="replace")
    print(text)
    return done.returncode, text


def doorbells(words):
    status, text = output(words)
    assert "FAIL" not in text and " 0 failed, 0 skipped" in text
    assert status == 0


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
    words = command(X86_64, f"-M {machine}", "irq_test", str(served))
    doorbells(words + device(serve(served), given))


# QEMU's words, the interrupts that the machine has, and the vectors as above.
@pytest.mark.parametrize(
    "machine, board, left, served, given",
    [
        (AARCH64, GICV2, SPIS, 2, 2),
        (AARCH64, "-M virt,gic-version=2,virtualization=on -cpu max", SPIS, 128, 128),
        (AARCH64, "-M virt,gic-version=2 -cpu cortex-a53 -smp 4,maxcpus=4", SPIS, 2, 4),
        (AARCH64, "-M virt,gic-version=3 -cpu max -smp 4,maxcpus=4", 2048, 2, 4),
        (AARCH64, "-M virt,gic-version=4,virtualization=on -cpu max", 2048, 4, 2),
        (AARCH64, "-M virt,gic-version=3,virtualization=on -cpu cortex-a53", 2048, 1, 2048),
        (AARCH64, GICV3, 2048, 128, 128),
        (RISCV64, "-M virt,aia=aplic-imsic -bios none", 2048, 2, 2),
        (RISCV64, "-M virt,aia=aplic-imsic -bios none -smp 4,maxcpus=4", 2048, 128, 128),
    ],
)
def test_doorbells_elsewhere(serve, machine, board, left, served, given):
    words = command(machine, board, "irq_test", f"{served} {left}")
    doorbells(words + device(serve(served), given))


def test_doorbells_opensbi(serve):
    """OpenSBI starts the image on either processor: each has an interrupt file of its own."""
    board = "-M virt,aia=aplic-imsic -smp 2,maxcpus=2"
    words = command(RISCV64, board, "irq_test-sbi", "2 2048")
    doorbells(words + device(serve(2), 2))


@pytest.mark.parametrize(
    "machine, board, more",
    [
        (X86_64, "-M q35", PORT),
        (AARCH64, GICV2, PORT),
        (AARCH64, GICV3, PORT),
        (AARCH64, GICV3, EXPRESS),
        (AARCH64, GICV3, BRIDGE),
        (AARCH64, GICV3, DEEP),
        (RISCV64, "-M virt,aia=aplic-imsic -bios none", PORT),
    ],
)
def test_two_devices(serve, machine, board, more):
    """An interrupt is one function's, also where a bridge sends its messages in its own name."""
    left = SPIS if board == GICV2 else 2048
    words = command(machine, board, "irq_test", f"2 {left} two")
    doorbells(words + device(serve(2), 2, more))


# --- A former owner -------------------------------------------------------------------------------
# What QEMU's stub of gdb stores before the first instruction: address, bytes, value. The tables of
# the ITS and of its LPIs are where no RAM is.
NO_RAM = 0x0A000000
OWNERS = {
    # Group 1, which the processor does not take; the highest priority active; SPIs that come.
    GICV2: [
        *((0x08000080 + 4 * i, 4, 0xFFFFFFFF) for i in range(5)),
        *((0x08000100 + 4 * i, 4, 0xFFFFFFFF) for i in range(5)),
        *((0x08000200 + 4 * i, 4, 0xFFFFFFFF) for i in range(1, 5)),
        (0x08000000, 4, 3), (0x08010000, 4, 3), (0x080100D0, 4, 1),
    ],
    GICV3: [
        *((0x08000100 + 4 * i, 4, 0xFFFFFFFF) for i in range(1, 5)),
        *((0x08000200 + 4 * i, 4, 0xFFFFFFFF) for i in range(1, 5)),
        (0x08000000, 4, 0x13),
        (0x080A0070, 8, NO_RAM | 0x78F), (0x080A0078, 8, NO_RAM | 0x780), (0x080A0000, 4, 1),
        (0x08080100, 8, 1 << 63 | NO_RAM), (0x08080108, 8, 1 << 63 | NO_RAM),
        (0x08080080, 8, 1 << 63 | NO_RAM), (0x08080000, 4, 1), (0x08080088, 8, 0x40),
    ],
}  # fmt: skip
# Of these registers bit 0 reads 1 then: the owner's state is there.
ENABLED = {GICV2: [0x08000000, 0x08010000], GICV3: [0x080A0000, 0x08080000]}


def store(path, words):
    """
    Stop a QEMU that listens for gdb at (path), store the words, address, bytes and value each, read
    them back, and let it run. Answers what was read.
    """
    end = time.monotonic() + LIMIT
    stub = socket.socket(socket.AF_UNIX)
    stub.settimeout(LIMIT)
    while True:
        try:
            stub.connect(str(path))
            break
        except OSError:
            assert time.monotonic() < end, "QEMU does not listen for gdb"
            time.sleep(0.005)  # a socket that appears has no event to wait for

    def packet(text):
        """
        The answer to (text). GDB manual, appendix E: Remote Serial Protocol. That it has stopped
        (T) may come before.
        """
        stub.sendall(f"${text}#{sum(text.encode()) % 256:02x}".encode())
        answer = b""
        while not (found := re.search(rb"\$([^#T][^#]*)#..", answer)):
            data = stub.recv(4096)
            assert data, "QEMU has closed the connection"
            answer += data
        stub.sendall(b"+")
        return found[1].decode()

    with stub:
        assert packet("Qqemu.PhyMemMode:1") == "OK"
        for address, size, value in words:
            data = value.to_bytes(size, "little").hex()
            assert packet(f"M{address:x},{size:x}:{data}") == "OK"
        read = [packet(f"m{address:x},{size:x}") for address, size, _ in words]
        assert packet("D") == "OK"
    values = [int.from_bytes(bytes.fromhex(text), "little") for text in read]
    return {address: value for (address, _, _), value in zip(words, values)}


@pytest.mark.parametrize("board", OWNERS, ids=["GICv2", "GICv3"])
def test_former_owner(serve, tmp_path, board):
    """The controller comes up from any state; the command queue of the ITS may even be stalled."""
    left = SPIS if board == GICV2 else 2048
    words = command(AARCH64, board, "irq_test", f"2 {left}") + device(serve(2), 2)
    words += ["-S", "-gdb", f"unix:{tmp_path}/gdb,server=on,wait=off"]
    process = subprocess.Popen(
        [*LEASH, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            stored = store(tmp_path / "gdb", OWNERS[board])
            text, _ = process.communicate(timeout=LIMIT)
        finally:
            process.kill()
    print(stored, text)
    assert all(stored[address] & 1 for address in ENABLED[board])
    assert "FAIL" not in text and " 0 failed, 0 skipped" in text
    assert process.returncode == 0


# SPI 33 for the first processor: nobody's. Pending last.
STRANGER = {
    GICV2: [(0x08000824, 4, 0x0100), (0x08000104, 4, 2), (0x08000204, 4, 2)],
    GICV3: [(0x08006108, 8, 0), (0x08000104, 4, 2), (0x08000204, 4, 2)],
}


@pytest.mark.parametrize("board", STRANGER, ids=["GICv2", "GICv3"])
def test_stranger(serve, tmp_path, board):
    """An interrupt that nobody wants is disabled, and not counted as a doorbell."""
    left = SPIS if board == GICV2 else 2048
    words = command(AARCH64, board, "irq_test", f"2 {left} wait") + device(serve(2), 2)
    words += ["-gdb", f"unix:{tmp_path}/gdb,server=on,wait=off"]
    process = subprocess.Popen(
        [*LEASH, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    lines, stored, later = [], {}, {}
    with process:
        try:
            for line in process.stdout:
                lines.append(line)
                if line == "ok: irq: one vector enabled\n":
                    stored = store(tmp_path / "gdb", STRANGER[board])
                    end = time.monotonic() + LIMIT
                    while not later or (later[0x08000104] & 2 and time.monotonic() < end):
                        later = store(tmp_path / "gdb", [(0x08000104, 4, 0)])
                    print("g", end="", file=process.stdin, flush=True)
            process.wait(LIMIT)
        finally:
            process.kill()
    print(stored, later, "".join(lines))
    assert process.returncode == 0
    assert stored[0x08000104] & 2 and not later[0x08000104] & 2
    assert "FAIL" not in "".join(lines) and " 0 failed, 0 skipped" in lines[-1]


@pytest.mark.parametrize(
    "machine, board",
    [
        (AARCH64, GICV2),
        (AARCH64, GICV3),
        (RISCV64, "-M virt,aia=aplic-imsic -bios none"),
    ],
)
def test_reset(serve, tmp_path, machine, board):
    """A reset in the middle of doorbells: all comes up again."""
    left = SPIS if board == GICV2 else 2048
    words = command(machine, board, "irq_test", f"2 {left} ring", reboot=True)
    words += [*device(serve(2), 2), *qmp_words(tmp_path / "qmp")]
    process = subprocess.Popen(
        [*LEASH, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    lines = []
    with process, Qmp(tmp_path / "qmp") as qmp:
        try:
            for line in process.stdout:
                lines.append(line)
                # The test behind this one rings without a pause, until a key comes.
                if line == "ok: irq: opened again\n" and lines.count(line) == 1:
                    qmp.command("system_reset")
                elif line == "ok: irq: opened again\n":
                    print("g", end="", file=process.stdin, flush=True)
            process.wait(LIMIT)
        finally:
            process.kill()
    text = "".join(lines)
    print(text)
    assert process.returncode == 0
    assert text.count("ok: irq: each vector\n") == 2
    assert "FAIL" not in text and " 0 failed, 0 skipped" in text


# --- Machines without ---------------------------------------------------------------------------

NO_ITS = r"its GICv3 has no ITS \(QEMU's virt has one without its=off\)"
NO_IMSIC = r"this machine has no IMSIC .*aia=aplic-imsic has one"


@pytest.mark.parametrize(
    "machine, board, why",
    [
        (AARCH64, "-M virt,gic-version=3,its=off -cpu cortex-a72", NO_ITS),
        (RISCV64, "-M virt -bios none", NO_IMSIC),
        (AARCH64, GICV2, None),
        (AARCH64, GICV3, None),
        (RISCV64, "-M virt,aia=aplic-imsic -bios none", None),
        (X86_64, "-M q35", None),
    ],
)
def test_info(machine, board, why):
    """info says why no doorbell interrupts the machine, and what to do; or nothing of it."""
    words = command(machine, board, "ivsh", "info")
    words += "-object memory-backend-ram,id=m,size=4M,share=on".split()
    status, text = output([*words, "-device", "ivshmem-plain,memdev=m"])
    lines = re.findall(r"^  no doorbell interrupts it: (.*?)\r?$", text, re.MULTILINE)
    assert len(lines) == (why is not None) and all(re.fullmatch(why, line) for line in lines)
    assert status == 0


def test_none_left(serve):
    """The first of two devices has taken all interrupts: a line, and the second one polls."""
    socket = serve(SPIS)
    line = "echo --device=00:01.0 --device=00:02.0 --timeout=1"
    words = command(AARCH64, GICV2, "ivsh", line) + device(socket, SPIS, SECOND + "pcie.0")
    status, text = output([w.replace("second,bus", f"second,vectors={SPIS},bus") for w in words])
    assert text.count("interrupts: none is left for another device: it polls\n") == 1, text
    assert re.findall(r"wait \w+, (\d+) vectors", text) == [str(SPIS), "0"], text
    assert status == AARCH64.status(TIMEOUT), text


def test_polling_says_so(serve):
    """A doorbell device in a machine that delivers no message: one line, and its peer polls."""
    words = command(RISCV64, "-M virt -bios none", "ivsh", "echo --timeout=1")
    status, text = output(words + device(serve(2), 2))
    assert len(re.findall(rf"^ivsh: device 00:01\.0: polling: {NO_IMSIC}$", text, re.M)) == 1, text
    assert status == RISCV64.status(TIMEOUT), text


@pytest.mark.parametrize(
    "machine, board",
    [
        (AARCH64, "-M virt,gic-version=3,its=off -cpu cortex-a72"),
        (RISCV64, "-M virt -bios none"),
    ],
)
def test_polls(tmp_path, machine, board):
    """Without a doorbell messages arrive both ways, all of them right: demo checks each."""
    memory = tmp_path / "memory"
    memory.touch()
    os.truncate(memory, 4 << 20)
    words = command(machine, board, "ivsh", "demo --slot=0 --count=200 --timeout=30")
    words += f"-object memory-backend-file,id=m,size=4M,share=on,mem-path={memory}".split()
    peer = [BUILD / "host" / "ivsh", f"--file={memory}", "--slot=1"]
    peer += ["demo", "--count=200", "--timeout=30"]
    with subprocess.Popen([*LEASH, *peer], stdout=subprocess.PIPE, text=True) as host:
        try:
            status, text = output([*words, "-device", "ivshmem-plain,memdev=m"])
            said, _ = host.communicate(timeout=LIMIT)
        finally:
            host.kill()
    print(said)
    assert status == 0 and host.returncode == 0
    assert re.search(r"^demo: .*\b200\b", text, re.MULTILINE), text
