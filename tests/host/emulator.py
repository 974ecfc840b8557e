# SPDX-License-Identifier: MIT
"""
emulator.py - the host programs of another processor, as if they were this machine's: a folder with
ivsh-server and ivsh that QEMU's user emulation runs.

A server starts its next process by the file that /proc/self/exe names, and the kernel cannot run a
file of another processor. The emulator makes that name of the one that it was given; and if it ends
in " (deleted)", as the kernel's does while a package is being replaced, ivsh-server takes the file
without that. So "ivsh-server (deleted)" is the program, and ivsh-server a script that runs it.
"""

import pathlib
import shutil

BUILD = pathlib.Path(__file__).resolve().parents[2] / "build"
# The C library is that of Debian's cross compiler; QEMU_LD_PREFIX names the folder of another one.
SCRIPT = """#!/bin/sh
prefix=${{QEMU_LD_PREFIX:-/usr/{arch}-linux-gnu}}
exec qemu-{arch}{trace} -L "$prefix" -0 "${{0##*/}}" "{program}" "$@"
"""


def programs(arch, folder, traces=None):
    """
    Make (folder), with the programs of (arch) in it. traces: another folder, in which the emulator
    writes each process's system calls, to a file of its number.
    """
    folder.mkdir(exist_ok=True)
    for name, file in (
        ("ivsh", "ivsh"),
        ("ivsh-server", "ivsh-server"),
        ("ivshmem-server", "ivsh-server"),
    ):
        program = folder / f"{name} (deleted)"
        shutil.copy(BUILD / f"{arch}-linux" / file, program)
        trace = f" -strace -D {traces}/%d" if traces and file == "ivsh-server" else ""
        script = folder / name
        script.write_text(SCRIPT.format(arch=arch, trace=trace, program=program))
        script.chmod(0o755)
    return folder
