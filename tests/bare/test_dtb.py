# SPDX-License-Identifier: MIT
"""test_dtb.py - the trees of QEMU's virt machines: what is found in them, and what libfdt finds."""

import os
import re
import subprocess

import pytest

BUILD = "build/host-san"
SOAK = os.environ.get("IVSH_SOAK") == "1"
ROUNDS = 5000 if SOAK else 200  # damaged trees of each machine

COMMAND = "ping alpha --name='a b'"

# QEMU, hw/arm/virt.c (base_memmap, extended_memmap) and hw/riscv/virt.c (virt_memmap).
ARM = {
    "ram": "40000000 10000000",
    "uart": "9000000",
    "ecam": "4010000000 10000000",
    "low": "10000000 3eff0000",
    "high": "8000000000 10000000000",
    "fw_cfg": "9020000",
    "command line:": COMMAND,
}
RISCV = {
    "ram": "80000000 10000000",
    "uart": "10000000",
    "ecam": "30000000 10000000",
    "low": "40000000 80000000",
    "high": "400000000 800000000",
    "fw_cfg": "10100000",
    "command line:": COMMAND,
}

NUMA = (
    "-object memory-backend-ram,id=a,size=96M -object memory-backend-ram,id=b,size=160M "
    "-numa node,memdev=a -numa node,memdev=b"
)

# Name, QEMU's words, and what differs.
AARCH64 = [
    ("gicv2", "-M virt,gic-version=2 -cpu cortex-a72", {}),
    ("gicv3", "-M virt,gic-version=3 -cpu max -smp 4", {}),
    ("no ITS", "-M virt,gic-version=3,its=off -cpu cortex-a53", {}),
    ("EL2", "-M virt,virtualization=on -cpu cortex-a72", {}),
    ("EL3", "-M virt,secure=on -cpu cortex-a72", {}),
    ("SMMU", "-M virt,iommu=smmuv3 -cpu cortex-a72", {}),
    ("NUMA", f"-M virt -cpu cortex-a72 {NUMA}", {}),
    (
        "32-bit PCI",
        "-M virt,highmem=off -cpu cortex-a72",
        {"ecam": "3f000000 1000000", "high": "0 0"},
    ),
    (
        "much RAM",
        "-M virt -cpu cortex-a72 -m 8G",
        {"ram": "40000000 200000000"},
    ),
]
RISCV64 = [
    ("IMSIC", "-M virt,aia=aplic-imsic", {}),
    ("APLIC", "-M virt,aia=aplic -smp 4", {}),
    ("PLIC", "-M virt", {}),
    ("NUMA", f"-M virt -smp 2 {NUMA}", {}),
    ("much RAM", "-M virt -m 8G", {"ram": "80000000 200000000"}),
]


MACHINES = {
    f"{arch} {name}": (arch, words.split(), {**usual, **more})
    for arch, usual, rows in (("aarch64", ARM, AARCH64), ("riscv64", RISCV, RISCV64))
    for name, words, more in rows
}


def dump(arch, words, to):
    """QEMU's own tree of this machine, with a command line; it looks at no byte of the image."""
    board, *rest = words[1:]
    more = [] if "-m" in rest else ["-m", "256"]
    if arch == "riscv64":
        more += ["-bios", "none"]
    image = to.with_name("image")
    image.write_bytes(bytes(4096))
    done = subprocess.run(
        [f"qemu-system-{arch}", "-M", f"{board},dumpdtb={to}", *rest, *more, "-nodefaults",
         "-display", "none", "-kernel", image, "-append", COMMAND],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return to


@pytest.mark.parametrize("arch, words, expected", MACHINES.values(), ids=MACHINES)
def test_tree(arch, words, expected, tmp_path):
    tree = dump(arch, words, tmp_path / "tree")
    done = subprocess.run(
        [f"{BUILD}/tests/bare/virt_test", tree], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [f"{name} {value}" for name, value in expected.items()]
    done = subprocess.run(
        [f"{BUILD}/compare", str(ROUNDS), tree], capture_output=True, text=True, check=False
    )
    counts = re.fullmatch(r"(\d+) compared, (\d+) damaged\n", done.stdout)
    assert done.returncode == 0 and counts, done.stdout + done.stderr
    compared, damaged = map(int, counts.groups())
    # Of the damaged trees some are good ones, and some are not.
    assert compared == damaged + 1 and 0 < damaged < ROUNDS
