# SPDX-License-Identifier: MIT
"""test_bare_aarch64.py - the bare-metal platform on QEMU's virt of aarch64: bare_test.elf."""

import itertools
import os
import re
import subprocess

import pytest
from machine import AARCH64, TCG, processor_seconds

LIMIT = 60  # seconds
SOAK = os.environ.get("IVSH_SOAK")

EXIT_TRAP = 100  # ARCH_EXIT_TRAP
EXIT_PROCESSOR = 101  # ARCH_EXIT_PROCESSOR

A72 = "-M virt -cpu cortex-a72 -m 64M"
MACHINES = {
    "cortex-a72": A72,
    "cortex-a53, EL2, 5 GiB": "-M virt,virtualization=on -cpu cortex-a53 -m 5G",
    "max, EL2, GICv3, 4 processors": (
        "-M virt,virtualization=on,gic-version=3 -cpu max -smp 4,maxcpus=4"
    ),
}

LEVELS = {"EL1": "-M virt", "EL2": "-M virt,virtualization=on"}
PROCESSORS = ["cortex-a53", "cortex-a72", "max"]
COUNTS = ["1,maxcpus=2", "4,maxcpus=4"]
SIZES = ["64M", "1G", "4G", "6G"]


def words(options, command, end=None):
    """QEMU's words: (options), in which a later -smp replaces TCG's, and the guest's (command)."""
    program = AARCH64.words()
    if end is not None:
        program = program[: len(program) - len(AARCH64.end)] + end
    image = str(AARCH64.image("bare_test"))
    return [*program, *TCG, *options.split(), "-kernel", image, "-append", command]


def run(command, options, end=None):
    """
    What the guest printed, and its status. 0 alone is no proof: QEMU exits with it after a crash,
    too.
    """
    done = subprocess.run(
        words(options, command, end),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=LIMIT,
    )
    return done.stdout.decode(errors="replace"), AARCH64.value(done.returncode)


def memory_file(folder, gib):
    """The words of an ivshmem-plain device over a file of (gib), and the file."""
    path = folder / "memory"
    path.touch()
    os.truncate(path, gib << 30)
    backend = f"memory-backend-file,id=m,mem-path={path},size={gib}G,share=on"
    return f" -object {backend} -device ivshmem-plain,memdev=m", path


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("level", LEVELS)
def test_boot(level, size):
    """Each processor with each level and size of RAM; in soak with each count of processors."""
    for number, (processor, count) in enumerate(itertools.product(PROCESSORS, COUNTS)):
        if number % 2 != SIZES.index(size) % 2 and not SOAK:
            continue
        options = f"{LEVELS[level]} -cpu {processor} -smp {count} -m {size}"
        assert run("words here", options) == (
            "word 0: [bare_test]\nword 1: [words]\nword 2: [here]\n", 0,
        ), options  # fmt: skip


@pytest.mark.parametrize("machine", MACHINES)
def test_cases(machine):
    text, status = run("", MACHINES[machine])
    print(text)
    assert "FAIL" not in text and " 0 failed, 0 skipped" in text
    assert status == 0


@pytest.mark.parametrize("frequency", [24_000_000, 1_000_000_000])
def test_clock(frequency):
    """
    A second takes a second whatever the counter's frequency. QEMU's counter has a whole number of
    nanoseconds a tick, so 24 MHz is 24.4 MHz.
    """
    text, status = run("seconds", f"-M virt -cpu cortex-a72,cntfrq={frequency}")
    assert status == 0, text
    took = int(re.findall(r"took (\d+) us", text)[-1])  # the guest tries up to ten times
    assert 900_000 < took < 1_100_000, text


@pytest.mark.parametrize("controller", ["gic-version=2", "gic-version=3,its=off"])
def test_sleep_halts(controller):
    """Two seconds of sleep cost the host no more processor time than the start, and a little."""
    def sleep(ms):
        assert run(f"sleep {ms}", f"-M virt,{controller} -cpu max") == ("slept\n", 0)

    start, spent = (processor_seconds(lambda ms=ms: sleep(ms)) for ms in (0, 2000))
    assert spent < start + 0.7, f"{spent} s of processor time, {start} s to start"


def test_input():
    """Nothing that was typed is lost, also before the program runs. Standard input stays open."""
    text = "what is typed, a line\n" * 10
    total = 0
    for byte in text.encode():
        total = (total * 31 + byte) & 0xFFFFFF
    qemu = subprocess.Popen(words(A72, "read"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        qemu.stdin.write(text.encode() + b"\x04")
        qemu.stdin.flush()
        status = qemu.wait(LIMIT)
    finally:
        qemu.kill()
        output = qemu.communicate()[0].decode()
    assert f"read: {len(text)} bytes, sum {total}\n" in output and status == 0, output


@pytest.mark.parametrize("processor", ["cortex-a53", "cortex-a72", "max"])
def test_device_large(processor, tmp_path):
    """With addresses from the library, the first and last word of 64 GiB are memory."""
    device, memory = memory_file(tmp_path, 64)
    text, status = run("device", f"-M virt -cpu {processor} -m 64M{device}")
    assert "first and last word kept" in text and status == 0, text
    with memory.open("rb") as file:
        assert file.read(8) == bytes.fromhex("8877665544332211")
        file.seek(-8, 2)
        assert file.read(8) == bytes.fromhex("00ffeeddccbbaa99")


def test_device_again(tmp_path):
    """Addresses and page tables of an unplugged device are used again."""
    device, _ = memory_file(tmp_path, 1)
    text, status = run("plug", A72 + device)
    assert "plug: 300 rounds, page tables given back" in text and status == 0, text


@pytest.mark.parametrize(
    "what, report",
    [
        ("ud", "trap 0x00: undefined instruction\n"),
        ("null", "trap 0x25: data abort, not mapped\n"),
        ("stack", "trap 0x25: data abort, not mapped: the stack is full\n"),
        ("text", "trap 0x25: data abort, no right\n"),
        ("rodata", "trap 0x25: data abort, no right\n"),
        ("data", "trap 0x21: instruction abort, no right\n"),
        ("unmapped", "trap 0x25: data abort, not mapped\n"),
        ("external", "trap 0x25: data abort, external\n"),
        ("svc", "trap 0x15: svc\n"),
        ("brk", "trap 0x3c: brk\n"),
        ("pc", "trap 0x22: pc alignment\n"),
        ("handler", "trap 0x25: data abort, not mapped: the stack of exceptions is full\n"),
    ],
)
def test_trap(what, report):
    text, status = run(f"trap {what}", A72)
    assert report in text and status == EXIT_TRAP, text
    assert re.search(r"  esr [0-9a-f]{16}  far [0-9a-f]{16}  spsr .*\n  elr [0-9a-f]{16}  sp", text)


@pytest.mark.parametrize("given, want", [(0, 0), (1, 1), (2, 2), (127, 127), (300, 127), (-1, 127)])
def test_exit(given, want):
    assert run(f"exit {given}", A72) == (f"exit {given}\n", want)


NO_SEMIHOSTING = (
    "exit: no semihosting (QEMU: -semihosting-config enable=on,target=native): QEMU's status will"
    " be 0"
)


@pytest.mark.parametrize("level", LEVELS)
def test_exit_without_semihosting(level):
    """A failure cannot reach QEMU's status: the guest prints so. Also after an exception."""
    options = f"{LEVELS[level]} -cpu cortex-a72 -m 64M"
    text, status = run("exit 1", options, end=[])
    assert text.splitlines() == ["exit 1", NO_SEMIHOSTING] and status == 0
    text, status = run("trap handler", options, end=[])
    assert "trap 0x25" in text and text.splitlines()[-1] == NO_SEMIHOSTING and status == 0


@pytest.mark.parametrize(
    "options, line",
    [
        (
            "-M virt,secure=on -cpu cortex-a72",
            "start: at EL3: this image starts at EL1 or EL2: QEMU's virt without secure=on",
        ),
        (
            "-M virt,secure=on,virtualization=on -cpu cortex-a72",
            "start: at EL3: this image starts at EL1 or EL2: QEMU's virt without secure=on",
        ),
    ],
)
def test_refused(options, line):
    assert run("words", options) == (line + "\n", EXIT_PROCESSOR)


def test_processor_refused():
    """QEMU 10 has no processor of 64 bits without floating point, and says so."""
    done = subprocess.run(
        words("-M virt -cpu cortex-a53,vfp=off,neon=off", "words"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    if "ARM CPUs must have both VFP-D32 and Neon" in done.stderr:
        assert done.returncode == 1 and done.stdout == ""
        return
    assert (done.stdout, done.returncode) == (
        "start: the processor lacks floating point: choose another with QEMU's -cpu\n",
        EXIT_PROCESSOR,
    )


@pytest.mark.parametrize(
    "line, words",
    [
        ("words", ["bare_test", "words"]),
        ('words "two words" a"b c"d ""', ["bare_test", "words", "two words", "ab cd", ""]),
        ("words " + "x" * 3000, ["bare_test", "words", "x" * 3000]),
    ],
)
def test_words(line, words):
    text, status = run(line, A72)
    assert text.splitlines() == [f"word {i}: [{word}]" for i, word in enumerate(words)]
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
    text, status = run(line, A72)
    assert text.splitlines() == [f"bare_test: command line: {problem}"] and status == 2
