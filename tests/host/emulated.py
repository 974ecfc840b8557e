#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
emulated.py - the tests of the host side with programs of another processor, and which system calls
a server of it makes while it serves.

usage: tests/host/emulated.py ARCH FILE...

The tests in each FILE run with programs that QEMU's user emulation runs. It writes each system call
down, and has no seccomp: so what each server called from there on, where it would have been
filtered, is compared with what its filter allows, by the numbers of that processor.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from emulator import BUILD, programs

CALL = re.compile(r"^\d+ (\w+)\((.*)$")
FILTERED = re.compile(r"prctl\((22|PR_SET_SECCOMP),")
# What the filter allows with some arguments only: a text that the emulator prints of these.
ONLY = {"prlimit64": "0,", "fcntl": "F_DUPFD_CLOEXEC"}
NEVER = {"mmap": "PROT_EXEC"}
# A run without these was none. A newer emulator has clock_gettime() in a vDSO.
NEEDED = {"accept4", "epoll_pwait", "recvmmsg", "sendmmsg", "mmap", "exit_group"}


def names(arch):
    """The names of the calls that the filter allows: what one is called may differ by processor."""
    macros = subprocess.run(
        [f"{arch}-linux-gnu-gcc", "-dM", "-E", "-xc", "-include", "asm/unistd.h", "/dev/null"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    # Some stand behind another name: __NR_fcntl is __NR3264_fcntl, which is 25.
    found = re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)\n", macros)
    numbers = {int(number): name for name, number in found}
    allowed = subprocess.run(
        [f"qemu-{arch}", str(BUILD / f"{arch}-linux/tests/host/filter_test"), "--allowed"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    return {numbers[int(number)] for number in allowed}


def calls(trace):
    """(name, arguments) of each call behind the place of the filter."""
    filtered = False
    for line in trace.read_text(errors="replace").splitlines():
        match = CALL.match(line)
        if match and filtered:
            yield match[1], match[2]
        filtered |= bool(FILTERED.search(line))


def check_calls(traces, allowed):
    """(passed, failed): each call that servers made is one."""
    made, wrong = set(), set()
    for trace in traces:
        for name, arguments in calls(trace):
            made.add(name)
            if (
                name not in allowed
                or ONLY.get(name, "") not in arguments
                or (name in NEVER and NEVER[name] in arguments)
            ):
                wrong.add(f"{name}({arguments}")
    for call in sorted(wrong):
        print(f"FAIL: emulated: the filter denies what the server called: {call}")
    for name in sorted(NEEDED - made):
        print(f"FAIL: emulated: no server called {name}: what was traced?")
    print(f"emulated: servers called {', '.join(sorted(made))}")
    return len(made), len(wrong) + len(NEEDED - made)


def main():
    arch, *files = sys.argv[1:]
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"ivsh-{arch}."))
    folder.chmod(0o755)  # some servers run as another user
    try:
        traces = folder / "traces"
        traces.mkdir(mode=0o777)
        traces.chmod(0o777)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
            env={**os.environ, "IVSH_BUILD": str(programs(arch, folder / "bin", traces))},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        lines = done.stdout.rstrip("\n").split("\n")
        print("\n".join(lines[:-1]))
        count = re.match(r"(\d+) passed, (\d+) failed, (\d+) skipped$", lines[-1])
        if not count:
            print(lines[-1])
            return 1
        passed, failed = check_calls(sorted(traces.iterdir()), names(arch))
        passed, failed = int(count[1]) + passed, int(count[2]) + failed
        print(f"{passed} passed, {failed} failed, {count[3]} skipped")
        return int(failed > 0 or done.returncode != 0)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
