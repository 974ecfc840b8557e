# SPDX-License-Identifier: MIT
"""test_script.py - bad input for run-qemu.sh: one line, an exit status, and no file or process left."""

import re
import shutil

import pytest

from qemu import ROOT

# (words, status, line)
SCRIPT = {
    "demo": (["frob"], 2, "frob: no such demo or option; try --help"),
    "option": (["--frob"], 2, "--frob: no such demo or option; try --help"),
    "no value": (["--guests"], 2, "--guests: needs a value"),
    "guests 1": (["--guests", "1"], 2, "--guests 1: a number from 2 to 8"),
    "guests 9": (["--guests", "9"], 2, "--guests 9: a number from 2 to 8"),
    "guests x": (["--guests", "x"], 2, "--guests x: a number from 2 to 8"),
    "guests 0x3": (["--guests", "0x3"], 2, "--guests 0x3: a number from 2 to 8"),
    "vectors 65": (["--vectors", "65"], 2, "--vectors 65: a number from 1 to 64"),
    "timeout 0": (["--timeout", "0"], 2, "--timeout 0: a number from 1 to 86400"),
    "ram": (["--ram", "-5"], 2, "--ram -5: a number from 16 to 65536"),
    "memory 3M": (["--memory", "3M"], 2, "--memory 3M: BAR2 wants a power of two of at least 4K"),
    "memory 1K": (["--memory", "1K"], 2, "--memory 1K: BAR2 wants a power of two of at least 4K"),
    "memory 0": (["--memory", "0"], 2, "--memory 0: BAR2 wants a power of two of at least 4K"),
    "memory x": (["--memory", "4X"], 2, "--memory 4X: a number with K, M or G"),
    "memory ''": (["--memory", ""], 2, "--memory : a number with K, M or G"),
    "accel": (["--accel", "xen"], 2, "--accel xen: tcg or kvm"),
    "memory for a server": (
        ["--memory", "4K"], 1, "the server ended: .*4096 bytes are too few for 8 slots: .*",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", SCRIPT)
def test_script(world, what):
    words, status, line = SCRIPT[what]
    script = world.script("--no-build", *words)
    said = [text for text in script.done(status).splitlines() if not text.startswith("+ ")]
    assert len(said) == 1 and re.fullmatch(f"run-qemu.sh: {line}", said[0]), script.text
    assert list(world.folder.iterdir()) == []


def test_script_memory_for_guests(world):
    """Without a server the guests say it, slot 1 after waiting for slot 0, and the script fails."""
    script = world.script("plain", "--no-build", "--memory", "4K", "--command", "recv")
    text = script.done(1)
    assert "[0] ivsh: region: BAR2 has 4096 bytes, " in text
    assert "[1] ivsh: region: nobody has formatted the memory: start " in text
    assert ": 0 of 2 guests done and verified, " in text.splitlines()[-1]
    assert list(world.folder.iterdir()) == []


def test_script_without_qemu(world, tmp_path_factory):
    """A PATH that has what the script needs before it looks for QEMU, and no QEMU."""
    path = tmp_path_factory.mktemp("path")
    (path / "dirname").symlink_to(shutil.which("dirname"))
    script = world.program(
        "run-qemu.sh", ROOT / "run-qemu.sh", "--no-build",
        env={"PATH": str(path), "TMPDIR": str(world.folder)},
    )  # fmt: skip
    assert script.done(1) == (
        "run-qemu.sh: qemu-system-x86_64 is missing: ./setup.sh run, "
        "or apt install qemu-system-x86\n"
    )
    assert list(world.folder.iterdir()) == []


def test_script_help(world):
    assert world.script("--help").done().startswith("usage: ./run-qemu.sh [DEMO] [OPTION...]\n")
