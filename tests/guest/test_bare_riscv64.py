# SPDX-License-Identifier: MIT
"""test_bare_riscv64.py - the bare-metal platform on QEMU's virt of riscv64: bare_test.elf."""

import itertools
import os
import re
import subprocess

import pytest
from machine import RISCV64, TCG, processor_seconds

LIMIT = 60  # seconds

EXIT_TRAP = 100  # ARCH_EXIT_TRAP
EXIT_PROCESSOR = 101  # ARCH_EXIT_PROCESSOR

# Who starts the image: QEMU's reset vector in M-mode, or OpenSBI in S-mode. Each has its own link.
STARTS = {"M-mode": ["-bios", "none"], "OpenSBI": []}
IMAGES = {"M-mode": "bare_test", "OpenSBI": "bare_test-sbi"}

INTERRUPTS = ["none", "aplic", "aplic-imsic"]
COUNTS = ["1,maxcpus=2", "4,maxcpus=4"]
SIZES = ["18M", "64M", "5G"]

VIRT = "-M virt -m 64M"
# One for each timer: stimecmp, the CLINT's by mmode.S, the ACLINT's likewise, and by OpenSBI.
MACHINES = {
    "stimecmp": ("M-mode", "-M virt,aia=aplic-imsic -m 64M"),
    "CLINT": ("M-mode", "-M virt -cpu rv64,sstc=off -m 3G"),
    "ACLINT, 4 processors": ("M-mode", "-M virt,aclint=on -cpu rv64,sstc=off -smp 4,maxcpus=4"),
    "OpenSBI": ("OpenSBI", "-M virt,aia=aplic-imsic -m 5G"),
    "OpenSBI's timer": ("OpenSBI", "-M virt -cpu rv64,sstc=off -m 64M"),
}


def words(command, options, start="M-mode"):
    """QEMU's words: (options), in which a later -smp replaces TCG's, and the guest's (command)."""
    image = str(RISCV64.image(IMAGES[start]))
    more = [*TCG, *STARTS[start], *options.split(), "-kernel", image, "-append", command]
    return [*RISCV64.words(), *more]


def run(command, options, start="M-mode"):
    """
    What the guest printed, behind OpenSBI's words, and its status. 0 alone is no proof: QEMU exits
    with it after a crash, too.
    """
    done = subprocess.run(
        words(command, options, start),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=LIMIT,
    )
    text = done.stdout.decode(errors="replace").replace("\r", "")
    if start == "OpenSBI":
        text = re.sub(r"^.*\nBoot HART MEDELEG *: \w+\n", "", text, flags=re.DOTALL)
    return text, RISCV64.value(done.returncode)


def device(folder, gib):
    """The words of an ivshmem-plain device over a file of (gib), and the file."""
    path = folder / "memory"
    path.touch()
    os.truncate(path, gib << 30)
    backend = f"memory-backend-file,id=m,mem-path={path},size={gib}G,share=on"
    return f" -object {backend} -device ivshmem-plain,memdev=m", path


@pytest.mark.parametrize("interrupts", INTERRUPTS)
@pytest.mark.parametrize("start", STARTS)
def test_boot(start, interrupts):
    """Each with each count of processors and size of RAM."""
    for count, size in itertools.product(COUNTS, SIZES):
        options = f"-M virt,aia={interrupts} -smp {count} -m {size}"
        assert run("words here", options, start) == (
            "word 0: [bare_test]\nword 1: [words]\nword 2: [here]\n", 0,
        ), options  # fmt: skip


@pytest.mark.parametrize("machine", MACHINES)
def test_cases(machine):
    start, options = MACHINES[machine]
    text, status = run("", options, start)
    print(text)
    assert "FAIL" not in text and " 0 failed, 0 skipped" in text
    assert status == 0


@pytest.mark.parametrize("machine", ["stimecmp", "ACLINT, 4 processors", "OpenSBI's timer"])
def test_sleep_halts(machine):
    """Two seconds of sleep cost the host no more processor time than the start, and a little."""
    how, options = MACHINES[machine]

    def sleep(ms):
        assert run(f"sleep {ms}", options, how) == ("slept\n", 0)

    start, spent = (processor_seconds(lambda ms=ms: sleep(ms)) for ms in (0, 2000))
    assert spent < start + 0.7, f"{spent} s of processor time, {start} s to start"


def test_input():
    """Nothing that was typed is lost, also before the program runs. Standard input stays open."""
    text = "what is typed, a line\n" * 10
    total = 0
    for byte in text.encode():
        total = (total * 31 + byte) & 0xFFFFFF
    qemu = subprocess.Popen(words("read", VIRT), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        qemu.stdin.write(text.encode() + b"\x04")
        qemu.stdin.flush()
        status = qemu.wait(LIMIT)
    finally:
        qemu.kill()
        output = qemu.communicate()[0].decode()
    assert f"read: {len(text)} bytes, sum {total}\n" in output and status == 0, output


@pytest.mark.parametrize("processor", ["rv64", "sifive-u54"])
def test_device_large(processor, tmp_path):
    """
    With addresses from the library, the first and last word of 16 GiB are memory. Newer QEMUs give
    sifive-u54 Sv39 alone.
    """
    words, memory = device(tmp_path, 16)
    text, status = run("device", f"{VIRT} -cpu {processor}{words}")
    assert "first and last word kept" in text and status == 0, text
    with memory.open("rb") as file:
        assert file.read(8) == bytes.fromhex("8877665544332211")
        file.seek(-8, 2)
        assert file.read(8) == bytes.fromhex("00ffeeddccbbaa99")


def test_device_too_large(tmp_path):
    """The machine's window has 16 GiB: a line and a status for more."""
    words, _ = device(tmp_path, 64)
    text, status = run("device", VIRT + words)
    assert "FAIL: bare: device: " in text and "trap" not in text and status == 1, text


def test_device_again(tmp_path):
    """Addresses and page tables of an unplugged device are used again."""
    words, _ = device(tmp_path, 1)
    text, status = run("plug", VIRT + words)
    assert "plug: 300 rounds, page tables given back" in text and status == 0, text


@pytest.mark.parametrize(
    "what, report",
    [
        ("ud", "trap 2: illegal instruction\n"),
        ("csr", "trap 2: illegal instruction\n"),
        ("break", "trap 3: breakpoint\n"),
        ("external", "trap 5: load access fault\n"),
        ("data", "trap 12: instruction page fault\n"),
        ("null", "trap 13: load page fault\n"),
        ("unmapped", "trap 13: load page fault\n"),
        ("text", "trap 15: store page fault\n"),
        ("rodata", "trap 15: store page fault\n"),
        ("stack", "trap 15: store page fault, the stack is full\n"),
        ("handler", "trap 15: store page fault, the stack of exceptions is full\n"),
    ],
)
def test_trap(what, report):
    text, status = run(f"trap {what}", VIRT)
    assert text.startswith("\n" + report) and status == EXIT_TRAP, text
    assert re.search(r"\n  scause [0-9a-f]{16}  sepc [0-9a-f]{16}  stval [0-9a-f]{16}\n", text)


def test_trap_over_opensbi():
    """OpenSBI passes the exceptions of the image on to it."""
    text, status = run("trap ud", VIRT, "OpenSBI")
    assert text.startswith("\ntrap 2: illegal instruction\n") and status == EXIT_TRAP, text


@pytest.mark.parametrize("given, want", [(0, 0), (1, 1), (2, 2), (127, 127), (300, 127), (-1, 127)])
def test_exit(given, want):
    assert run(f"exit {given}", VIRT) == (f"exit {given}\n", want)


def test_exit_over_opensbi():
    assert run("exit 3", VIRT, "OpenSBI") == ("exit 3\n", 3)


@pytest.mark.parametrize(
    "start, processor",
    [
        ("M-mode", "sifive-e51"),
        ("M-mode", "rv64,d=off"),
        ("M-mode", "rv64,h=off,s=off"),
        ("OpenSBI", "rv64,d=off"),
        ("OpenSBI", "rv64,d=off,f=off"),
    ],
)
def test_refused(start, processor):
    line = "start: this processor has no S-mode or no D extension: QEMU's -cpu rv64 has both\n"
    assert run("words", f"{VIRT} -cpu {processor}", start) == (line, EXIT_PROCESSOR)


@pytest.mark.parametrize(
    "line, want",
    [
        ('words "two words" a"b c"d ""', ["bare_test", "words", "two words", "ab cd", ""]),
        ("words " + "x" * 3000, ["bare_test", "words", "x" * 3000]),
    ],
)
def test_words(line, want):
    text, status = run(line, VIRT)
    assert text.splitlines() == [f"word {i}: [{word}]" for i, word in enumerate(want)]
    assert status == 0


@pytest.mark.parametrize(
    "line, problem",
    [
        ('words "open', "a quote is not closed"),
        ("x " * 64, "more than 63 words"),
        ("x" * 4096, "more than 4095 bytes"),
    ],
)
def test_words_refused(line, problem):
    text, status = run(line, VIRT)
    assert text.splitlines() == [f"bare_test: command line: {problem}"] and status == 2
