# SPDX-License-Identifier: MIT
"""test_bare.py - the bare-metal platform on every machine that it supports: bare_test.elf."""

import json
import os
import pathlib
import re
import subprocess
import threading

import pytest

from machine import processor_seconds

IMAGE = pathlib.Path(__file__).resolve().parents[2] / "build" / "x86_64" / "bare_test.elf"
LIMIT = 60  # seconds

QEMU = (
    "qemu-system-x86_64 -accel tcg -smp 1,maxcpus=2 -nodefaults -display none -serial stdio"
    " -monitor none -no-reboot -device isa-debug-exit,iobase=0xf4"
).split()

MACHINES = {
    "q35": "-M q35 -m 64M",
    "q35 3G": "-M q35 -m 3G",
    "q35 1 GiB pages": "-M q35 -m 64M -cpu max",
    "pc": "-M pc -m 64M",
    "pc 5G": "-M pc -m 5G",
    "q35 qboot": "-M q35 -m 64M -bios qboot.rom",
    "pc qboot 5G": "-M pc -m 5G -bios qboot.rom",
    "microvm": "-M microvm,pcie=on,acpi=on -m 64M",
    "microvm 5G": "-M microvm,pcie=on,acpi=on -m 5G",
}

EXIT_TRAP = 100  # ARCH_EXIT_TRAP
EXIT_PROCESSOR = 101  # ARCH_EXIT_PROCESSOR

# Processors that cannot run the image, and what each lacks first.
PROCESSORS = {
    "486": "TSC",
    "pentium": "PAE",
    "pentium2": "SSE",
    "pentium3": "SSE2",
    "qemu32": "NX",
    "coreduo": "long mode",
    "qemu64,level=0": "FPU",
    "qemu64,xlevel=0": "NX",
    "qemu64,-lm": "long mode",
    "qemu64,-nx": "NX",
    "qemu64,-apic": "APIC",
    "qemu64,-tsc": "TSC",
    "qemu64,-msr": "MSR",
    "qemu64,-pae": "PAE",
    "qemu64,-cx8": "CX8",
    "qemu64,-fxsr": "FXSR",
    "qemu64,-sse2": "SSE2",
}


def run(command, options):
    """
    What the guest printed, and QEMU's exit status. 0 alone is no proof: QEMU exits with it after a
    crash, too.
    """
    done = subprocess.run(
        [*QEMU, *options.split(), "-kernel", str(IMAGE), "-append", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=LIMIT,
    )
    return done.stdout.decode(errors="replace"), done.returncode


def memory_file(folder, size):
    """A file of (size) bytes, for -object memory-backend-file."""
    path = folder / "memory"
    path.touch()
    os.truncate(path, size)
    return path


def status(code):
    """isa-debug-exit's answer to (code)."""
    return code << 1 | 1


# Machines without an 8254, and the reference clock that each has instead.
CLOCKS = {
    "ACPI timer": "-M q35,pit=off",
    "ACPI timer, qboot": "-M pc,pit=off -bios qboot.rom",
    "ACPI timer, hidden": "-M q35,pit=off,acpi=off",
    "QEMU's APIC": "-M microvm,acpi=on,pit=off",
    "CMOS clock": "-M microvm,acpi=on,pit=off,rtc=on -cpu qemu64,-hypervisor",
}


@pytest.mark.parametrize("clock", CLOCKS)
def test_clock(clock):
    """A second of sleep takes a second, within what a busy host makes of it."""
    text, code = run("seconds", CLOCKS[clock])
    assert code == 0, text
    took = int(re.findall(r"took (\d+) us", text)[-1])  # the guest tries up to ten times
    assert 900_000 < took < 1_100_000, text


def test_clock_none():
    text, code = run("words", "-M microvm,acpi=on,pit=off,rtc=off -cpu qemu64,-hypervisor")
    assert text.startswith("clock: nothing to measure time by: ") and code == status(1), text


@pytest.mark.parametrize("machine", ["q35", "pc 5G", "q35 qboot", "microvm"])
def test_cases(machine):
    text, code = run("", MACHINES[machine])
    print(text)
    assert "FAIL" not in text and " 0 failed, 0 skipped" in text
    assert code == 0


@pytest.mark.parametrize(
    "machine, gib",
    [
        *((machine, 64) for machine in MACHINES),
        # Without pages of 1 GiB, more page tables than any image would hold ready.
        *((machine, 256) for machine in ["q35", "pc 5G", "q35 qboot", "microvm"]),
    ],
)
def test_device_large(machine, gib, tmp_path):
    """With addresses from firmware or from the library, its first and last word are memory."""
    memory = memory_file(tmp_path, gib << 30)
    text, code = run(
        "device",
        f"{MACHINES[machine]} -device ivshmem-plain,memdev=m"
        f" -object memory-backend-file,id=m,mem-path={memory},size={gib}G,share=on",
    )
    assert "first and last word kept" in text and code == 0
    with memory.open("rb") as file:
        assert file.read(8) == bytes.fromhex("8877665544332211")
        file.seek(-8, 2)
        assert file.read(8) == bytes.fromhex("00ffeeddccbbaa99")


PXB = (
    " -device pxb-pcie,id=a,bus_nr=64 -device pcie-root-port,id=b,bus=a,slot=3"
    " -device pcie-pci-bridge,id=c,bus=b -device ivshmem-plain,memdev=m,bus=c,addr=3"
)
PXB_OLD = " -device pxb,id=a,bus_nr=3 -device ivshmem-plain,memdev=m,bus=a,addr=3"
NINE = "".join(
    f" -device pci-bridge,id=n{i},chassis_nr={i + 1},bus={f'n{i - 1}' if i else 'pci.0'},addr=3"
    for i in range(9)
)


@pytest.mark.parametrize(
    "machine, more, function",
    [
        ("q35", PXB, "0x4218"),
        ("q35 qboot", PXB, "0x4218"),
        ("pc", PXB_OLD, "0x418"),
        ("pc qboot 5G", PXB_OLD, "0x418"),
        ("pc qboot 5G", NINE + " -device ivshmem-plain,memdev=m,addr=9", "0x48"),
    ],
)
def test_device_location(machine, more, function, tmp_path):
    """On root buses with and without numbers from firmware; beside bridges to nothing."""
    memory = memory_file(tmp_path, 4 << 20)
    text, code = run(
        "device",
        f"{MACHINES[machine]}"
        f" -object memory-backend-file,id=m,mem-path={memory},size=4M,share=on{more}",
    )
    assert f"device: function {function}," in text and code == 0, text
    assert "first and last word kept" in text


@pytest.mark.parametrize("machine", ["pc qboot 5G", "q35 qboot", "microvm"])
def test_device_again(machine, tmp_path):
    """Addresses and page tables of an unplugged device are used again."""
    memory = memory_file(tmp_path, 1 << 30)
    text, code = run(
        "plug",
        f"{MACHINES[machine]} -device ivshmem-plain,memdev=m"
        f" -object memory-backend-file,id=m,mem-path={memory},size=1G,share=on",
    )
    assert "plug: 300 rounds, page tables given back" in text and code == 0, text


def test_device_too_large(tmp_path):
    """Without memory for the page tables: a line and a status, and no trap."""
    memory = memory_file(tmp_path, 256 << 30)
    text, code = run(
        "device",
        "-M q35 -m 3M -device ivshmem-plain,memdev=m"
        f" -object memory-backend-file,id=m,mem-path={memory},size=256G,share=on",
    )
    assert text.count("no memory left for page tables") == 1 and "trap" not in text, text
    assert code == status(1)


@pytest.mark.parametrize(
    "what, report",
    [
        ("ud", "trap 6: invalid opcode"),
        ("null", "trap 14: page fault\n"),
        ("stack", "trap 14: page fault, the stack is full"),
        ("text", "trap 14: page fault\n"),
        ("data", "trap 14: page fault\n"),
        ("unmapped", "trap 14: page fault\n"),
    ],
)
def test_trap(what, report):
    text, code = run(f"trap {what}", MACHINES["q35"])
    assert report in text.replace("\r", "") and "  rip " in text
    assert code == status(EXIT_TRAP)


@pytest.mark.parametrize("machine", ["q35", "pc", "microvm"])
@pytest.mark.parametrize("given, want", [(0, 0), (1, 3), (2, 5), (127, 255), (300, 255)])
def test_exit(machine, given, want):
    assert run(f"exit {given}", MACHINES[machine]) == (f"exit {given}\n", want)


def test_exit_without_device():
    """Without isa-debug-exit a failure cannot reach QEMU's status: the guest prints so."""
    words = [word for word in QEMU if "isa-debug-exit" not in word and word != "-device"]
    done = subprocess.run(
        [*words, *MACHINES["q35"].split(), "-kernel", str(IMAGE), "-append", "exit 1"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=LIMIT,
    )
    assert done.stdout.decode().splitlines() == [
        "exit 1", "exit: no isa-debug-exit device: QEMU's status will be 0",
    ]  # fmt: skip
    assert done.returncode == 0


@pytest.mark.parametrize("given, want", [(0, 0), (2, 5)])
@pytest.mark.parametrize(
    "machine",
    [
        "pc,acpi=off",
        "q35,acpi=off",
        "q35,acpi=off -bios qboot.rom",
        "microvm,acpi=off",
        "microvm,pcie=on,acpi=off",
    ],
)
def test_exit_without_acpi(machine, given, want):
    """A failure by its status; a success by a reset, which is announced."""
    text, code = run(f"exit {given}", f"-M {machine}")
    assert code == want
    # q35 can be powered off all the same.
    announced = text.startswith("power: this machine cannot be switched off (it has no ACPI)")
    assert announced != machine.startswith("q35"), text


def test_exit_reset_once():
    """Without -no-reboot a reset starts the guest again: its command must not run again."""
    command = [word for word in QEMU if word != "-no-reboot"]
    qemu = subprocess.Popen(
        [*command, "-M", "pc,acpi=off", "-kernel", str(IMAGE), "-append", "words"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    timer = threading.Timer(LIMIT, qemu.kill)
    timer.start()
    lines = [qemu.stdout.readline().decode() for _ in range(4)]
    timer.cancel()
    qemu.kill()
    qemu.wait()
    assert [line[:5] for line in lines] == ["power", "word ", "word ", "power"], lines
    assert "cannot be switched off" in lines[0] and "does nothing more" in lines[3]


NO_SERIAL_PORT = "console: no serial port at 0x3f8 (QEMU: -serial)"


def without_serial_port(more, command="words here"):
    """QEMU's command, with (more) where the serial port was."""
    at = QEMU.index("-serial")
    return [
        *QEMU[:at], "-serial", "none", *more.split(), *QEMU[at + 2 :],
        "-kernel", str(IMAGE), "-append", command,
    ]  # fmt: skip


@pytest.mark.parametrize("machine", ["q35", "q35 qboot", "microvm"])
def test_debug_console(machine):
    done = subprocess.run(
        without_serial_port(f"-debugcon stdio {MACHINES[machine]}"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=LIMIT,
    )
    text = done.stdout.decode()
    assert text.splitlines() == [NO_SERIAL_PORT, *(f"word {i}: [{w}]" for i, w in enumerate(
        ["bare_test", "words", "here"]))] and done.returncode == 0, text  # fmt: skip


def screen_after(command):
    """The lines of the VGA text screen when the guest has switched its machine off."""
    qemu = subprocess.Popen(
        without_serial_port("-M q35 -vga std -no-shutdown -qmp stdio", command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    timer = threading.Timer(LIMIT, qemu.kill)
    timer.start()
    print('{"execute": "qmp_capabilities"}', file=qemu.stdin, flush=True)
    for line in qemu.stdout:
        if '"SHUTDOWN"' in line:
            break
    ask = {"command-line": "xp /2000hx 0xb8000"}
    request = {"execute": "human-monitor-command", "arguments": ask}
    print(json.dumps(request), file=qemu.stdin, flush=True)
    for line in qemu.stdout:
        if '"return": "' in line:
            break
    timer.cancel()
    qemu.kill()
    qemu.wait()
    words = re.findall(r" 0x07([0-9a-f]{2})", line)
    text = bytes(int(word, 16) for word in words).decode()
    return [text[at : at + 80].rstrip() for at in range(0, len(text), 80)]


def test_screen():
    lines = screen_after("words here")
    assert lines[:4] == [
        NO_SERIAL_PORT, "word 0: [bare_test]", "word 1: [words]", "word 2: [here]",
    ]  # fmt: skip
    lines = screen_after("words " + "x " * 40)
    assert lines[23] == "word 41: [x]" and lines[24] == "", "it scrolls"


@pytest.mark.parametrize(
    "line, words",
    [
        ("words", ["bare_test", "words"]),
        ('words "two words" a"b c"d ""', ["bare_test", "words", "two words", "ab cd", ""]),
        ("words " + "x" * 3000, ["bare_test", "words", "x" * 3000]),
    ],
)
def test_words(line, words):
    text, code = run(line, MACHINES["q35"])
    assert text.splitlines() == [f"word {i}: [{word}]" for i, word in enumerate(words)]
    assert code == 0


@pytest.mark.parametrize("machine", ["q35 qboot", "microvm"])
@pytest.mark.parametrize(
    "line, problem",
    [('words "open', "a quote is not closed"), ("x " * 64, "more than 63 words")],
)
def test_words_refused(machine, line, problem):
    text, code = run(line, MACHINES[machine])
    assert text.splitlines() == [f"bare_test: command line: {problem}"]
    assert code == status(2)


@pytest.mark.parametrize("machine", ["q35", "q35 qboot", "microvm"])
def test_input(machine):
    """Nothing that was typed is lost, also before the program runs. Standard input stays open."""
    text = "what is typed, a line\n" * 10
    total = 0
    for byte in text.encode():
        total = (total * 31 + byte) & 0xFFFFFF
    qemu = subprocess.Popen(
        [*QEMU, *MACHINES[machine].split(), "-kernel", str(IMAGE), "-append", "read"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        qemu.stdin.write(text.encode() + b"\x04")
        qemu.stdin.flush()
        code = qemu.wait(LIMIT)
    finally:
        qemu.kill()
        output = qemu.communicate()[0].decode()
    assert f"read: {len(text)} bytes, sum {total}\n" in output and code == 0, output


@pytest.mark.parametrize("processor, lack", PROCESSORS.items())
def test_processor_refused(processor, lack):
    text, code = run("words", f"-M q35 -cpu {processor}")
    assert re.fullmatch(
        rf"start: the processor lacks {lack}(, [^,]+)*: choose another with QEMU's -cpu\r?\n", text
    ), text
    assert code == status(EXIT_PROCESSOR)


def test_processor_refused_by_qboot():
    text, code = run("words", "-M microvm,acpi=on -cpu qemu64,-nx")
    assert text.startswith("start: the processor lacks NX: ") and code == status(EXIT_PROCESSOR)


def test_sleep_halts():
    """Two seconds of sleep cost the host no more processor time than the start, and a little."""
    def sleep(ms):
        assert run(f"sleep {ms}", MACHINES["q35"]) == ("slept\n", 0)

    start, spent = (processor_seconds(lambda ms=ms: sleep(ms)) for ms in (0, 2000))
    assert spent < start + 0.7, f"{spent} s of processor time, {start} s to start"
